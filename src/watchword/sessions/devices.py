"""Where a session was started: the few words about a browser by which its owner knows it again, and the address.

Of the user agent no more is kept than these words. A version or a model would tell browsers of one person apart
better, and that person from others as well.
"""

import re
from dataclasses import dataclass

from watchword.http.messages import HttpRequest

# The first that is found counts: nearly all browsers also name those that they are like.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,29}(?=/|\s|$)", re.ASCII)
_LONGEST_READ = 1_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session was started.

    Attributes:
        device: For example `Firefox on Windows`, or `curl`; `None` when the client says nothing.
        network_address: The client's canonical address; `None` when it is not known.
    """

    device: str | None = None
    network_address: str | None = None


def origin_of(request: object) -> Origin:
    """Where a request comes from; nowhere in particular for what is no `HttpRequest`."""
    if not isinstance(request, HttpRequest):
        return Origin()
    return Origin(describe_device(request.header("user-agent") or ""), request.client_address)


def describe_device(user_agent: str) -> str | None:
    """The few words about what sent this header; `None` when it says nothing that we know how to read."""
    text = user_agent[:_LONGEST_READ]
    system = next((name for mark, name in _SYSTEMS if mark in text), None)
    if text.startswith("Mozilla/"):
        browser = next((name for mark, name in _BROWSERS if mark in text), None)
    else:
        product = _PRODUCT.match(text)
        browser = product[0] if product else None
    if browser is None:
        return system
    return browser if system is None else f"{browser} on {system}"
