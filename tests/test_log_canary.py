"""A canary: secrets of every kind go through a running site, and none of them is in a log or in an error. LG-1."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.recipes.thirdparty.double import CLIENT_ID, ProviderDouble, query_of, running_provider
from tests.site import SECRET, Browser, FakeClock, Site, running_site
from watchword import JsonFormatter
from watchword.recipes import EmailVerification, Session, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect

DAY_MS = 86_400_000
PASSWORD = "canary-password-1"
CLIENT_SECRET = "canary-client-secret"
DATA = {"note": "canary-session-data"}


@dataclass
class Watched:
    """A site, its provider, what was secret, and every answer that was not OK."""

    site: Site
    provider: ProviderDouble
    secrets: set[str] = field(default_factory=lambda: {PASSWORD, CLIENT_SECRET, SECRET, *DATA.values()})
    errors: list[str] = field(default_factory=list)

    def note(self, browser: Browser) -> None:
        """Everything that this browser holds is a secret."""
        tokens = [value for name, value in browser.tokens.items() if name != "front-token"]
        cookies = [cookie.value for cookie in browser.client.cookies.jar]
        self.secrets |= {value for value in (*tokens, *cookies) if value}

    async def send(self, browser: Browser, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request; its answer is an error when its status is, or when it has the contract's and it is not OK."""
        answer = await browser.call(method, path, **options)
        if answer.status_code >= 400 or ('"status"' in answer.text and '"OK"' not in answer.text):
            self.errors.append(f"{path}: {answer.text} {answer.headers.get('location', '')}")
        self.note(browser)
        return answer


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watched]:
    """Both, on each database, with tokens that settle at once so that theft can be shown."""
    clock = FakeClock()
    async with running_provider(clock) as provider:
        corp = OpenIdConnect(
            third_party_id="corp", issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        session = Session(settle_ms=0, soft_window_ms=0, anti_csrf="VIA_TOKEN", max_session_data_bytes=100)
        recipes = [ThirdPartyEmailPassword(providers=[corp]), EmailVerification(mode="OPTIONAL")]
        async with running_site(database_url, recipes=recipes, session=session, clock=clock) as site:
            yield Watched(site, provider)


async def passwords(watched: Watched) -> None:
    """Signing up and in, right and wrong, with passwords that are refused in every way there is."""
    for email, password in (
        ("ada@example.com", PASSWORD),
        ("ada@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("eve@example.com", f"{PASSWORD}\0"),
        ("eve@example.com", PASSWORD * 200),
    ):
        fields = [{"id": "email", "value": email}, {"id": "password", "value": password}]
        for path in ("/auth/signup", "/auth/signin", "/auth/nowhere/signin"):
            await watched.send(watched.site.browser(), "POST", path, json={"formFields": fields})
    for body in ({"formFields": PASSWORD}, {"formFields": [{"id": PASSWORD, "value": 1}]}):
        await watched.send(watched.site.browser(), "POST", "/auth/signin", json=body)
    await watched.send(watched.site.browser(), "POST", "/auth/signin", content=PASSWORD.encode())


async def sessions(watched: Watched, browser: Browser) -> None:
    """Data that is too large, tokens that are broken, expired, stolen, of another kind, or without anti-CSRF token."""
    await watched.send(browser, "PUT", "/data", json=DATA)
    await watched.send(browser, "PUT", "/data", json={"note": DATA["note"] * 20})
    await watched.send(browser, "PUT", "/payload", json={"sub": DATA["note"]})
    access, refresh = browser.client.cookies["sAccessToken"], browser.client.cookies["sRefreshToken"]
    for wrong in (access[:-4] + "AAAA", access[1:], refresh, access + access, "Bearer", "."):
        for path in ("/me", "/exact"):
            await watched.send(watched.site.browser(), "GET", path, headers={"authorization": f"Bearer {wrong}"})
        headers = {"authorization": f"Bearer {wrong}", "cookie": f"sRefreshToken={wrong}; sAccessToken={wrong}"}
        await watched.send(watched.site.browser(), "POST", "/auth/session/refresh", headers=headers)
    await watched.send(browser, "POST", "/act", headers={"anti-csrf": "wrong"})
    for _ in range(2):
        await watched.send(browser, "POST", "/auth/session/refresh")
    thief = watched.site.browser("headers")
    await watched.send(thief, "POST", "/auth/session/refresh", headers={"authorization": f"Bearer {refresh}"})
    assert "token theft detected" in watched.errors[-1]
    watched.site.clock.advance(DAY_MS)
    await watched.send(browser, "GET", "/me")


async def mails(watched: Watched, browser: Browser) -> None:
    """Links that are right, used up, cut, of the other kind, of another tenant, and with a password that is refused."""
    await watched.send(browser, "POST", "/auth/user/email/verify/token", json={})
    verification = token_in(await watched.site.mail.take_link())
    fields = [{"id": "email", "value": "ada@example.com"}]
    await watched.send(browser, "POST", "/auth/user/password/reset/token", json={"formFields": fields})
    reset = token_in(await watched.site.mail.take_link())
    watched.secrets |= {verification, reset, verification[:-1], reset[1:]}
    verify, change = "/auth/user/email/verify", "/auth/user/password/reset"
    for token in (verification[:-1], reset[1:], reset, verification, verification):
        for path in (verify, "/auth/nowhere/user/email/verify"):
            await watched.send(browser, "POST", path, json={"method": "token", "token": token})
    for token in (verification, reset[1:], reset, reset):
        for password in ("short", f"{PASSWORD}\0", PASSWORD):
            body = {"method": "token", "token": token, "formFields": [{"id": "password", "value": password}]}
            await watched.send(watched.site.browser(), "POST", change, json=body)
    assert any("RESET_PASSWORD_INVALID_TOKEN_ERROR" in error for error in watched.errors)
    assert any("EMAIL_VERIFICATION_INVALID_TOKEN_ERROR" in error for error in watched.errors)


def token_in(link: str) -> str:
    """What the page behind a link reads from its address."""
    return parse_qs(urlsplit(link).query)["token"][0]


async def provider(watched: Watched) -> None:
    """A sign-in that works, then the same code again, a wrong verifier, broken tokens, and a provider that fails."""
    browser = watched.site.browser()
    back = f"{watched.site.url}/auth/callback/corp"
    asked = {"thirdPartyId": "corp", "redirectURIOnProviderDashboard": back}
    started = (await browser.get("/auth/authorisationurl", params=asked)).json()
    query = query_of((await browser.client.get(started["urlWithQueryParams"])).headers["location"])
    verifier = started["pkceCodeVerifier"]
    watched.provider.change_answer = lambda answer: watched.secrets.update((answer["access_token"], answer["id_token"]))
    watched.secrets |= {query["code"], verifier}
    for path in ("/token", "/userinfo", "/keys"):
        for shown in (verifier, "a" * 64):
            info = {"redirectURIOnProviderDashboard": back, "redirectURIQueryParams": query, "pkceCodeVerifier": shown}
            body = {"thirdPartyId": "corp", "redirectURIInfo": info}
            await watched.send(browser, "POST", "/auth/signinup", json=body)
        tokens = watched.provider.tokens_for(watched.provider.person, "another-client")
        watched.secrets |= {tokens["access_token"], tokens["id_token"]}
        await watched.send(browser, "POST", "/auth/signinup", json={"thirdPartyId": "corp", "oAuthTokens": tokens})
        watched.provider.misbehave[path] = watched.provider.hang
        watched.provider.released.set()
    form = {"state": "broken", "code": query["code"], "id_token": tokens["id_token"]}
    await watched.send(browser, "POST", "/auth/callback/apple", data=form)


async def test_no_secret_is_in_any_log_or_error(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """Attack: read the logs, or the answers to requests that fail, of a site that was used and abused.

    Passwords, tokens of every kind, those in mailed links too, cookies, codes, verifiers, client secrets, our own
    secret and session data are in none of them, at any level. The HTTP client of this test logs what it sends: it
    is left out.
    """
    caplog.set_level(logging.DEBUG)
    await passwords(watched)
    browser = watched.site.browser()
    signed_in = {"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]}
    assert 200 == (await watched.send(browser, "POST", "/auth/signin", json=signed_in)).status_code
    await mails(watched, browser)
    await watched.send(browser, "POST", "/auth/signin", json=signed_in)
    await sessions(watched, browser)
    await provider(watched)
    await watched.send(watched.site.browser(), "GET", "/broken")

    formatter = logging.Formatter("%(name)s %(message)s")
    formatters = (formatter, JsonFormatter())
    records = [record for record in caplog.records if not record.name.startswith(("httpcore2", "httpx2"))]
    logged = [each.format(record) for record in records for each in formatters]
    assert any("token theft" in line for line in logged)
    assert len(watched.secrets) > 20
    for secret in watched.secrets:
        assert not [line for line in logged if secret in line]
        assert not [error for error in watched.errors if secret in error]
