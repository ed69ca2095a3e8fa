"""HTTP requests as plain data, so that recipes need no framework and tests need no server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Header = tuple[str, str]
JsonObject = dict[str, Any]

# RFC 9110, 5.1 and 5.5: a token in lower case; tabs, blanks and what Latin-1 can print.
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class HttpRequest:
    """One request as it arrived, without its body.

    Nobody changes one. A server's is a subclass that decodes nothing before somebody asks for it.

    Args:
        method: Upper case.
        path: Percent-decoded, after the mount prefix of the framework, query left out.
        query: Names and values, decoded, in order; a name may come twice.
        headers: Names in lower case, values as text, in order; a name may come twice.
        client_address: The client in canonical form, behind `trusted_proxies` the one they name; `None` when
            nothing tells.
    """

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Sequence[Header] = (),
        client_address: str | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self._query = query
        self._headers = headers
        self._client_address = client_address
        self._cookies: dict[str, list[str]] | None = None

    def __repr__(self) -> str:  # query and headers hold codes, tokens and cookies
        return f"HttpRequest(method={self.method!r}, path={self.path!r}, client_address={self.client_address!r})"

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        """Names and values, decoded, in order."""
        return self._query

    @property
    def headers(self) -> Sequence[Header]:
        """All headers in order, names in lower case."""
        return self._headers

    @property
    def client_address(self) -> str | None:
        """The client in canonical form."""
        return self._client_address

    def header(self, name: str) -> str | None:
        """The first header of this name (given in lower case), or `None`."""
        return next((value for key, value in self.headers if key == name), None)

    def query_values(self, name: str) -> list[str]:
        """All values of a query parameter, in order."""
        return [value for key, value in self.query if key == name]

    @property
    def cookies(self) -> Mapping[str, list[str]]:
        """Cookie values by name, percent-decoded, quotes taken off; a name may have several (FDI 4.11)."""
        if self._cookies is None:
            self._cookies = read_cookies("; ".join(value for key, value in self.headers if key == "cookie"))
        return self._cookies


# What browsers take off, no more: one for whom a name starts with U+00A0 or U+0085 lets any page set it, and
# it would count here as the name without, prefixes like `__Host-` included.
_BLANK = " \t"


def read_cookies(header: str) -> dict[str, list[str]]:
    """The values of a `Cookie` header by name; what is no pair is left out."""
    found: dict[str, list[str]] = {}
    for piece in header.split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            plain = value.strip(_BLANK)
            if '"' in plain or "%" in plain:
                plain = unquote(plain.removeprefix('"').removesuffix('"'))
            found.setdefault(name.strip(_BLANK), []).append(plain)
    return found


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer as plain data; header names in lower case, `set-cookie` once per cookie.

    Raises:
        ValueError: A header that HTTP cannot carry, or that would end early and start another (security CK-7).
    """

    status: int
    headers: tuple[Header, ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        for name, value in self.headers:
            if _HEADER_NAME.fullmatch(name) is None or _HEADER_VALUE.fullmatch(value) is None:
                raise ValueError(f"the header {name[:100]!r} has a character that no header may hold")
