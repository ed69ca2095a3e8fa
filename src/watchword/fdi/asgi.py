"""The FDI as pure ASGI: one middleware that answers our routes and adds tokens to everybody else's responses."""

import logging
from collections.abc import Awaitable, Sequence
from typing import Protocol

from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.asgi_request import AsgiApp, AsgiRequest, Message, RawHeaders, Receive, Scope, Send
from watchword.fdi.cors import CONCERNED_HEADERS, cross_origin_headers
from watchword.fdi.csrf import HANDSHAKE
from watchword.fdi.exchange import Exchange
from watchword.fdi.face import FdiFace
from watchword.http.messages import Header, HttpResponse
from watchword.telemetry.request_ids import current_request

log = logging.getLogger(__name__)

_STATE_KEY = "watchword.exchange"


class Served(Protocol):
    """What the middleware needs of a `Watchword`."""

    @property
    def fdi(self) -> FdiFace:
        """The face that answers."""
        ...

    @property
    def is_started(self) -> bool:
        """Whether everything is ready."""
        ...

    async def start(self) -> None:
        """Make everything ready; may be called again."""
        ...

    async def stop(self) -> None:
        """Let everything go."""
        ...


class FdiMiddleware:
    """Wraps any ASGI application.

    It answers our routes and preflights, starts and stops `auth` with the application, turns errors of
    ours that the application lets through into the contract's answers, and adds token and cross-origin
    headers to every response, whatever its status.

    Args:
        app: The application.
        auth: The `Watchword` that signs people in.
    """

    def __init__(self, app: AsgiApp, auth: Served) -> None:
        self.app = app
        self.auth = auth
        self._own_prefix = auth.fdi.path_prefix
        self._without_origin = _encode(cross_origin_headers(None))
        self._cross_origin_headers = {
            origin.encode(): _encode(cross_origin_headers(origin)) for origin in auth.fdi.app_info.allowed_origins
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection.

        Most requests are the application's and ask nothing of us. They pay for two objects whose parts are made when
        somebody asks for them, and no call that could be spared.
        """
        if scope["type"] != "http":
            return await self._without_request(scope, receive, send)
        face, started = self.auth.fdi, False
        request = AsgiRequest(scope, face.addresses)
        exchange = Exchange(request, face.policy)

        def send_with_tokens(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._finish(exchange, request, message.get("headers", ()))}
            return send(message)

        entered = current_request.set(scope)  # for lines of the log; the id is made when one is written
        try:
            if request.path.startswith(self._own_prefix) or request.method == "OPTIONS" or not self.auth.is_started:
                response = await self._find_answer(exchange, receive)
                if response is not None:
                    return await _send_response(response, send)
            scope[_STATE_KEY] = exchange
            await self.app(scope, receive, send_with_tokens)
        except WatchwordError as error:
            if started:
                raise
            await _send_response(face.respond(exchange, await face.answer_error(exchange, error)), send)
        finally:
            current_request.reset(entered)

    async def _without_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._handshake(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.app(scope, self._starting(receive, send), self._stopping(send))
        else:
            await self.app(scope, receive, send)

    async def _handshake(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: cookies and headers come with its handshake, and no token can be sent back.

        One that is refused is answered as the contract says where the server can do so, with 401 or 403; elsewhere it
        is closed with 1008, and the name of the error as its reason (RFC 6455, section 7.4.1).
        """
        face, answered = self.auth.fdi, False
        exchange = Exchange(AsgiRequest({**scope, "method": HANDSHAKE}, face.addresses), face.policy)

        def noting(message: Message) -> Awaitable[None]:
            nonlocal answered
            answered = True
            return send(message)

        entered = current_request.set(scope)
        try:
            await self.auth.start()
            scope[_STATE_KEY] = exchange
            await self.app(scope, receive, noting)
        except WatchwordError as error:
            if answered:
                raise
            if "websocket.http.response" not in scope.get("extensions", {}):
                return await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            response = face.respond(exchange, await face.answer_error(exchange, error))
            await _send_response(response, send, kind="websocket.http.response")
        finally:
            current_request.reset(entered)

    async def _find_answer(self, exchange: Exchange, receive: Receive) -> HttpResponse | None:
        """Our answer, or `None` when the application has to answer."""
        face, request = self.auth.fdi, exchange.request
        preflight = face.answer_preflight(request)
        if preflight is not None:
            return preflight
        try:
            await self.auth.start()  # at once when started; for servers and test clients without a lifespan
        except WatchwordError as error:
            return face.respond(exchange, await face.answer_error(exchange, error))
        match = face.find_route(request)
        return None if match is None else await face.call(exchange, match, receive)

    def _finish(self, exchange: Exchange, request: AsgiRequest, headers: RawHeaders) -> RawHeaders:
        """The headers of a response of the application's, with ours.

        Most responses carry none of those that `finish_headers` works on, and get ours behind their own. Without a
        call: it is what every request in the application pays.
        """
        if not exchange.is_silent:
            return self._finish_whole(exchange, headers)
        for name, _ in headers:
            if name.lower() in CONCERNED_HEADERS:
                return self._finish_whole(exchange, headers)
        for name, value in request.raw_headers:
            if name.lower() == b"origin":
                return [*headers, *self._cross_origin_headers.get(value, self._without_origin)]
        return [*headers, *self._without_origin]

    def _finish_whole(self, exchange: Exchange, headers: RawHeaders) -> RawHeaders:
        decoded = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
        return _encode(self.auth.fdi.finish_headers(exchange, decoded))

    def _starting(self, receive: Receive, send: Send) -> Receive:
        async def receive_when_ready() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.auth.start()
                except WatchwordError as error:  # the sentence is for people; a stack trace would only hide it
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    raise
                except Exception as error:  # unanswered, servers take it for an application without a lifespan
                    log.exception("Watchword could not start")
                    message = f"Watchword could not start: {type(error).__name__}, see the traceback in the log"
                    await send({"type": "lifespan.startup.failed", "message": message})
                    raise
            return message

        return receive_when_ready

    def _stopping(self, send: Send) -> Send:
        async def send_after_stop(message: Message) -> None:
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed", "lifespan.startup.failed"):
                await self.auth.stop()
            await send(message)

        return send_after_stop


def exchange_of(scope: Scope) -> Exchange:
    """The exchange of a request that passed the middleware.

    Raises:
        ConfigurationError: The application is not wrapped.
    """
    exchange = scope.get(_STATE_KEY)
    if exchange is None:
        raise ConfigurationError("install", "this request did not pass Watchword; call install(app, auth) at start-up")
    return exchange


def _encode(headers: Sequence[Header]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _send_response(response: HttpResponse, send: Send, kind: str = "http.response") -> None:
    await send({"type": f"{kind}.start", "status": response.status, "headers": _encode(response.headers)})
    await send({"type": f"{kind}.body", "body": response.body})
