"""Flask: install the routes, protect your own, and start sessions yourself; a thin layer on the WSGI face.

app = Flask(__name__)
install(app, auth)

@app.get("/me")
@verify_session(auth)
def me(session: SessionContainer): ...
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Unpack

from flask import Flask, Response, current_app, request

from watchword.app import Watchword
from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.wsgi import WsgiMiddleware, answer_error_in_thread, exchange_of
from watchword.frameworks.sessions import NewSession, SessionOptions, kinds, session_loader, start_session
from watchword.sessions.session import SessionContainer

__all__ = ["create_session", "install", "verify_session"]

View = Callable[..., Any]

_EXTENSION = "watchword"


def install(app: Flask, auth: Watchword) -> None:
    """Serve the routes under the API base path, and put tokens, CORS and error answers in order for all others.

    Call it once. `auth` starts in the first request that asks it something, after a server has forked its workers,
    and stops with the process.

    Raises:
        ConfigurationError: The two are swapped, or the application has a `Watchword` already.
    """
    if not isinstance(app, Flask) or not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("install", f"got {kinds(app, auth)}; write install(app, auth): the application first")
    if _EXTENSION in app.extensions:
        raise ConfigurationError("install", "was called for this application already; call it once")
    app.extensions[_EXTENSION] = auth

    def answer_error(error: WatchwordError) -> Response:
        exchange = exchange_of(request.environ)
        answer = auth.fdi.encode(exchange, answer_error_in_thread(auth, exchange, error))
        return Response(answer.body, answer.status, list(answer.headers))

    app.register_error_handler(WatchwordError, answer_error)
    app.wsgi_app = WsgiMiddleware(app.wsgi_app, auth)


def verify_session(auth: Watchword, **options: Unpack[SessionOptions]) -> Callable[[View], View]:
    """A decorator, below the route's: the view gets the verified session as its argument `session`.

    What a session stores is read and changed by `auth.run(session.get_session_data())` and its like; `user_id`,
    `handle` and `jwt_payload` are at hand.

    Args:
        auth: The `Watchword`.
        options: See `SessionOptions`.
    Raises:
        ConfigurationError: At once, when `auth` or the options are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    load = session_loader(auth, **options)

    def decorate(view: View) -> View:
        @wraps(view)
        def verified(*args: Any, **kwargs: Any) -> Any:
            session = auth.run(load(exchange_of(request.environ)))
            return current_app.ensure_sync(view)(*args, session=session, **kwargs)

        return verified

    return decorate


def create_session(auth: Watchword, **new: Unpack[NewSession]) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    Args:
        auth: The `Watchword`.
        new: See `NewSession`.
    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    return auth.run(start_session(auth, exchange_of(request.environ), **new))
