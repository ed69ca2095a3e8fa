"""A WSGI environment as an `HttpRequest`; Django's `META` is one as well. Source: PEP 3333."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from watchword.http.client_address import ClientAddresses
from watchword.http.messages import Header, HttpRequest

_WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


class EnvironRequest(HttpRequest):
    """The request of an environment; a header that came twice is one, as the server joined it.

    Args:
        environ: As the server made it.
        addresses: Tells clients from proxies.
        path: After the mount prefix, decoded; taken from the environment when left out.
    """

    def __init__(self, environ: Mapping[str, Any], addresses: ClientAddresses, *, path: str | None = None) -> None:
        super().__init__(environ["REQUEST_METHOD"].upper(), _decoded_path(environ) if path is None else path)
        self._environ = environ
        self._addresses = addresses

    def header(self, name: str) -> str | None:
        """The header of this name (given in lower case), or `None`."""
        key = name.upper().replace("-", "_")
        value: str | None = self._environ.get(key if key in _WITHOUT_PREFIX else f"HTTP_{key}")
        return value or None if key in _WITHOUT_PREFIX else value  # servers may put an empty text for what is absent

    @property
    def headers(self) -> Sequence[Header]:
        """All headers, names in lower case."""
        found = [
            (key.removeprefix("HTTP_").lower().replace("_", "-"), str(value))
            for key, value in self._environ.items()
            if key.startswith("HTTP_") or (key in _WITHOUT_PREFIX and value)
        ]
        return [(name, value) for name, value in found if name]

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        """Names and values, decoded, in order."""
        return parse_qsl(self._environ.get("QUERY_STRING", ""), keep_blank_values=True)

    @property
    def client_address(self) -> str | None:
        """The client in canonical form, behind `trusted_proxies` the one they name."""
        return self._addresses.find(self._environ.get("REMOTE_ADDR"), self.headers)


def _decoded_path(environ: Mapping[str, Any]) -> str:
    """Its bytes stand there as Latin-1, whatever they are."""
    return str(environ.get("PATH_INFO") or "/").encode("latin-1").decode("utf-8", "replace")
