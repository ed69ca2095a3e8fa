"""Starlette: install the routes, protect your own, and start sessions yourself; a thin layer on the ASGI face.

app = Starlette(routes=[…])
install(app, auth)

@verify_session(auth)
async def me(request: Request, session: SessionContainer) -> Response: ...
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, Unpack

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount
from starlette.types import ASGIApp

from watchword.app import Watchword
from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.asgi import FdiMiddleware, exchange_of
from watchword.frameworks.sessions import NewSession, SessionOptions, kinds, session_loader, start_session
from watchword.sessions.session import SessionContainer

__all__ = ["create_session", "install", "verify_session"]

Endpoint = Callable[..., Awaitable[Any]]


def install(app: Starlette, auth: Watchword) -> None:
    """Serve the routes under the API base path, and put tokens, CORS and error answers in order for all others.

    Call it once, before the first request. It wraps the whole application, its error page included, so
    that the front end can read a 500 as well; `auth` starts and stops with the application.

    Raises:
        ConfigurationError: The two are swapped, or the application has answered requests already or has a
            `Watchword` already.
    """
    if not isinstance(app, Starlette) or not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("install", f"got {kinds(app, auth)}; write install(app, auth): the application first")
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


AnswerError = Callable[[Request, Exception], Awaitable[Response]]


class _WrappedStack:
    """Builds the application's middleware, ours around all of it."""

    def __init__(self, app: Starlette, auth: Watchword, answer_error: AnswerError) -> None:
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


def verify_session(auth: Watchword, **options: Unpack[SessionOptions]) -> Callable[[Endpoint], Endpoint]:
    """A decorator for an endpoint, which gets the verified session as its argument `session`.

    Args:
        auth: The `Watchword`.
        options: See `SessionOptions`.
    Raises:
        ConfigurationError: At once, when `auth` or the options are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    load = session_loader(auth, **options)

    def decorate(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def verified(request: Request) -> Any:
            return await endpoint(request, session=await load(exchange_of(request.scope)))

        return verified

    return decorate


async def create_session(
    auth: Watchword, request: HTTPConnection, **new: Unpack[NewSession]
) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    Args:
        auth: The `Watchword`.
        request: The current request; its session, if it has one, is ended and replaced.
        new: See `NewSession`.
    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    return await start_session(auth, exchange_of(request.scope), **new)
