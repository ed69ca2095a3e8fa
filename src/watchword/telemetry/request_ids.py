"""Which request a line of the log belongs to: an id that came along, or one that is made when it is first asked for.

The id of a request is that of its `X-Request-ID` when it is one, else the trace id of its `traceparent`
(W3C Trace Context), else made here. What comes along is a stranger's text: it counts only as a short word, so it
can neither forge a line nor fill a log.
"""

import re
import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

_KEY = "watchword.request_id"
_WORD = re.compile(rb"[A-Za-z0-9._:+/=-]{8,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

Scope = MutableMapping[str, Any]
"""An ASGI scope: what is kept of it is the id, once somebody has asked."""

current_request: ContextVar[Scope | None] = ContextVar("watchword.request", default=None)
"""The scope of the request to which belongs what runs; whoever sets it resets it."""


def find_request_id() -> str | None:
    """The id of the request that is being answered, the same each time; `None` outside of one."""
    scope = current_request.get()
    if scope is None:
        return None
    found: str | None = scope.get(_KEY)
    if found is None:
        found = scope[_KEY] = _brought(scope) or secrets.token_hex(8)
    return found


def get_correlation_id() -> str:
    """An id for an error and its line in the log: that of the request, or a new one outside of one."""
    return find_request_id() or secrets.token_hex(8)


def _brought(scope: Scope) -> str | None:
    headers = {bytes(name).lower(): bytes(value) for name, value in scope.get("headers", ())}
    word = headers.get(b"x-request-id", b"")
    if _WORD.fullmatch(word):
        return word.decode("ascii")
    parent = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b""))
    return None if parent is None or not parent[1].strip(b"0") else parent[1].decode("ascii")
