"""Which attributes cookies get, and what start-up refuses. FDI 4.3, section 14 lines 32, 33; security CK-2, SC-*."""

from typing import Any

import pytest

from watchword.errors import ConfigurationError
from watchword.fdi.cookies import CookiePolicy
from watchword.http.messages import HttpRequest
from watchword.sessions.settings import SessionSettings
from watchword.settings import AppInfo


def policy(api: str, website: str, *, origins: list[str] | None = None, **settings: Any) -> CookiePolicy:
    """A policy for an API and a website."""
    info = AppInfo(
        app_name="T", api_domain=api, website_domain=website, origins=origins or [], allow_insecure_http=True
    )
    return CookiePolicy(info, SessionSettings(**settings))


@pytest.mark.parametrize(
    ("api", "website", "same_site"),
    [
        ("https://api.a.co.uk", "https://b.co.uk", "none"),
        ("https://a.b.test.com", "https://test.com", "lax"),
        ("https://api.example.com", "https://example.com", "lax"),
        ("https://api.example.com", "http://example.com", "none"),
        ("http://localhost:8000", "http://localhost:3000", "lax"),
        ("http://127.0.0.1:8000", "http://localhost:3000", "lax"),
        ("http://localhost.org:8000", "http://localhost.org", "lax"),
        ("https://ec2-1.compute-1.amazonaws.com", "https://ec2-2.compute-1.amazonaws.com", "none"),
        ("https://ec2-1.compute-1.amazonaws.com", "https://ec2-1.compute-1.amazonaws.com:3000", "lax"),
        ("https://a.github.io", "https://b.github.io", "none"),
    ],
)
def test_same_site_follows_the_two_domains(api: str, website: str, same_site: str) -> None:
    """`none` only where the registrable domains or the schemes differ; public suffixes count."""
    made = policy(api, website)
    assert same_site == made.same_site(made.app_info.website_domain)


def test_same_site_follows_the_origin_of_each_request() -> None:
    """With several origins the request's own one decides, each time anew."""
    made = policy("https://api.example.com", "https://example.com", origins=["https://other.org"])
    for origin, same_site in (
        ("https://other.org", "none"),
        ("https://example.com", "lax"),
        ("https://evil.org", "lax"),
    ):
        request = HttpRequest("POST", "/", headers=(("origin", origin),))
        assert same_site == made.same_site(made.website_origin(request))


def test_a_set_value_wins_and_is_normalised() -> None:
    """Blanks and capitals are accepted, other words are not."""
    assert "none" == policy("https://a.com", "https://a.com", cookie_same_site=" None ").same_site("https://a.com")
    with pytest.raises(ConfigurationError, match="cookie_same_site"):
        policy("https://a.com", "https://a.com", cookie_same_site="sometimes")


@pytest.mark.parametrize(
    ("api", "website", "settings", "setting"),
    [
        ("http://api.example.com", "http://other.org", {}, "app_info.api_domain"),
        ("http://api.example.com", "https://www.example.com", {}, "app_info.api_domain"),
        ("https://api.example.com", "https://other.org", {"cookie_secure": False}, "cookie_secure"),
        ("https://api.example.com", "https://example.com", {"cookie_secure": False}, "cookie_secure"),
        ("http://localhost:3000", "http://localhost:3000", {"cookie_prefixes": True}, "cookie_prefixes"),
        (
            "https://api.example.com",
            "https://example.com",
            {"cookie_prefixes": True, "cookie_domain": ".example.com"},
            "cookie_prefixes",
        ),
        ("http://api.example.com", "http://www.example.com", {"cookie_same_site": "none"}, "cookie_same_site"),
        ("https://api.example.com", "https://other.org", {"cookie_same_site": "lax"}, "cookie_same_site"),
        ("https://api.example.com", "https://www.example.com", {"cookie_domain": "www.example.com"}, "cookie_domain"),
        ("https://api.example.com", "https://www.example.com", {"cookie_domain": ".com"}, "cookie_domain"),
        ("https://api.example.co.uk", "https://example.co.uk", {"cookie_domain": "co.uk"}, "cookie_domain"),
        ("https://api.example.com", "https://www.example.com", {"cookie_domain": "ample.com"}, "cookie_domain"),
    ],
)
def test_start_up_refuses_what_browsers_would_reject(
    api: str, website: str, settings: dict[str, Any], setting: str
) -> None:
    """The error names the setting to change."""
    with pytest.raises(ConfigurationError) as caught:
        policy(api, website, **settings).check()
    assert setting == caught.value.setting


@pytest.mark.parametrize(
    ("api", "website", "settings"),
    [
        ("http://localhost:8000", "http://localhost:3000", {}),
        ("http://localhost:8000", "http://127.0.0.1:3000", {"cookie_same_site": "none"}),
        ("https://api.example.com", "https://other.org", {}),
        ("https://api.example.com", "https://www.example.com", {"cookie_domain": ".example.com"}),
        ("http://api.example.com", "http://other.org", {"token_transfer_method": "header"}),
    ],
)
def test_start_up_accepts_what_works(api: str, website: str, settings: dict[str, Any]) -> None:
    """Ports on this machine, two sites over https, sub-domains, and headers anywhere."""
    policy(api, website, **settings).check()


def test_attributes_with_a_domain_over_https() -> None:
    """`Domain` first, `Secure` behind `HttpOnly`, the value percent-encoded."""
    made = policy("https://api.example.com", "https://example.com", cookie_domain=".example.com")
    assert (
        "sRefreshToken=a%2Bb%3D; Domain=.example.com; Path=/auth/session/refresh; "
        "Expires=Thu, 01 Jan 1970 00:00:01 GMT; HttpOnly; Secure; SameSite=Lax"
    ) == made.set_refresh_token("a+b=", 1_000, "lax")


def test_stray_cookies_are_looked_for_on_every_other_domain() -> None:
    """Host-only and each parent up to the registrable domain, but where we set our own."""
    assert ("api.example.co.uk", "example.co.uk") == policy(
        "https://api.example.co.uk", "https://example.co.uk"
    ).foreign_domains()
    assert (None, "a.example.com") == policy(
        "https://a.example.com", "https://example.com", cookie_domain=".example.com"
    ).foreign_domains()
