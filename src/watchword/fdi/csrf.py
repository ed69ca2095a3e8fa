"""Whether the person meant this request: cross-site requests, anti-CSRF modes. Source: FDI 4.7, security 2.7."""

from typing import Literal

from watchword.errors import WatchwordError
from watchword.fdi.cookies import CookiePolicy
from watchword.http.messages import HttpRequest

#: The method of a WebSocket's handshake, which is none of HTTP. Any page may send one, with cookies, and can add no
#: header to it: the page's origin alone tells whether it is ours.
HANDSHAKE = "WEBSOCKET"

AntiCsrfMode = Literal["NONE", "VIA_CUSTOM_HEADER", "VIA_TOKEN"]


class CrossSiteRequest(WatchwordError):
    """A browser sent a state-changing request from a site that is not configured (security CS-2).

    Nothing was done and nothing is cleared.
    """

    code = "cross_site_request"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"a page of {origin} may not call this API; if it is yours, name it in app_info.website_domain "
            "or app_info.origins"
        )
        self.origin = origin


def anti_csrf_mode(policy: CookiePolicy, request: HttpRequest) -> AntiCsrfMode:
    """The mode in force for this request: as set, else the custom header where cookies go cross-site."""
    if policy.settings.anti_csrf is not None:
        return policy.settings.anti_csrf
    return "VIA_CUSTOM_HEADER" if policy.same_site(policy.website_origin(request)) == "none" else "NONE"


def check_not_cross_site(policy: CookiePolicy, request: HttpRequest) -> None:
    """Refuse a browser's request from a page that is not ours.

    A browser names the page's origin on every request that can change something; a request without
    `Origin` and `Sec-Fetch-Site` is no browser's (CS-2).

    Raises:
        CrossSiteRequest: Nothing may be done and nothing cleared (CS-6).
    """
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    if origin is None:
        if site == "cross-site":
            raise CrossSiteRequest("another site")
        return
    if origin in policy.app_info.allowed_origins or site == "same-origin":
        return
    raise CrossSiteRequest(origin if origin.isprintable() and len(origin) <= 200 else "another site")
