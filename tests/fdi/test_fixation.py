"""Nothing that a client sent before it signed in becomes authenticated. Source: security SE-2; Keycloak GHSA-j76j."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
import pytest

from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, query_of, running_provider
from tests.site import Browser, Carry, FakeClock, Site, running_site
from watchword.recipes import ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect

VICTIM = "victim@example.com"


@dataclass
class Scene:
    """A site with a provider, a victim who has a password there, and an attacker who is signed in."""

    site: Site
    provider: ProviderDouble
    attacker: Browser


@pytest.fixture
async def scene(database_url: str, carry: Carry) -> AsyncIterator[Scene]:
    """All of them, on each database and in each transport."""
    clock = FakeClock()
    async with running_provider(clock) as provider:
        corp = OpenIdConnect(
            third_party_id="corp", issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        recipe = ThirdPartyEmailPassword(providers=[corp])
        async with running_site(database_url, recipes=[recipe], clock=clock) as site:
            await site.browser().sign_up(VICTIM)
            attacker = site.browser(carry)
            await attacker.sign_up("mallory@example.com")
            yield Scene(site, provider, attacker)


def victims_browser(scene: Scene, carry: Carry, version: str) -> Browser:
    """A browser into which the attacker has put all tokens of the attacker's own session."""
    planted = scene.site.browser(carry, **{"fdi-version": version})
    planted.tokens = dict(scene.attacker.tokens)
    for cookie in scene.attacker.client.cookies.jar:
        planted.client.cookies.jar.set_cookie(cookie)
    return planted


async def sign_up(scene: Scene, browser: Browser) -> httpx2.Response:
    """A new account."""
    return await browser.sign_up("new@example.com")


async def sign_in(scene: Scene, browser: Browser) -> httpx2.Response:
    """A password."""
    return await browser.sign_in(VICTIM)


async def with_provider(scene: Scene, browser: Browser) -> httpx2.Response:
    """Off to the provider and back."""
    back = f"{scene.site.url}/auth/callback/corp"
    asked = {"thirdPartyId": "corp", "redirectURIOnProviderDashboard": back}
    started = (await browser.get("/auth/authorisationurl", params=asked)).json()
    there = await browser.client.get(started["urlWithQueryParams"])
    info = {
        "redirectURIOnProviderDashboard": back,
        "redirectURIQueryParams": query_of(there.headers["location"]),
        "pkceCodeVerifier": started["pkceCodeVerifier"],
    }
    return await browser.call("POST", "/auth/signinup", json={"thirdPartyId": "corp", "redirectURIInfo": info})


async def by_the_application(scene: Scene, browser: Browser) -> httpx2.Response:
    """A login of the application's own."""
    return await browser.call("POST", "/login", json={"userId": "somebody"})


@pytest.mark.parametrize("version", ["4.1", "1.19"])
@pytest.mark.parametrize("way", [sign_up, sign_in, with_provider, by_the_application])
async def test_whoever_signs_in_over_a_planted_session_gets_another_one(
    scene: Scene, carry: Carry, version: str, way: Callable[[Scene, Browser], Awaitable[httpx2.Response]]
) -> None:
    """Attack: put one's own session into the victim's browser and wait until the victim signs in over it.

    On every way to sign in and for old and new clients: another handle, another user, and the attacker's
    tokens, which the attacker still has, open nothing any more.
    """
    planted = (await scene.attacker.get("/me")).json()
    victim = victims_browser(scene, carry, version)
    assert planted == (await victim.get("/me")).json()

    answer = await way(scene, victim)

    assert 200 == answer.status_code
    own = (await victim.get("/me")).json()
    assert own["handle"] != planted["handle"]
    assert own["userId"] != planted["userId"]
    assert [] == await scene.site.auth.sessions.list_handles(planted["userId"])
    assert 401 == (await scene.attacker.get("/exact")).status_code
    assert 401 == (await scene.attacker.refresh()).status_code
    assert own == (await victim.get("/me")).json()
    assert 200 == (await victim.refresh()).status_code
