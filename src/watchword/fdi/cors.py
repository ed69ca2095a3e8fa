"""Cross-origin answers for the configured origins, on every route and every status. Source: FDI 4.6, security 2.11."""

import re

from watchword.http.messages import Header, HttpRequest
from watchword.settings import AppInfo

#: The request headers that the official clients send.
REQUEST_HEADERS = ("content-type", "rid", "fdi-version", "anti-csrf", "authorization", "st-auth-mode")
METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
#: The response headers that the official clients read, in the contract's order.
TOKEN_HEADERS = ("front-token", "st-access-token", "st-refresh-token", "anti-csrf")
#: What scripts of the website may read of an answer, where it is there.
_READABLE_HEADERS = (*TOKEN_HEADERS, "retry-after")
#: Headers of a response that `add_cors` reads or replaces; without one of them it only adds `cross_origin_headers`.
CONCERNED_HEADERS = frozenset(
    name.encode()
    for name in (
        *_READABLE_HEADERS,
        "vary",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
    )
)
_PREFLIGHT_SECONDS = 600
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser only asks what it may send."""
    return request.method == "OPTIONS" and request.header("access-control-request-method") is not None


def allowed_origin(app_info: AppInfo, request: HttpRequest) -> str | None:
    """The request's origin if it is configured: compared whole, never by prefix, suffix or pattern (CO-1)."""
    origin = request.header("origin")
    return origin if origin in app_info.allowed_origins else None


def preflight_headers(origin: str, request: HttpRequest) -> list[Header]:
    """What a page of a configured origin may send: our headers, and those it asks for, with any method."""
    asked = _HEADER_NAME.findall((request.header("access-control-request-headers") or "").lower())
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", METHODS),
        ("access-control-allow-headers", ", ".join(dict.fromkeys((*REQUEST_HEADERS, *asked)))),
        ("access-control-max-age", str(_PREFLIGHT_SECONDS)),
        ("vary", "Origin, Access-Control-Request-Headers"),
    ]


def add_cors(headers: list[Header], origin: str | None) -> list[Header]:
    """Response headers with the cross-origin ones for a configured origin, each once.

    Whatever the application's own middleware said about that origin is replaced, so that nothing
    stands twice; what it exposes is kept and our own headers, where present, are added.
    """
    headers = _expose(add_vary(headers, "Origin"))
    if origin is None:
        return headers
    ours = _allowing(origin)
    replaced = [name for name, _ in ours]
    return [*(header for header in headers if header[0] not in replaced), *ours]


def cross_origin_headers(origin: str | None) -> list[Header]:
    """What `add_cors` adds for an origin, or for none, to a response that has none of the `CONCERNED_HEADERS`."""
    vary = ("vary", "Origin")
    return [vary] if origin is None else [vary, *_allowing(origin)]


def _allowing(origin: str) -> list[Header]:
    return [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")]


def _expose(headers: list[Header]) -> list[Header]:
    present = {name for name, _ in headers}
    readable = [name for name in _READABLE_HEADERS if name in present]
    if not readable:
        return headers
    name = "access-control-expose-headers"
    exposed = [item.strip() for key, value in headers if key == name for item in value.split(",") if item.strip()]
    return [*(header for header in headers if header[0] != name), (name, ", ".join(dict.fromkeys(exposed + readable)))]


def add_vary(headers: list[Header], *names: str) -> list[Header]:
    """Response headers whose `Vary` names what decided the answer, each once."""
    present = [item.strip() for name, value in headers if name == "vary" for item in value.split(",") if item.strip()]
    if "*" in present:
        return headers
    lower = {item.lower() for item in present}
    present += [name for name in names if name.lower() not in lower]
    return [(name, value) for name, value in headers if name != "vary"] + [("vary", ", ".join(present))]
