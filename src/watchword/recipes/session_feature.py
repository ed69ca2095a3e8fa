"""The two hooks that fill a new session, and what they are told about the sign-in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from watchword.accounts.users import User
from watchword.errors import HookFailed
from watchword.recipes.user_context import UserContext
from watchword.setting_types import checked_settings
from watchword.signatures import check_callable
from watchword.telemetry.hooks import Hooks

Action = Literal["signin", "signup"]


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form, as the person filled it in. `value` is any JSON value, the password among them."""

    id: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmailPasswordContext:
    """How a person signed in or up with a password.

    Attributes:
        form_fields: The fields of the application's own, so empty at sign-in. Never the e-mail
            address, never the password.
        user_context: That of the request; see `UserContext`.
    """

    form_fields: tuple[FormField, ...] = ()
    login_type: Literal["emailpassword"] = "emailpassword"
    user_context: UserContext = field(default_factory=dict[str, Any], repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ThirdPartyContext:
    """How a person signed in or up with a provider.

    Attributes:
        third_party_id: The provider's id, for example `google`.
        third_party_auth_code_response: The JSON answer of the provider's token endpoint, or the tokens
            that a mobile client brought. Keep it on the server.
        raw_user_info: What the provider told about the person: `from_id_token_payload` and
            `from_user_info_api`.
        user_context: That of the request; see `UserContext`.
    """

    third_party_id: str
    third_party_auth_code_response: Mapping[str, Any] = field(repr=False)
    raw_user_info: Mapping[str, Any] = field(repr=False)
    login_type: Literal["thirdparty"] = "thirdparty"
    user_context: UserContext = field(default_factory=dict[str, Any], repr=False, compare=False)


SignInContext = EmailPasswordContext | ThirdPartyContext
SessionHook = Callable[[User, Any, Action], Awaitable[Mapping[str, Any] | None] | Mapping[str, Any] | None]


@checked_settings("session_feature.")
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFeature:
    """What a session holds when it starts. Each hook is sync or async; returning nothing means `{}`.

    Both get `(user, context, action)`, run side by side after the credentials were accepted, and are
    not called on refresh or when the application creates a session itself. Source: FDI 12.

    Attributes:
        set_jwt_payload: What rides in the access token: readable on the frontend, never secret.
        set_session_data: What stays in the database under the session handle.

    Raises:
        ConfigurationError: A hook cannot be called with these three.
    """

    set_jwt_payload: SessionHook | None = None
    set_session_data: SessionHook | None = None

    def __post_init__(self) -> None:
        for name in ("set_jwt_payload", "set_session_data"):
            check_callable(f"session_feature.{name}", getattr(self, name), "user", "context", "action")

    async def fill(
        self, hooks: Hooks, user: User, context: SignInContext, action: Action
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run both hooks and return the JWT payload and the session data.

        Raises:
            HookFailed: A hook raised, took too long, or returned something that is not a mapping; no session was made.
        """
        outcomes = await asyncio.gather(
            _run(hooks, "set_jwt_payload", self.set_jwt_payload, user, context, action),
            _run(hooks, "set_session_data", self.set_session_data, user, context, action),
            return_exceptions=True,  # so that neither is left running when the other fails
        )
        filled: list[dict[str, Any]] = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            filled.append(outcome)
        return filled[0], filled[1]


async def _run(
    hooks: Hooks, name: str, hook: SessionHook | None, user: User, context: SignInContext, action: Action
) -> dict[str, Any]:
    if hook is None:
        return {}
    result = await hooks.call(name, lambda: hook(user, context, action))
    if result is None:
        return {}
    if not isinstance(result, Mapping):
        raise HookFailed(name, f"returned {type(result).__name__}; return a dict, or nothing")
    return dict(cast("Mapping[str, Any]", result))
