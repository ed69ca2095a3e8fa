"""The context of a call: what it holds for the application, and what the house reads in it."""

from typing import Any

from watchword.http.messages import HttpRequest
from watchword.protection.devices import DEVICE_COOKIE
from watchword.protection.limits import Caller
from watchword.sessions.endings import Ending
from watchword.sessions.session import ENDED_BECAUSE

UserContext = dict[str, Any]
"""Lives as long as one request and reaches every recipe function; for the application's own use.

Over HTTP it holds the `HttpRequest` under `request`. What stands under `reason` when sessions are ended is
recorded as the reason in the audit log.
"""


def caller(user_context: UserContext) -> Caller:
    """Who is behind a call, for the limits: nobody in particular without the HTTP request."""
    request = user_context.get("request")
    if not isinstance(request, HttpRequest):
        return Caller()
    return Caller(request.client_address, request.cookies.get(DEVICE_COOKIE, ()))


def address_of(user_context: UserContext) -> str | None:
    """The client's address, for the audit log; `None` without the HTTP request."""
    return caller(user_context).address


def ending_of(user_context: UserContext | None) -> Ending:
    """Why sessions are ended, as far as the context of the call tells; see `ENDED_BECAUSE`."""
    context: UserContext = user_context or {}
    reason = context.get("reason")
    return Ending(
        cause=context.get(ENDED_BECAUSE, "by_application"),
        reason=None if reason is None else str(reason),
        address=address_of(context),
    )
