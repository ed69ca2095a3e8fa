"""Of a user agent a session keeps a few words: enough for its owner, too little to tell people apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.http.messages import HttpRequest
from watchword.sessions.devices import Origin, describe_device, origin_of

GECKO = "Gecko/20100101 Firefox/141.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) {GECKO}", "Firefox on Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64; rv:141.0) {GECKO}", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/138.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/1 Safari/5 OPR/9", "Opera on macOS"),
        (
            f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} SamsungBrowser/28 Chrome/1",
            "Samsung Internet on Android",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) AppleWebKit/605 Version/18.5 Safari/605", "Safari on macOS"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/138.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541) {WEBKIT} Chrome/138 Safari/537", "Chrome on ChromeOS"),
        ("curl/8.14.1", "curl"),
        ("okhttp/4.12.0", "okhttp"),
        ("ShopApp/7.1 (iPad; iPadOS 18)", "ShopApp on iPad"),
        ("Mozilla/5.0 (compatible)", None),
        ("<script>alert(1)</script>", None),
        ("", None),
    ],
)
def test_a_user_agent_in_a_few_words(user_agent: str, device: str | None) -> None:
    """The browser and the system by their names, no versions and no models."""
    assert device == describe_device(user_agent)


@given(st.text(max_size=2_000))
def test_whatever_is_sent_the_words_are_few_and_plain(user_agent: str) -> None:
    """A client may write anything there: no page that lists sessions gets markup or kilobytes from it."""
    device = describe_device(user_agent) or ""
    assert len(device) <= 50
    assert device.isascii()
    assert not set(device) & set("<>&\"'\0")


def test_without_a_request_nothing_is_known() -> None:
    """From a script, or where an application puts something else into `user_context`."""
    assert Origin() == origin_of(None) == origin_of({"headers": {}})
    request = HttpRequest(method="GET", path="/", headers=(("user-agent", "curl/8"),), client_address="192.0.2.7")
    assert Origin("curl", "192.0.2.7") == origin_of(request)
