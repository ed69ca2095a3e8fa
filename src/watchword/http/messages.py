"""HTTP requests as plain data, so that recipes need no framework and tests need no server."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

Header = tuple[str, str]
JsonObject = dict[str, Any]

# RFC 9110, 5.1 and 5.5: a token in lower case; tabs, blanks and what Latin-1 can print.
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class HttpRequest:
    """One request as it arrived, without its body.

    Attributes:
        method: Upper case.
        path: Percent-decoded, after the mount prefix of the framework, query left out.
        query: Names and values, decoded, in order; a name may come twice.
        headers: Names in lower case, values as text, in order; a name may come twice.
        client_address: The client in canonical form, behind `trusted_proxies` the one they name; `None` when
            nothing tells.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # holds codes and states
    headers: tuple[Header, ...] = field(default=(), repr=False)  # holds tokens and cookies
    client_address: str | None = None

    def header(self, name: str) -> str | None:
        """The first header of this name (given in lower case), or `None`."""
        return next((value for key, value in self.headers if key == name), None)

    def query_values(self, name: str) -> list[str]:
        """All values of a query parameter, in order."""
        return [value for key, value in self.query if key == name]

    @cached_property
    def cookies(self) -> dict[str, list[str]]:
        """Cookie values by name, percent-decoded, quotes taken off; a name may have several (FDI 4.11)."""
        found: dict[str, list[str]] = {}
        for name, value in _cookie_pairs(value for key, value in self.headers if key == "cookie"):
            found.setdefault(name, []).append(value)
        return found


def _cookie_pairs(headers: Iterable[str]) -> Iterable[tuple[str, str]]:
    for header in headers:
        for piece in header.split(";"):
            # Blanks and tabs only, as browsers do: one for whom a name starts with U+00A0 or U+0085 lets any
            # page set it, and it would count here as the name without, prefixes like `__Host-` included.
            name, equals, value = piece.strip(" \t").partition("=")
            if equals:
                yield name.strip(" \t"), unquote(value.strip(" \t").removeprefix('"').removesuffix('"'))


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
