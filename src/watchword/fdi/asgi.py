"""The FDI as pure ASGI: one middleware that answers our routes and adds tokens to everybody else's responses."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.exchange import Exchange
from watchword.fdi.face import FdiFace
from watchword.http.messages import Header, HttpRequest, HttpResponse

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, self._starting(receive, send), self._stopping(send))
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        face = self.auth.fdi
        request = face.find_client(read_request(scope), resolved=_is_resolved(scope))
        preflight = face.answer_preflight(request)
        if preflight is not None:
            return await _send_response(preflight, send)
        exchange = face.open_exchange(request)
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

        async def send_with_tokens(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = face.finish_headers(exchange, _decode(message.get("headers", ())))
                message = {**message, "headers": _encode(headers)}
            await send(message)

        try:
            await self.app(scope, receive, send_with_tokens)
        except WatchwordError as error:
            if started:
                raise
            answer = await face.answer_error(exchange, error)
            await _send_response(face.respond(exchange, answer), send)

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


def read_request(scope: Scope) -> HttpRequest:
    """An ASGI scope as plain data; the path is that after the framework's mount prefix."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :] or "/"
    client, query = scope.get("client"), scope.get("query_string", b"")
    return HttpRequest(
        method=scope["method"].upper(),
        path=path,
        query=tuple(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else (),
        headers=tuple(_decode(scope["headers"])),
        client_address=client[0] if client else None,
    )


def _is_resolved(scope: Scope) -> bool:
    """Whether the server put a forwarded address in place of the peer's: those come without a port."""
    client = scope.get("client")
    return bool(client) and not client[1]


def _decode(headers: Any) -> list[Header]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]


def _encode(headers: list[Header]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _send_response(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": _encode(list(response.headers))})
    await send({"type": "http.response.body", "body": response.body})
