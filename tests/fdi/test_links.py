"""Where the links in mails lead, whatever the request that caused them says. Source: security TK-4; Supabase
GHSA-3529-5m8x-rpv3, Litestar's host middleware."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.site import Site, running_site
from watchword.recipes import EmailPassword, EmailVerification

ADA = "ada@example.com"
WEBSITE, SECOND = "http://localhost:3000", "http://localhost:3001"
MAILS = {
    "/auth/user/password/reset/token": {"formFields": [{"id": "email", "value": ADA}]},
    "/auth/user/email/verify/token": {},
}
#: `None` leaves out what a request has by itself.
CLAIMS: list[dict[str, str | None]] = [
    {"host": "evil.example"},
    {"host": None},
    {"host": None, "x-forwarded-host": "evil.example"},
    {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-port": "444"},
    {"forwarded": "host=evil.example;proto=https"},
    {"x-original-host": "evil.example", "x-host": "evil.example", "x-forwarded-server": "evil.example"},
    {"referer": "https://evil.example/auth/"},
    {"x-forwarded-prefix": "/evil", "x-original-url": "/evil"},
    {"origin": WEBSITE},
    {"origin": SECOND},
]


@pytest.fixture
async def site(sqlite_url: str) -> AsyncIterator[Site]:
    """A site whose website lies elsewhere, with a second origin that is allowed as well."""
    recipes = [EmailPassword(), EmailVerification(mode="OPTIONAL")]
    async with running_site(sqlite_url, recipes=recipes, website_domain=WEBSITE, origins=[SECOND]) as running:
        yield running


async def post(site: Site, path: str, headers: dict[str, str | None], access_token: str) -> int:
    """One request, written by hand: clients do not send it without `Host`; answers the status."""
    body = json.dumps({**MAILS[path], "websiteDomain": "https://evil.example", "origin": "https://evil.example"})
    own = {"host": urlsplit(site.url).netloc, "authorization": f"Bearer {access_token}"}
    own |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**own, **headers}.items() if value is not None]
    request = "\r\n".join([f"POST {path}?websiteDomain=https://evil.example HTTP/1.0", *lines, "", body])
    reader, writer = await asyncio.open_connection("localhost", urlsplit(site.url).port)
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("path", MAILS)
@pytest.mark.parametrize("claims", CLAIMS, ids=lambda claims: " ".join(f"{n}={v}" for n, v in claims.items()))
async def test_a_mailed_link_leads_to_a_configured_page(site: Site, path: str, claims: dict[str, str | None]) -> None:
    """Attack: have somebody's token mailed in a link to one's own server, by what the request says about itself."""
    browser = site.browser("headers")
    await browser.sign_up(ADA)
    assert 200 == await post(site, path, claims, browser.tokens["st-access-token"])
    link = urlsplit(await site.mail.take_link())
    assert f"{link.scheme}://{link.netloc}" in (WEBSITE, SECOND)
    assert link.path in ("/auth/reset-password", "/auth/verify-email")
    if claims.get("origin") != SECOND:
        assert f"{link.scheme}://{link.netloc}" == WEBSITE
