"""The FDI as pure ASGI: one middleware that answers our routes and adds tokens to everybody else's responses."""

import logging
from collections.abc import Awaitable, Sequence
from typing import Protocol

from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.asgi_request import AsgiApp, AsgiRequest, Message, RawHeaders, Receive, Scope, Send
from watchword.fdi.cors import CONCERNED_HEADERS, cross_origin_headers
from watchword.fdi.exchange import Exchange
from watchword.fdi.face import FdiFace
from watchword.http.messages import Header, HttpResponse
from watchword.telemetry.request_ids import enter_request, leave_request

log = logging.getLogger(__name__)

_STATE_KEY = "watchword.exchange"


class Served(Protocol):
    """What the middleware needs of a `Watchword`."""

    @property
    def fdi(self) -> FdiFace:
        """The face that answers."""
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
        origins = (None, *auth.fdi.app_info.allowed_origins)
        self._cross_origin_headers = {origin: _encode(cross_origin_headers(origin)) for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, self._starting(receive, send), self._stopping(send))
        elif scope["type"] == "http":
            entered = enter_request(scope)  # for lines of the log; the id is made when one is written
            try:
                await self._http(scope, receive, send)
            finally:
                leave_request(entered)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        face = self.auth.fdi
        request = AsgiRequest(scope, face.addresses)
        preflight = face.answer_preflight(request) if request.method == "OPTIONS" else None
        if preflight is not None:
            return await _send_response(preflight, send)
        exchange = Exchange(request, face.policy)
        try:
            await self.auth.start()  # at once when started; for servers and test clients without a lifespan
        except WatchwordError as error:
            return await _send_response(face.respond(exchange, await face.answer_error(exchange, error)), send)
        match = face.find_route(request)
        if match is not None:
            return await _send_response(await face.call(exchange, match, receive), send)
        scope[_STATE_KEY] = exchange
        return await self._application(scope, receive, send, exchange)

    async def _application(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        face, started = self.auth.fdi, False

        def send_with_tokens(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._finish(exchange, message.get("headers", ()))}
            return send(message)

        try:
            await self.app(scope, receive, send_with_tokens)
        except WatchwordError as error:
            if started:
                raise
            answer = await face.answer_error(exchange, error)
            await _send_response(face.respond(exchange, answer), send)

    def _finish(self, exchange: Exchange, headers: RawHeaders) -> RawHeaders:
        """The headers of a response of the application's, with ours.

        Most responses carry none of those that `finish_headers` works on, and get ours behind their own.
        """
        if exchange.is_silent and CONCERNED_HEADERS.isdisjoint([name.lower() for name, _ in headers]):
            origin = exchange.request.header("origin")
            return [*headers, *self._cross_origin_headers.get(origin, self._cross_origin_headers[None])]
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


async def _send_response(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": _encode(response.headers)})
    await send({"type": "http.response.body", "body": response.body})
