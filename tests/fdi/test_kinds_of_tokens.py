"""No kind of token is taken for another one, by anybody who reads tokens. Source: security JW-3, TK-2."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, running_provider
from tests.site import FakeClock, Site, running_site
from watchword.recipes import EmailVerification, Session, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect

ADA = "ada@example.com"


@dataclass
class Scene:
    """A site with everything that makes tokens, and one live token of each kind, all of one person."""

    site: Site
    provider: ProviderDouble
    cookies: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, **options: Any) -> bool:
        """Whether a stranger's request with nothing but what is given was let through."""
        answer = await self.site.browser().client.request(method, path, **options)
        return answer.status_code == 200 and (not answer.content or answer.json().get("status", "OK") == "OK")


async def collect(scene: Scene) -> None:
    """One token of each kind; every one of them is good where it belongs."""
    browser = scene.site.browser()
    signed_up = await browser.sign_up(ADA)
    device = re.search(r"sKnownDevice=([^;]+)", str(signed_up.headers.get_list("set-cookie")))
    assert device is not None
    await browser.call("POST", "/auth/user/email/verify/token", json={})
    verification = await scene.site.mail.take_link()
    await browser.post_form("/auth/user/password/reset/token", {"email": ADA})
    reset = await scene.site.mail.take_link()
    brought = scene.provider.tokens_for(scene.provider.person, CLIENT_ID)
    scene.cookies = dict(browser.client.cookies)
    scene.tokens = {
        "access": scene.cookies["sAccessToken"],
        "refresh": scene.cookies["sRefreshToken"],
        "front": browser.tokens["front-token"],
        "anti-CSRF": browser.tokens["anti-csrf"],
        "device": device[1],
        "reset": reset.split("token=")[1].split("&")[0],
        "verification": verification.split("token=")[1].split("&")[0],
        "provider's access": brought["access_token"],
        "id": brought["id_token"],
    }


async def as_access(scene: Scene, token: str) -> bool:
    """At a route that wants a session, in either transport."""
    by_cookie = await scene.call("GET", "/exact", headers={"cookie": f"sAccessToken={token}"})
    return await scene.call("GET", "/exact", headers={"authorization": f"Bearer {token}"}) or by_cookie


async def as_refresh(scene: Scene, token: str) -> bool:
    """At the refresh endpoint, in either transport."""
    path, csrf = "/auth/session/refresh", {"anti-csrf": scene.tokens["anti-CSRF"]}
    by_header = await scene.call("POST", path, headers={"authorization": f"Bearer {token}"})
    return await scene.call("POST", path, headers={"cookie": f"sRefreshToken={token}", **csrf}) or by_header


async def as_anti_csrf(scene: Scene, token: str) -> bool:
    """Beside the cookies of the session."""
    cookie = f"sAccessToken={scene.cookies['sAccessToken']}"
    return await scene.call("POST", "/act", headers={"cookie": cookie, "anti-csrf": token})


async def as_reset(scene: Scene, token: str) -> bool:
    """Behind the link of the mail."""
    fields = [{"id": "password", "value": "correct horse 2"}]
    body = {"method": "token", "token": token, "formFields": fields}
    return await scene.call("POST", "/auth/user/password/reset", json=body)


async def as_verification(scene: Scene, token: str) -> bool:
    """Behind the link of the other mail."""
    return await scene.call("POST", "/auth/user/email/verify", json={"method": "token", "token": token})


async def as_id(scene: Scene, token: str) -> bool:
    """Brought by a mobile client."""
    body = {"thirdPartyId": "corp", "oAuthTokens": {"id_token": token}}
    return await scene.call("POST", "/auth/signinup", json=body)


READERS: dict[str, Callable[[Scene, str], Awaitable[bool]]] = {
    "access": as_access,
    "refresh": as_refresh,
    "anti-CSRF": as_anti_csrf,
    "verification": as_verification,
    "id": as_id,
    "reset": as_reset,  # at the end: it ends the session
}


async def test_each_kind_opens_its_own_door_only(sqlite_url: str) -> None:
    """Attack: take a token that is easy to get and show it where another kind is wanted.

    Nine kinds, all live and of one person, at the six places that read one: each is let in at its own and nowhere
    else. A single one that is let in elsewhere is a door that the weakest of them opens.
    """
    clock = FakeClock()
    async with running_provider(clock) as provider:
        corp = OpenIdConnect(
            third_party_id="corp", issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        recipes = [ThirdPartyEmailPassword(providers=[corp]), EmailVerification(mode="OPTIONAL")]
        async with running_site(
            sqlite_url, recipes=recipes, session=Session(anti_csrf="VIA_TOKEN"), clock=clock
        ) as site:
            scene = Scene(site, provider, {})
            await collect(scene)
            let_in: set[tuple[str, str]] = set()
            for reader, shows in READERS.items():
                for kind in sorted(scene.tokens, key=lambda kind: kind == reader):  # its own at the end: used once
                    if await shows(scene, scene.tokens[kind]):
                        let_in.add((reader, kind))
    assert {(reader, reader) for reader in READERS} == let_in


@pytest.mark.parametrize("place", ["header", "payload"])
async def test_a_kind_that_a_token_claims_for_itself_changes_nothing(sqlite_url: str, place: str) -> None:
    """Attack: our own refresh token inside something that looks like an access token: the name of a kind is no key."""
    async with running_site(sqlite_url) as site:
        browser = site.browser("headers")
        await browser.sign_up(ADA)
        parts = browser.tokens["st-access-token"].split(".")
        parts[0 if place == "header" else 1] = browser.tokens["st-refresh-token"]
        bearer = {"authorization": f"Bearer {'.'.join(parts)}"}
        assert 401 == (await site.browser().client.get("/exact", headers=bearer)).status_code
        assert 401 == (await site.browser().client.post("/auth/session/refresh", headers=bearer)).status_code
        assert 200 == (await browser.refresh()).status_code
