"""What all recipes share: the engine they are given, the shape of their HTTP APIs, and how a session starts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Never, Protocol

from watchword.accounts.errors import AccountBanned
from watchword.accounts.tenants import Tenants
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import EventLog, SecurityEvent
from watchword.clock import Clock
from watchword.crypto.passwords import PasswordHasher
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.delivery.outbox import Outbox
from watchword.errors import ConfigurationError, HookFailed, InvalidPayload
from watchword.http.client import OutgoingClient
from watchword.http.messages import Header, HttpRequest, JsonObject
from watchword.ids import Ids
from watchword.protection.challenge_gate import ChallengeGate
from watchword.protection.devices import DEVICE_COOKIE
from watchword.protection.limits import Caller, Limits
from watchword.protection.settings import LimitName
from watchword.recipes.session_feature import Action, SessionFeature, SignInContext
from watchword.sessions.claims import ClaimValidator, SessionClaim
from watchword.sessions.endings import Ending
from watchword.sessions.session import ENDED_BECAUSE, SessionContainer
from watchword.settings import AppInfo
from watchword.stored_data import StoredTable
from watchword.telemetry.hooks import Hooks

UserContext = dict[str, Any]
"""Lives as long as one request and reaches every recipe function; for the application's own use.

Over HTTP it holds the `HttpRequest` under `request`. What stands under `reason` when sessions are ended is
recorded as the reason in the audit log.
"""


def caller(user_context: UserContext) -> Caller:
    """Who is behind a call, for the limits: nobody in particular without the HTTP request."""
    request = user_context.get("request")
    if not isinstance(request, HttpRequest):
        return Caller()
    return Caller(request.client_address, request.cookies.get(DEVICE_COOKIE, ()))


def address_of(user_context: UserContext) -> str | None:
    """The client's address, for the audit log; `None` without the HTTP request."""
    return caller(user_context).address


def ending_of(user_context: UserContext | None) -> Ending:
    """Why sessions are ended, as far as the context of the call tells; see `ENDED_BECAUSE`."""
    context: UserContext = user_context or {}
    reason = context.get("reason")
    return Ending(
        cause=context.get(ENDED_BECAUSE, "by_application"),
        reason=None if reason is None else str(reason),
        address=address_of(context),
    )


class SessionStarter(Protocol):
    """What other recipes ask of the session recipe."""

    async def create_new_session(
        self,
        user_id: str,
        *,
        jwt_payload: Mapping[str, Any],
        session_data: Mapping[str, Any],
        recipe_user_id: str | None = None,
        tenant_id: str = "public",
        with_anti_csrf_token: bool = False,
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        """Make and store a session; its tokens are in the answer's `issued`."""
        ...

    async def delete_sessions_of_user(
        self,
        tx: Transaction,
        user_id: str,
        *,
        tenant_id: str | None = None,
        except_handle: str | None = None,
        ending: Ending | None = None,
    ) -> list[str]:
        """End the sessions of a user in the caller's transaction, last in it; returns their handles.

        In one tenant, or in all. `ending` says why; left out, the application wished it.
        """
        ...

    async def delete_sessions_of_tenant(self, tx: Transaction, tenant_id: str) -> list[str]:
        """End the sessions of a tenant that is deleted, likewise."""
        ...

    def remember_revoked(self, handles: Sequence[str]) -> None:
        """Refuse the access tokens of sessions whose end has been committed; called after the commit."""
        ...

    def add_claim(self, claim: SessionClaim[Any], *validators: ClaimValidator) -> None:
        """Put a claim into each new session, and check these rules about it at every verification."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What `Watchword` gives to each recipe when it is wired: the floors below, ready to use."""

    app_id: str
    app_info: AppInfo
    db: Database
    clock: Clock
    ids: Ids
    secrets: SecretRing
    passwords: PasswordHasher
    outbox: Outbox
    outgoing: OutgoingClient
    limits: Limits
    audit: EventLog
    tenants: Tenants
    sessions: SessionStarter
    challenges: ChallengeGate | None = None
    hooks: Hooks = field(default_factory=Hooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One call of a recipe's HTTP API, after the face has read and checked it.

    Attributes:
        http: The request without its body.
        body: The decoded JSON object or form; `{}` when there was none.
        tenant_id: From the path, or that of the loaded session.
        session: The session loaded for this call, if the route asks for one and it came along.
        refresh_token: On the refresh route only: the token that came along, in either transport.
        anti_csrf_token: The `anti-csrf` request header.
        check_anti_csrf: On the refresh route: whether the refresh token's anti-CSRF token must match.
        with_anti_csrf_token: Whether a session made for this request carries an anti-CSRF token.
        user_context: See `UserContext`.
    """

    http: HttpRequest
    body: JsonObject = field(default_factory=dict[str, Any], repr=False)
    tenant_id: str = "public"
    session: SessionContainer | None = None
    refresh_token: str | None = field(default=None, repr=False)
    anti_csrf_token: str | None = field(default=None, repr=False)
    check_anti_csrf: bool = False
    with_anti_csrf_token: bool = False
    user_context: UserContext = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an HTTP API of a recipe answers; the face turns it into bytes, cookies and headers.

    Attributes:
        body: A JSON object with the contract's `status`, or `None` for an empty body.
        status: The HTTP status; 200 for every expected outcome (FDI 3.1).
        headers: Further response headers.
        session: A session whose new tokens, or whose end, must reach the client.
        user: Put under `user`, in the shape of the client's FDI version (FDI 2.3, 2.4).
        recipe_user_id: The login method that was used, for the shape of version 1.
        signed_in_as: The e-mail address whose password was just right: this browser is known there from now on.
        created_new_recipe_user: Put under the name of the client's version when it is not `None`.
    """

    body: JsonObject | None = field(repr=False)  # holds the verifier of an attempt
    status: int = 200
    headers: tuple[Header, ...] = field(default=(), repr=False)  # holds codes, on the way back from a provider
    session: SessionContainer | None = None
    user: User | None = None
    recipe_user_id: str | None = None
    signed_in_as: str | None = field(default=None, repr=False)
    created_new_recipe_user: bool | None = None

    def with_body(self, **members: Any) -> "Answer":
        """The same answer with further members in its body."""
        return replace(self, body={**(self.body or {}), **members})


Handler = Callable[[ApiRequest], Awaitable[Answer]]
SessionUse = Literal["none", "optional", "required", "ending", "sign_in"]
BodyKind = Literal["none", "json", "form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of a recipe's HTTP face.

    Attributes:
        recipe_id: The value of `rid` that names it (FDI 1.3).
        name: The API's name for overriding and disabling, for example `sign_up_post`.
        path: After the base path, for example `/signup`; it may carry a tenant in front when `tenant`.
        body: How the body is read; `none` leaves it unread.
        session: `required` loads one or answers 401 (claims skipped); `optional` does so if one came along,
            and leaves the tenant to the path; `ending` is as `required`, but one that was revoked already is
            no error, it only leaves the client; `sign_in` follows FDI 11.
        changes_state: Whether a cross-site browser request is refused (security CS-2).
        limit: The limit that each request of a client network counts on, before its body is read.
        first_factor: The way to sign in that it is, which the tenant has to offer.
        public: Answered with `Access-Control-Allow-Origin: *` and without credentials (keys, discovery).
    """

    recipe_id: str
    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    handler: Handler
    body: BodyKind = "none"
    session: SessionUse = "none"
    tenant: bool = True
    changes_state: bool = True
    limit: LimitName | None = None
    first_factor: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """A way to sign in that needs nothing before it. Source: FDI 8.5.

    Attributes:
        id: The factor's id, for example `thirdparty`.
        providers: Id and name of each provider, where the factor has some.
    """

    id: str
    providers: tuple[tuple[str, str], ...] | None = None


_WITH_PROVIDERS = "; use ThirdPartyEmailPassword, or list ThirdParty beside it"
_TAKEN_BY = {"providers": _WITH_PROVIDERS, "redirect_uris": _WITH_PROVIDERS}


class Recipe:
    """Base of every recipe: a class whose public coroutine methods may be overridden with `super()`.

    Methods named `*_post` and `*_get` are its HTTP APIs, the others its functions.

    Args:
        disabled_apis: Names of HTTP APIs to switch off; their paths then belong to the application.
        unknown: Settings that no recipe of the subclass has taken.

    Raises:
        ConfigurationError: There is a setting that does not exist.
    """

    #: Values of `rid` that mean this recipe.
    recipe_ids: ClassVar[tuple[str, ...]] = ()
    #: Packages whose `migrations` folder holds this recipe's tables.
    migration_packages: ClassVar[tuple[str, ...]] = ()
    #: What these tables hold: a person's rows in them are exported, moved and deleted with the person.
    stored_tables: ClassVar[tuple[StoredTable, ...]] = ()

    def __init__(self, *, disabled_apis: Sequence[str] = (), **unknown: Never) -> None:
        for setting in unknown:
            raise ConfigurationError(setting, f"{type(self).__name__} has no such setting{_TAKEN_BY.get(setting, '')}")
        self.disabled_apis = frozenset(disabled_apis)
        self._engine: Engine | None = None

    @property
    def is_initialised(self) -> bool:
        """Whether the `__init__` of a subclass called ours."""
        return "_engine" in vars(self)

    @property
    def engine(self) -> Engine:
        """The floors below. Raises `ConfigurationError` before `Watchword` has wired this recipe."""
        if self._engine is None:
            raise ConfigurationError(
                "recipe_list", f"{type(self).__name__} is not in the recipe_list of a Watchword yet"
            )
        return self._engine

    @property
    def hooks(self) -> Hooks:
        """Calls functions of the application. Raises `ConfigurationError` before `bind`."""
        return self.engine.hooks

    def bind(self, engine: Engine) -> None:
        """Called once by `Watchword`; an override checks configuration that needs the engine.

        Raises:
            ConfigurationError: The recipe belongs to another `Watchword`, or a disabled API does not exist.
        """
        if self._engine is not None:
            raise ConfigurationError(
                "recipe_list", f"one {type(self).__name__} object serves one Watchword; make another"
            )
        self._engine = engine
        names = sorted({route.name for route in self.routes()})
        for name in self.disabled_apis.difference(names):
            raise ConfigurationError("disabled_apis", f"no API is called {name!r}; there are: {', '.join(names)}")

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe, disabled ones included."""
        return ()

    def first_factors(self, client_type: str | None) -> Sequence[FirstFactor]:  # noqa: ARG002 - used by overrides
        """The ways to sign in that this recipe offers to a client of this type."""
        return ()

    async def start(self) -> None:
        """Called when the application starts, after the tables are there."""

    async def stop(self) -> None:
        """Called when the application stops."""


class SignInRecipe(Recipe):
    """Base of the recipes that sign people in, and so start sessions.

    Args:
        session_feature: The two hooks that fill each new session.
    """

    def __init__(
        self,
        *,
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **unknown: Never,
    ) -> None:
        super().__init__(disabled_apis=disabled_apis, **unknown)
        if not isinstance(session_feature, SessionFeature | None):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
            raise ConfigurationError(
                "session_feature",
                f"is {type(session_feature).__name__}; write SessionFeature(set_jwt_payload=…, set_session_data=…)",
            )
        self.session_feature = session_feature or SessionFeature()

    async def join_tenant(self, tx: Transaction, method: LoginMethod, tenant_id: str) -> None:
        """Store what this recipe needs so that a login method of its own may be used in one more tenant.

        The method is in that tenant's directory by then. A recipe passes over methods of others.

        Raises:
            EmailAlreadyExists, IdentityTaken: Somebody else of that tenant has the address or identity; roll back.
        """

    async def start_session(
        self, api: ApiRequest, user: User, recipe_user_id: str, context: SignInContext, action: Action
    ) -> SessionContainer:
        """Run the hooks and make the session, or keep the one the same person already has (FDI 11).

        Raises:
            AccountBanned: The user is banned; no hook was run.
            HookFailed: A hook raised or returned what a session cannot hold; there is no session.
        """
        if user.ban is not None and user.ban.holds_at(self.engine.clock.now_ms()):
            refused = SecurityEvent(
                "sign_in_refused",
                tenant_id=api.tenant_id,
                user_id=user.id,
                address=address_of(api.user_context),
                facts={"method": context.login_type, "error": AccountBanned.code},
            )
            self.engine.audit.note(refused)
            raise AccountBanned(user.ban)
        session = api.session
        if session is None or session.user_id != user.id:
            session = await self._new_session(api, user, recipe_user_id, context, action)
        if action == "signin":
            self.engine.audit.note(
                SecurityEvent(
                    "sign_in",
                    tenant_id=api.tenant_id,
                    user_id=user.id,
                    handle=session.handle,
                    address=address_of(api.user_context),
                    facts={"method": context.login_type, "provider": getattr(context, "third_party_id", None)},
                )
            )
        return session

    async def _new_session(
        self, api: ApiRequest, user: User, recipe_user_id: str, context: SignInContext, action: Action
    ) -> SessionContainer:
        jwt_payload, session_data = await self.session_feature.fill(self.hooks, user, context, action)
        try:
            return await self.engine.sessions.create_new_session(
                user.id,
                jwt_payload=jwt_payload,
                session_data=session_data,
                recipe_user_id=recipe_user_id,
                tenant_id=api.tenant_id,
                with_anti_csrf_token=api.with_anti_csrf_token,
                user_context=api.user_context,
            )
        except InvalidPayload as error:
            raise HookFailed(f"set_{error.field}", f"returned what a session cannot hold: {error.message}") from error
