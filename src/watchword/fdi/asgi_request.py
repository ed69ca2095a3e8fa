"""An ASGI scope as an `HttpRequest`: most requests ask nothing of us, so nothing is decoded before somebody asks."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from watchword.http.client_address import ClientAddresses
from watchword.http.messages import Header, HttpRequest, read_cookies

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = Sequence[tuple[bytes, bytes]]


class AsgiRequest(HttpRequest):
    """The request of an ASGI scope.

    Args:
        scope: Of the type `http`.
        addresses: Tells clients from proxies.
    """

    def __init__(self, scope: Scope, addresses: ClientAddresses) -> None:
        self.method = scope["method"].upper()
        self.path = _path_below_mount(scope) if scope.get("root_path") else scope["path"]
        # The parts and not the scope, which holds the exchange and so this request: a ring that only the garbage
        # collector would undo, at twice the price of all that happens here.
        self.raw_headers: RawHeaders = scope["headers"]
        self._raw_query: bytes = scope.get("query_string", b"")
        self._peer: tuple[str, int | None] | None = scope.get("client")
        self._addresses = addresses
        self._by_name: dict[bytes, bytes] | None = None
        self._cookies = None
        self._client: tuple[str | None] | None = None

    def header(self, name: str) -> str | None:
        """The first header of this name (given in lower case), or `None`."""
        value = (self._by_name or self._values()).get(name.encode())
        return None if value is None else value.decode("latin-1")

    @property
    def cookies(self) -> Mapping[str, list[str]]:
        """Cookie values by name, percent-decoded, quotes taken off; a name may have several (FDI 4.11)."""
        if self._cookies is None:
            self._cookies = read_cookies((self._by_name or self._values()).get(b"cookie", b"").decode("latin-1"))
        return self._cookies

    def _values(self) -> dict[bytes, bytes]:
        """The first value of each name; those of `cookie` are one list, in as many headers as the client likes."""
        self._by_name = found = dict[bytes, bytes]()
        for raw_name, value in self.raw_headers:
            name = raw_name.lower()
            if name not in found:
                found[name] = value
            elif name == b"cookie":
                found[name] += b"; " + value
        return found

    @property
    def headers(self) -> Sequence[Header]:
        """All headers in order, names in lower case."""
        return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self.raw_headers]

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        """Names and values, decoded, in order."""
        return parse_qsl(self._raw_query.decode("latin-1"), keep_blank_values=True)

    @property
    def client_address(self) -> str | None:
        """The client in canonical form, behind `trusted_proxies` the one they name."""
        if self._client is None:
            peer, port = self._peer or (None, None)
            # A server that put a forwarded address in place of the peer's names no port with it.
            self._client = (self._addresses.find(peer, self.headers, resolved=peer is not None and not port),)
        return self._client[0]


def _path_below_mount(scope: Scope) -> str:
    path, root = scope["path"], scope["root_path"].rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path
