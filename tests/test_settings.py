"""Names, domains and paths of the application. Source: FDI 1.1; security SC-3, SC-4; mission lines S033 to S040."""

from typing import Any

import pytest

from watchword.errors import ConfigurationError
from watchword.settings import AppInfo, normalise_origin, normalise_path


def info(**changes: Any) -> AppInfo:
    """An application with changes."""
    return AppInfo(
        **{"app_name": "T", "api_domain": "https://api.example.com", "website_domain": "https://example.com"} | changes
    )


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://API.Example.com", "https://api.example.com"),
        ("api.example.com", "https://api.example.com"),
        ("localhost:3000", "http://localhost:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("https://example.com:443/", "https://example.com"),
        ("http://localhost:80", "http://localhost"),
        (" http://[::1]:8000 ", "http://[::1]:8000"),
        ("0.0.0.0:8080", "http://0.0.0.0:8080"),
    ],
)
def test_origins_are_normalised(written: str, normal: str) -> None:
    """Lower case, scheme added, default port and blanks taken away."""
    assert normal == normalise_origin("x", written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "*",
        "https://*",
        "https://*.example.com",
        "https://a.com/path",
        "ftp://a.com",
        "https://u@a.com",
        "https://a.com?x",
        "https://a.com#x",
        "https://a.com:port",
        "https://a com",
        "https://",
        "https://a.com:99999",
    ],
)
def test_what_is_no_origin_stops_the_start(written: str) -> None:
    """Wildcards, paths, user info and nonsense are refused with the setting's name (SC-4)."""
    with pytest.raises(ConfigurationError, match=r"app_info\.website_domain"):
        info(website_domain=written)


@pytest.mark.parametrize(
    ("written", "normal"), [("/auth", "/auth"), ("auth/", "/auth"), ("/", ""), ("", ""), (" /api/v1/ ", "/api/v1")]
)
def test_paths_are_normalised(written: str, normal: str) -> None:
    """A leading slash, no trailing one, the root is empty; case is kept."""
    assert normal == normalise_path("x", written)


@pytest.mark.parametrize("written", ["/a//b", "/a b", "/ä", "/a%2fb"])
def test_odd_paths_stop_the_start(written: str) -> None:
    """What would not survive on the wire is refused."""
    with pytest.raises(ConfigurationError, match="api_base_path"):
        info(api_base_path=written)


def test_plain_http_off_this_machine_stops_the_start() -> None:
    """Unless it is asked for in so many words (SC-3)."""
    with pytest.raises(ConfigurationError, match="https"):
        info(api_domain="http://api.example.com")
    assert "http://api.example.com" == info(api_domain="http://api.example.com", allow_insecure_http=True).api_domain


def test_the_issuer_is_configuration() -> None:
    """API domain, gateway path and base path, never the request's host (JW-11)."""
    made = info(api_gateway_path="/dev", api_base_path="/api/auth")
    assert "https://api.example.com/dev/api/auth" == made.issuer
