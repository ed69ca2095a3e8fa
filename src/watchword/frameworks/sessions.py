"""Sessions in requests, the same in every framework: what a route asks of one, and starting one."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NotRequired, Required, TypedDict, Unpack, cast

from watchword.app import Watchword
from watchword.errors import ConfigurationError
from watchword.fdi.exchange import Exchange
from watchword.recipes.session.recipe import OverrideGlobalClaimValidators
from watchword.sessions.claims import ClaimValidator
from watchword.sessions.session import SessionContainer
from watchword.signatures import check_callable

Load = Callable[[Exchange], Coroutine[Any, Any, SessionContainer[Any, Any] | None]]


class SessionOptions(TypedDict, total=False):
    """What `verify_session` can be told, in every framework.

    Keys:
        session_required: When false, a request without a session gets `None` (an expired one is still 401).
        anti_csrf_check: Force the anti-CSRF check on or off; by default on for all methods but GET.
        check_database: Ask the database whether the session still lives, so that a revocation anywhere
            counts at once.
        require: Claim validators of this route beside the global ones, for example
            `[roles.role_claim.includes("admin")]`.
        override_global_claim_validators: For whatever `require` cannot say: a list in place of the global ones
            (`[]`: none), or a function, sync or async, from the global ones, the session and the user context to
            a list.
    """

    session_required: bool
    anti_csrf_check: bool | None
    check_database: bool
    require: Sequence[ClaimValidator]
    override_global_claim_validators: OverrideGlobalClaimValidators | None


class NewSession(TypedDict):
    """What `create_session` is told, in every framework.

    Keys:
        user_id: Any text that names the person.
        jwt_payload: What rides in the access token; `{}` when left out.
        session_data: What stays in the database; `{}` when left out.
        tenant_id: The tenant the session belongs to; `public` when left out.
        from_another_site: Also for a form that a page of another site posts, as some identity providers do: then
            the route itself must know that this browser started the attempt.
    """

    user_id: Required[str]
    jwt_payload: NotRequired[Mapping[str, Any]]
    session_data: NotRequired[Mapping[str, Any]]
    tenant_id: NotRequired[str]
    from_another_site: NotRequired[bool]


def session_loader(auth: Watchword, **options: Unpack[SessionOptions]) -> Load:
    """What finds and verifies the session of a request, as the options say.

    Raises:
        ConfigurationError: At once, when `auth` or the validators are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    if not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("verify_session", f"got {kinds(auth)}; write verify_session(auth), with the Watchword")
    require = options.get("require", ())
    validators = options.get("override_global_claim_validators")
    if require and validators is not None:
        raise ConfigurationError(
            "require", "cannot stand beside override_global_claim_validators; name all in that one"
        )
    _check_validators("override_global_claim_validators", validators)
    return partial(
        auth.fdi.sessions.load,
        session_required=options.get("session_required", True),
        anti_csrf_check=options.get("anti_csrf_check"),
        check_database=options.get("check_database", False),
        override_global_claim_validators=_beside_the_global_ones(require) if require else validators,
    )


async def start_session(auth: Watchword, exchange: Exchange, **new: Unpack[NewSession]) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    In cookies where the request says `st-auth-mode: cookie`, in headers otherwise, unless
    `Session(token_transfer_method=…)` decides it for all. The session of the request, if there is one, is ended and
    replaced.

    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    sessions, request = auth.fdi.sessions, exchange.request
    if not new.get("from_another_site", False):
        sessions.check_may_start(request)
    session = await auth.session_recipe.create_new_session(
        new["user_id"],
        jwt_payload=new.get("jwt_payload", {}),
        session_data=new.get("session_data", {}),
        tenant_id=new.get("tenant_id", "public"),
        with_anti_csrf_token=sessions.new_session_needs_anti_csrf_token(request),
        user_context=exchange.user_context,
    )
    await sessions.attach_new(exchange, session)
    return session


def kinds(*things: Any) -> str:
    """What was given, for an error about it."""
    return ", ".join(type(thing).__name__ for thing in things)


def _beside_the_global_ones(required: Any) -> OverrideGlobalClaimValidators:
    if callable(required):
        raise ConfigurationError("require", "is a function; write a list, or use override_global_claim_validators")
    _check_validators("require", required)
    mine = tuple(required)
    return lambda validators, _session, _user_context: (*validators, *mine)


def _check_validators(setting: str, validators: Any) -> None:
    if isinstance(validators, list | tuple):
        for validator in cast("list[Any]", validators):
            if not isinstance(validator, ClaimValidator):
                raise ConfigurationError(
                    setting, f"holds {kinds(validator)}; list what claim.has_value(…) or claim.includes(…) answers"
                )
    elif isinstance(validators, ClaimValidator):
        raise ConfigurationError(setting, "is one validator; write a list: [validator]")
    else:
        check_callable(setting, validators, "global_validators", "session", "user_context")
