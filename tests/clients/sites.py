"""Websites with their APIs, as people deploy them: on one origin, on two ports, on two sub-domains, on two sites."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
from starlette.types import ASGIApp

from tests.clients.application import ProviderClient, make_application, make_auth
from tests.clients.certificates import Certificate
from tests.clients.servers import listen, port_of, serve
from tests.clients.website import make_website
from watchword import AppInfo

Shape = Literal["one origin", "two ports", "two sub-domains", "two sites"]

HOSTS: dict[Shape, tuple[str, str]] = {
    "one origin": ("http://localhost", "http://localhost"),
    "two ports": ("http://localhost", "http://localhost"),
    "two sub-domains": ("https://www.watchword.test", "https://api.watchword.test"),
    "two sites": ("https://www.watchword.test", "https://api.other-site.test"),
}


@dataclass(frozen=True)
class Site:
    """Where a running website and its API are, as origins.

    Attributes:
        sibling: A second website of the same people on another sub-domain, allowed to call the API; on
            one machine name it is the website itself.
        stranger: A website of somebody else, not allowed anything.
        third_party_cookies: Whether the API's cookies are of another site than the website's.
    """

    website: str
    api: str
    sibling: str
    stranger: str
    third_party_cookies: bool


@dataclass(frozen=True)
class Surroundings:
    """What every site of a test run shares."""

    bundles: Path
    certificate: Certificate
    issuer: str


@contextmanager
def run_site(
    shape: Shape,
    surroundings: Surroundings,
    database: str,
    session: Mapping[str, Any] | None = None,
    website: ASGIApp | None = None,
    **settings: Any,
) -> Iterator[Site]:
    """Serve a website and its API until the block ends.

    Args:
        database: Where the API keeps its tables, empty at first.
        session: Session settings that differ from the defaults.
        website: Instead of the pages around the official clients.
        settings: Other settings of `make_auth`, or of `Watchword`.
    """
    website_host, api_host = HOSTS[shape]
    website_listener = listen()
    api_listener = website_listener if shape == "one origin" else listen()
    port = port_of(website_listener)
    over_https = website_host.startswith("https")
    site = Site(
        website=f"{website_host}:{port}",
        api=f"{api_host}:{port_of(api_listener)}",
        sibling=f"https://app.watchword.test:{port}" if over_https else f"{website_host}:{port}",
        stranger=f"https://www.stranger.test:{port}" if over_https else f"http://127.0.0.1:{port}",
        third_party_cookies=shape == "two sites",
    )
    certificate = surroundings.certificate.path if over_https else None
    with ExitStack() as running:
        for listener in {website_listener, api_listener}:
            running.callback(listener.close)
        website = website or make_website(surroundings.bundles)
        provider = _register(surroundings.issuer, site)
        app_info = AppInfo(
            app_name="Watchword", api_domain=site.api, website_domain=site.website, origins=(site.sibling,)
        )
        app = make_application(make_auth(app_info, database, provider, session or {}, **settings))
        if shape == "one origin":
            app.mount("/", website)
        else:
            running.enter_context(serve(website, website_listener, certificate))
        running.enter_context(serve(app, api_listener, certificate))
        yield site


def _register(issuer: str, site: Site) -> ProviderClient:
    """Make the application known to the provider, with its callback address. Source: RFC 7591."""
    answer = httpx2.post(
        f"{issuer}/reg",
        json={
            "redirect_uris": [f"{site.website}/auth/callback/people"],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
    )
    answer.raise_for_status()
    client = answer.json()
    return ProviderClient(issuer=issuer, client_id=client["client_id"], client_secret=client["client_secret"])
