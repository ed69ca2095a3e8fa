"""The FDI as WSGI: one middleware that answers our routes and adds tokens to everybody else's responses. PEP 3333."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, MutableMapping
from http.client import responses
from typing import Any, Protocol, TypeVar

from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.bodies import MAX_BODY_BYTES, Receive, already_read
from watchword.fdi.environ_request import EnvironRequest
from watchword.fdi.exchange import Exchange
from watchword.fdi.face import FdiFace
from watchword.fdi.router import Match
from watchword.http.messages import HttpResponse
from watchword.recipes.api import Answer
from watchword.telemetry.request_ids import current_request

T = TypeVar("T")

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_MOST_DISCARDED = 16 * MAX_BODY_BYTES
_EXCHANGE_KEY = "watchword.exchange"


class ServedToThreads(Protocol):
    """What the middleware needs of a `Watchword`."""

    @property
    def fdi(self) -> FdiFace:
        """The face that answers."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop and wait; starts everything at the first call."""
        ...


class WsgiMiddleware:
    """Wraps any WSGI application.

    It answers our routes and preflights, turns errors of ours that the application lets through into the contract's
    answers, and adds token and cross-origin headers to every response, whatever its status. WSGI has no start:
    `auth` starts in the first request that asks it something.

    Args:
        app: The application.
        auth: The `Watchword` that signs people in.
    """

    def __init__(self, app: WsgiApp, auth: ServedToThreads) -> None:
        self.app = app
        self.auth = auth

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        entered = current_request.set(scope_of(environ))
        try:
            return self._http(environ, start_response)
        finally:
            current_request.reset(entered)

    def _http(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        face = self.auth.fdi
        request = EnvironRequest(environ, face.addresses)
        preflight = face.answer_preflight(request)
        if preflight is not None:
            return _send(preflight, start_response)
        exchange = Exchange(request, face.policy)
        match = face.find_route(request)
        if match is not None:
            receive = already_read(read_environ(environ) if match.route.body != "none" else b"")
            return _send(call_in_thread(self.auth, exchange, match, receive), start_response)

        def start_with_tokens(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            lower = [(name.lower(), value) for name, value in headers]
            return start_response(status, face.finish_headers(exchange, lower), exc_info)

        environ[_EXCHANGE_KEY] = exchange
        try:
            return self.app(environ, start_with_tokens)
        except WatchwordError as error:
            answer = answer_error_in_thread(self.auth, exchange, error)
            return _send(face.respond(exchange, answer), start_response)


def exchange_of(environ: Environ) -> Exchange:
    """The exchange of a request that passed the middleware.

    Raises:
        ConfigurationError: The application is not wrapped.
    """
    exchange: Exchange | None = environ.get(_EXCHANGE_KEY)
    if exchange is None:
        raise ConfigurationError("install", "this request did not pass Watchword; call install(app, auth) at start-up")
    return exchange


def call_in_thread(auth: ServedToThreads, exchange: Exchange, match: Match, receive: Receive) -> HttpResponse:
    """Run one API and wait for its answer."""
    try:
        return auth.run(auth.fdi.call(exchange, match, receive))
    except WatchwordError as error:  # it could not start
        return auth.fdi.respond(exchange, answer_error_in_thread(auth, exchange, error))


def answer_error_in_thread(auth: ServedToThreads, exchange: Exchange, error: WatchwordError) -> Answer:
    """The answer to an error, wherever in the request it was raised."""
    try:
        return auth.run(auth.fdi.answer_error(exchange, error))
    except WatchwordError:  # what could not start has no loop to run on
        return asyncio.run(auth.fdi.answer_error(exchange, error))


def scope_of(environ: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """What `current_request` reads of a request."""
    named = ((b"x-request-id", "HTTP_X_REQUEST_ID"), (b"traceparent", "HTTP_TRACEPARENT"))
    return {"headers": [(name, environ[key].encode("latin-1")) for name, key in named if key in environ]}


def read_environ(environ: Mapping[str, Any]) -> bytes:
    """The body, in this thread: the event loop must not wait for a client. One byte more than allowed is enough.

    The rest of a longer one is read to nowhere, up to a bound: a server that closes a connection with something unread
    in it takes the answer away with it.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        is_number = length.isascii() and length.isdigit() and len(length) < 12
        left = int(length) if is_number else 0  # refused by what it declares
    else:
        left = _MOST_DISCARDED if environ.get("wsgi.input_terminated") else 0  # ends by itself
    stream = environ["wsgi.input"]
    data: bytes = stream.read(min(left, MAX_BODY_BYTES + 1))
    if len(data) > MAX_BODY_BYTES:
        left = min(left, _MOST_DISCARDED) - len(data)
        while left > 0 and (thrown_away := stream.read(min(left, MAX_BODY_BYTES))):
            left -= len(thrown_away)
    return data


def _send(response: HttpResponse, start_response: StartResponse) -> Iterable[bytes]:
    start_response(f"{response.status} {responses.get(response.status, 'Unknown')}", list(response.headers))
    return [response.body]
