"""Which origins are one site: the table of FDI 4.3 and section 14, line 32, and public suffixes."""

import pytest

from watchword.http.sites import is_public_suffix, is_same_site, registrable_domain

EC2_A, EC2_B = "ec2-1-2-3-4.compute-1.amazonaws.com", "ec2-5-6-7-8.compute-1.amazonaws.com"


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("API.Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("a.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("user.github.io", "user.github.io"),
        ("a.user.github.io", "user.github.io"),
        ("github.io", "github.io"),
        ("localhost", "localhost"),
        ("localhost.org", "localhost"),
        ("localhost.localdomain", "localhost"),
        ("127.0.0.1", "localhost"),
        ("192.168.1.7", "localhost"),
        ("0.0.0.0", "localhost"),  # noqa: S104 - a name, not a bind
        ("1.2.3.4.5", "4.5"),
        ("api.internal", "api.internal"),
        ("a.api.internal", "api.internal"),
        ("intranet", "intranet"),
        ("::1", "::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a.xn--p1ai", "a.xn--p1ai"),
        (EC2_A, EC2_A),
        ("", ""),
    ],
)
def test_the_registrable_domain(host: str, domain: str) -> None:
    """Private suffixes count, `localhost…` and IPv4 are one domain, a public suffix stands for itself (FDI 4.3)."""
    assert domain == registrable_domain(host)


@pytest.mark.parametrize(
    ("api", "website", "same"),
    [
        ("https://api.example.com", "https://example.com", True),
        ("https://api.example.com", "https://www.example.com", True),
        ("https://api.example.com:8443", "https://example.com", True),
        ("https://example.com", "https://example.org", False),
        ("https://api.a.co.uk", "https://b.co.uk", False),
        ("https://api.a.co.uk", "https://a.co.uk", True),
        ("https://a.b.test.com", "https://test.com", True),
        ("https://evil-example.com", "https://example.com", False),
        ("https://example.com.evil.org", "https://example.com", False),
        ("http://api.example.com", "https://example.com", False),
        ("https://api.example.com", "http://example.com", False),
        ("http://localhost:8000", "http://localhost:3000", True),
        ("http://localhost.org:8000", "http://localhost:3000", True),
        ("http://127.0.0.1:9000", "http://localhost:3000", True),
        ("http://127.0.0.1:9000", "http://192.168.1.7:3000", True),
        ("http://127.0.0.1:9000", "http://example.com", False),
        ("https://one.github.io", "https://two.github.io", False),
        ("https://a.one.github.io", "https://one.github.io", True),
        (f"https://{EC2_A}", f"https://{EC2_B}", False),
        (f"https://{EC2_A}:3001", f"https://{EC2_A}:3000", True),
        ("http://[::1]:8000", "http://[::1]:3000", True),
        ("http://[::1]:8000", "http://[::2]:3000", False),
    ],
)
def test_which_origins_are_one_site(api: str, website: str, same: bool) -> None:
    """Registrable domain and scheme decide, ports do not; not the ends of the texts (security CK-2)."""
    assert same is is_same_site(api, website)
    assert same is is_same_site(website, api)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("com", True),
        ("co.uk", True),
        (".co.uk", True),
        ("github.io", True),
        (".GitHub.io", True),
        ("internal", True),
        (EC2_A, True),
        ("example.com", False),
        (".example.com", False),
        ("user.github.io", False),
        ("localhost", False),
        (".localhost", False),
        ("127.0.0.1", False),
        ("::1", False),
    ],
)
def test_which_hosts_are_public_suffixes(host: str, public: bool) -> None:
    """No cookie may name a host under which anyone can register (security SC-5)."""
    assert public is is_public_suffix(host)
