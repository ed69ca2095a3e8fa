"""FastAPI: install the routes, protect your own, and start sessions yourself; a thin layer on the ASGI face.

app = FastAPI()
install(app, auth)

@app.get("/me")
async def me(session: SessionContainer = Depends(verify_session(auth))): ...
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Mount
from starlette.types import ASGIApp

from watchword.app import Watchword
from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.asgi import FdiMiddleware, exchange_of
from watchword.recipes.session.recipe import OverrideGlobalClaimValidators
from watchword.sessions.claims import ClaimValidator
from watchword.sessions.session import SessionContainer
from watchword.signatures import check_callable

__all__ = ["create_session", "install", "verify_session"]


def install(app: FastAPI, auth: Watchword) -> None:
    """Serve the routes under the API base path, and put tokens, CORS and error answers in order for all others.

    Call it once, before the first request. It wraps the whole application, its error page included, so
    that the front end can read a 500 as well; `auth` starts and stops with the application.

    Raises:
        ConfigurationError: The two are swapped, or the application has answered requests already or has a
            `Watchword` already.
    """
    if not isinstance(app, Starlette) or not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("install", f"got {_kinds(app, auth)}; write install(app, auth): the application first")
    if app.middleware_stack is not None:
        raise ConfigurationError("install", "the application is running already; call install before serving it")
    if isinstance(app.build_middleware_stack, _WrappedStack):
        raise ConfigurationError("install", "was called for this application already; call it once")

    async def answer_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, WatchwordError):  # cannot be: Starlette calls this for no other
            raise error
        exchange = exchange_of(request.scope)
        response = auth.fdi.encode(exchange, await auth.fdi.answer_error(exchange, error))
        return Response(response.body, response.status, dict(response.headers))

    app.add_exception_handler(WatchwordError, answer_error)
    app.build_middleware_stack = _WrappedStack(app, auth, answer_error)


def _kinds(*things: Any) -> str:
    return ", ".join(type(thing).__name__ for thing in things)


AnswerError = Callable[[Request, Exception], Awaitable[Response]]


class _WrappedStack:
    """Builds the application's middleware, ours around all of it."""

    def __init__(self, app: FastAPI, auth: Watchword, answer_error: AnswerError) -> None:
        self._app = app
        self._build_inner = app.build_middleware_stack
        self._auth = auth
        self._answer_error = answer_error

    def __call__(self) -> ASGIApp:
        # Only now: applications may have been mounted after `install`.
        for mounted in _mounted_in(self._app.routes):
            mounted.exception_handlers.setdefault(WatchwordError, self._answer_error)
        return FdiMiddleware(self._build_inner(), self._auth)


def _mounted_in(routes: Iterable[BaseRoute]) -> Iterable[Starlette]:
    """The applications mounted below these routes, however deep.

    Each has an error page of its own, inside of ours: there a missing session would become a 500.
    """
    for route in routes:
        if not isinstance(route, Mount | Host):
            continue
        inner = getattr(route, "_base_app", route.app)  # without the middleware of the mount
        if isinstance(inner, Starlette):
            yield inner
        yield from _mounted_in(route.routes)


class VerifySession(SecurityBase):
    """A FastAPI dependency that answers with the session of the request; made by `verify_session`."""

    def __init__(
        self,
        auth: Watchword,
        *,
        session_required: bool,
        anti_csrf_check: bool | None,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
    ) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description="The access token of a session; browsers send a cookie."
        )
        self.scheme_name = "Session"
        self._auth = auth
        self._session_required = session_required
        self._anti_csrf_check = anti_csrf_check
        self._check_database = check_database
        self._override_global_claim_validators = override_global_claim_validators

    async def __call__(self, request: Request) -> SessionContainer[Any, Any] | None:
        """The verified session, or `None` where it is optional and none came along."""
        return await self._auth.fdi.sessions.load(
            exchange_of(request.scope),
            session_required=self._session_required,
            anti_csrf_check=self._anti_csrf_check,
            check_database=self._check_database,
            override_global_claim_validators=self._override_global_claim_validators,
        )


class _NotFromTheRequest:
    """Marks an argument that FastAPI looks for in the request when `Depends` gets the function that wants it."""

    def __get_pydantic_core_schema__(self, *_: Any) -> Any:
        """Asked when the route is declared."""
        raise ConfigurationError("verify_session", "write Depends(verify_session(auth)), with the Watchword")


def verify_session(
    auth: Annotated[Watchword, _NotFromTheRequest()],
    *,
    session_required: bool = True,
    anti_csrf_check: bool | None = None,
    check_database: bool = False,
    require: Sequence[ClaimValidator] = (),
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
) -> VerifySession:
    """A dependency for `Depends(…)` that verifies the session of a request, with no I/O by default.

    Args:
        auth: The `Watchword`.
        session_required: When false, a request without a session gets `None` (an expired one is still 401).
        anti_csrf_check: Force the anti-CSRF check on or off; by default on for all methods but GET.
        check_database: Ask the database whether the session still lives, so that a revocation anywhere
            counts at once.
        require: Claim validators of this route beside the global ones, for example
            `[roles.role_claim.includes("admin")]`.
        override_global_claim_validators: For whatever `require` cannot say: a list in place of the global ones
            (`[]`: none), or a function, sync or async, from the global ones, the session and the user context to
            a list.
    Raises:
        ConfigurationError: At once, when `auth` or the validators are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    if not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError(
            "verify_session", f"got {_kinds(auth)}; write verify_session(auth), with the Watchword"
        )
    if require and override_global_claim_validators is not None:
        raise ConfigurationError(
            "require", "cannot stand beside override_global_claim_validators; name all in that one"
        )
    _check_validators("override_global_claim_validators", override_global_claim_validators)
    if require:
        override_global_claim_validators = _beside_the_global_ones(require)
    return VerifySession(
        auth,
        session_required=session_required,
        anti_csrf_check=anti_csrf_check,
        check_database=check_database,
        override_global_claim_validators=override_global_claim_validators,
    )


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
                    setting, f"holds {_kinds(validator)}; list what claim.has_value(…) or claim.includes(…) answers"
                )
    elif isinstance(validators, ClaimValidator):
        raise ConfigurationError(setting, "is one validator; write a list: [validator]")
    else:
        check_callable(setting, validators, "global_validators", "session", "user_context")


async def create_session(
    auth: Watchword,
    request: Request,
    *,
    user_id: str,
    jwt_payload: Mapping[str, Any] | None = None,
    session_data: Mapping[str, Any] | None = None,
    tenant_id: str = "public",
    from_another_site: bool = False,
) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    In cookies where the request says `st-auth-mode: cookie`, in headers otherwise, unless
    `Session(token_transfer_method=…)` decides it for all.

    Args:
        auth: The `Watchword`.
        request: The current request; its session, if it has one, is ended and replaced.
        user_id: Any text that names the person.
        jwt_payload: What rides in the access token.
        session_data: What stays in the database.
        tenant_id: The tenant the session belongs to.
        from_another_site: Also for a form that a page of another site posts, as some identity providers
            do: then the route itself must know that this browser started the attempt.
    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    exchange = exchange_of(request.scope)
    if not from_another_site:
        auth.fdi.sessions.check_may_start(exchange.request)
    session = await auth.session_recipe.create_new_session(
        user_id,
        jwt_payload=jwt_payload or {},
        session_data=session_data or {},
        tenant_id=tenant_id,
        with_anti_csrf_token=auth.fdi.sessions.new_session_needs_anti_csrf_token(exchange.request),
        user_context=exchange.user_context,
    )
    await auth.fdi.sessions.attach_new(exchange, session)
    return session
