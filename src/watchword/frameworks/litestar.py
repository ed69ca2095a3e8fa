"""Litestar: install the routes, protect your own, and start sessions yourself; a thin layer on the ASGI face.

app = Litestar([me])
install(app, auth)

@get("/me", dependencies={"session": verify_session(auth)})
async def me(session: NamedDependency[SessionContainer]) -> ...: ...
"""

from collections.abc import Awaitable, Callable
from typing import Any, Unpack, cast

from litestar import Litestar, Request, Response
from litestar.types import Scope

from watchword.app import Watchword
from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.asgi import FdiMiddleware, exchange_of
from watchword.fdi.asgi_request import AsgiApp
from watchword.fdi.asgi_request import Scope as AsgiScope
from watchword.frameworks.sessions import NewSession, SessionOptions, kinds, session_loader, start_session
from watchword.sessions.session import SessionContainer

__all__ = ["create_session", "install", "verify_session"]

AnyRequest = Request[Any, Any, Any]


def install(app: Litestar, auth: Watchword) -> None:
    """Serve the routes under the API base path, and put tokens, CORS and error answers in order for all others.

    Call it once, before the first request; `auth` starts and stops with the application.

    Raises:
        ConfigurationError: The two are swapped, or the application has a `Watchword` already.
    """
    if not isinstance(app, Litestar) or not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("install", f"got {kinds(app, auth)}; write install(app, auth): the application first")
    handler = cast("AsgiApp", app.asgi_handler)
    if isinstance(handler, FdiMiddleware):
        raise ConfigurationError("install", "was called for this application already; call it once")
    app.asgi_handler = cast("Any", FdiMiddleware(handler, auth))
    app.on_startup.insert(0, auth.start)
    app.on_shutdown.append(auth.stop)
    handlers = cast("dict[Any, Any]", app.exception_handlers)  # pyright: ignore[reportUnknownMemberType] - generic
    handlers[WatchwordError] = _let_through


def _let_through(_request: AnyRequest, error: Exception) -> Response[Any]:
    """Litestar would make an answer of its own; what stands outside of it answers as the contract says."""
    raise error


def verify_session(
    auth: Watchword, **options: Unpack[SessionOptions]
) -> Callable[[Scope], Awaitable[SessionContainer[Any, Any] | None]]:
    """A dependency for handlers, routers and applications, listed under the name `session`; see above.

    Args:
        auth: The `Watchword`.
        options: See `SessionOptions`.
    Raises:
        ConfigurationError: At once, when `auth` or the options are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    load = session_loader(auth, **options)

    async def session(scope: Scope) -> SessionContainer[Any, Any] | None:
        return await load(exchange_of(cast("AsgiScope", scope)))

    return session


async def create_session(auth: Watchword, request: AnyRequest, **new: Unpack[NewSession]) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    Args:
        auth: The `Watchword`.
        request: The current request.
        new: See `NewSession`.
    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    return await start_session(auth, exchange_of(cast("AsgiScope", request.scope)), **new)
