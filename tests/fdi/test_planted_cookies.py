"""Refresh cookies that a page of a neighbouring sub-domain plants beside the real one. Source: security CK-4."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.site import Browser, Site, running_site
from watchword.http.messages import HttpRequest
from watchword.recipes import Answer, Session
from watchword.sessions.errors import TokenTheftDetected

API = "https://api.example.com"
SETTLED_MS = 131_000
COOKIES = ("sAccessToken", "sRefreshToken")


class Alarm(Session):
    """Counts the thefts it hears of; sometimes its own code is broken."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__()
        self.heard, self.broken = 0, broken

    async def on_token_theft_detected(self, error: TokenTheftDetected, request: HttpRequest) -> Answer | None:
        self.heard += 1
        if self.broken:
            raise RuntimeError("the application's own mistake")
        return None


@dataclass
class Scene:
    """A site, a victim with tokens in cookies, and what an attacker has to plant."""

    site: Site
    alarm: Alarm
    victim: Browser
    replaced: str
    ended: str

    async def refresh(self, *planted: str) -> httpx2.Response:
        """The victim's browser refreshes, with the planted tokens in front of its own."""
        own = self.victim.client.cookies["sRefreshToken"]
        cookies = "; ".join(f"sRefreshToken={token}" for token in (*planted, own))
        return await self.site.browser().client.post(
            "/auth/session/refresh", headers={"cookie": cookies, "rid": "session"}
        )


async def replaced_token(site: Site, email: str) -> str:
    """A refresh token of somebody's living session that was replaced: to present it is theft."""
    browser = site.browser("headers")
    await browser.sign_up(email)
    old = browser.tokens["st-refresh-token"]
    for _ in range(2):
        site.clock.advance(SETTLED_MS)
        await browser.refresh()
    return old


@pytest.fixture(params=["works", "broken"])
async def scene(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """All of them, on each database, also with an alarm that fails."""
    alarm = Alarm(broken=request.param == "broken")
    async with running_site(database_url, session=alarm) as site:
        victim = site.browser()
        await victim.sign_up("victim@example.com")
        replaced = await replaced_token(site, "mallory@example.com")
        other = site.browser("headers")
        await other.sign_up("mallory2@example.com")
        ended = other.tokens["st-refresh-token"]
        await other.call("POST", "/auth/signout")
        site.clock.advance(SETTLED_MS)
        yield Scene(site, alarm, victim, replaced, ended)


async def test_a_planted_stolen_token_does_not_sign_its_victim_out(scene: Scene) -> None:
    """Attack: plant a token of one's own that was replaced, so that the victim's next refresh looks like theft.

    The planted session ends, the application hears of it, and the victim gets new tokens.
    """
    answer = await scene.refresh(scene.replaced)
    assert 200 == answer.status_code
    assert "remove" != answer.headers["front-token"]
    assert not any(line.startswith(f"{name}=;") for line in answer.headers.get_list("set-cookie") for name in COOKIES)
    assert 1 == scene.alarm.heard


async def test_several_planted_tokens_do_not_either(scene: Scene) -> None:
    """A replaced one, one of a session that has ended, and one that is no token at all."""
    answer = await scene.refresh("nonsense", scene.ended, scene.replaced)
    assert 200 == answer.status_code
    assert "remove" != answer.headers["front-token"]


async def test_a_refusal_for_a_moment_keeps_the_tokens(scene: Scene) -> None:
    """When the real one is refused softly and the planted one for good, the client keeps what it has."""
    old = scene.victim.client.cookies["sRefreshToken"]
    await scene.victim.refresh()
    scene.site.clock.advance(SETTLED_MS)
    await scene.victim.refresh()
    answer = await scene.site.browser().client.post(
        "/auth/session/refresh", headers={"cookie": f"sRefreshToken={scene.ended}; sRefreshToken={old}"}
    )
    assert (409, False) == (answer.status_code, "front-token" in answer.headers)


async def test_a_stolen_token_alone_is_still_theft(scene: Scene) -> None:
    """Nothing is softened where nothing else came along."""
    cookies = {"cookie": f"sRefreshToken={scene.replaced}; sRefreshToken={scene.ended}"}
    answer = await scene.site.browser().client.post("/auth/session/refresh", headers=cookies)
    assert answer.status_code in (401, 500)  # the alarm that is broken answers for itself
    assert "remove" == answer.headers["front-token"]
    assert 1 == scene.alarm.heard


async def signed_up(site: Site, email: str) -> tuple[str, str]:
    """The access and the refresh token of somebody new."""
    browser = site.browser()
    assert "OK" == (await browser.sign_up(email)).json()["status"]
    cookies = {cookie.name.split("-")[-1]: cookie.value or "" for cookie in browser.client.cookies.jar}
    return cookies["sAccessToken"], cookies["sRefreshToken"]


def subject_of(text: str) -> str:
    """Whose an access token is, by itself or in a `Set-Cookie` line."""
    payload = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]


def deletes(answer: httpx2.Response, name: str) -> bool:
    """Whether the answer deletes what a neighbour may have planted: on the parent domain."""
    return any(line.startswith(f"{name}=; Domain=example.com;") for line in answer.headers.get_list("set-cookie"))


async def test_two_sessions_at_once_are_one_too_many(database_url: str) -> None:
    """Attack: plant one's own good access token before the victim signs in, so that the victim fills one's account.

    Neither of the two is believed, whichever the browser names first; the planted one is deleted, the own one is not.
    """
    async with running_site(database_url, api_domain=API) as site:
        victim, mallory = await signed_up(site, "victim@example.com"), await signed_up(site, "mallory@example.com")
        for first, second in ((mallory, victim), (victim, mallory)):
            cookies = f"sAccessToken={first[0]}; sAccessToken={second[0]}"
            for path in ("/me", "/maybe"):
                answer = await site.browser().client.get(path, headers={"cookie": cookies})
                assert (401, "try refresh token") == (answer.status_code, answer.json()["message"])
                assert deletes(answer, "sAccessToken")
                assert not any(line.startswith("sAccessToken=; Path") for line in answer.headers.get_list("set-cookie"))
        alone = await site.browser().client.get("/me", headers={"cookie": f"sAccessToken={victim[0]}"})
        assert 200 == alone.status_code
        twice = f"sAccessToken={victim[0]}; sAccessToken={victim[0]}"
        assert 200 == (await site.browser().client.get("/me", headers={"cookie": twice})).status_code


async def test_a_refresh_goes_with_the_access_token(database_url: str) -> None:
    """Attack: plant one's own good refresh token alone. The access token says whose session it is, also expired."""
    async with running_site(database_url, api_domain=API) as site:
        victim, mallory = await signed_up(site, "victim@example.com"), await signed_up(site, "mallory@example.com")
        site.clock.advance(4_000_000)
        for first, second in ((mallory, victim), (victim, mallory)):
            cookies = f"sAccessToken={victim[0]}; sRefreshToken={first[1]}; sRefreshToken={second[1]}"
            answer = await site.browser().client.post(
                "/auth/session/refresh", headers={"cookie": cookies, "rid": "session"}
            )
            assert 200 == answer.status_code
            assert subject_of(victim[0]) == subject_of(answer.headers.get_list("set-cookie")[0])
            assert deletes(answer, "sRefreshToken")


async def test_a_refresh_that_could_be_either_waits_until_the_strays_are_gone(database_url: str) -> None:
    """Attack: plant both. Nobody is signed out and nobody is signed in as somebody else: 409, and the strays go."""
    async with running_site(database_url, api_domain=API) as site:
        victim, mallory = await signed_up(site, "victim@example.com"), await signed_up(site, "mallory@example.com")
        pairs = [f"sAccessToken={access}; sRefreshToken={refresh}" for access, refresh in (mallory, victim)]
        answer = await site.browser().client.post(
            "/auth/session/refresh", headers={"cookie": "; ".join(pairs), "rid": "session"}
        )
        assert 409 == answer.status_code
        assert deletes(answer, "sAccessToken")
        assert deletes(answer, "sRefreshToken")
        assert "front-token" not in answer.headers
        again = await site.browser().client.post(
            "/auth/session/refresh", headers={"cookie": pairs[1], "rid": "session"}
        )
        assert 200 == again.status_code


async def test_prefixed_cookies_are_the_only_ones_read(database_url: str) -> None:
    """Attack: plant cookies under the plain names. With `cookie_prefixes` they are nobody's (CK-3)."""
    session = Session(cookie_prefixes=True)
    async with running_site(database_url, api_domain=API, session=session) as site:
        answer = await site.browser().sign_up()
        lines = answer.headers.get_list("set-cookie")
        access, refresh = lines[0].split(";")[0], lines[1].split(";")[0]
        assert lines[0].startswith("__Host-sAccessToken=ey")
        assert "; Path=/; " in lines[0]
        assert "Domain=" not in lines[0]
        assert lines[1].startswith("__Secure-sRefreshToken=")
        assert "; Path=/auth/session/refresh; " in lines[1]
        assert all("; HttpOnly; Secure; " in line for line in lines[:2])

        client = site.browser().client
        assert 200 == (await client.get("/me", headers={"cookie": access})).status_code
        assert 401 == (await client.get("/me", headers={"cookie": access.removeprefix("__Host-")})).status_code
        plain = {"cookie": f"{access}; {refresh.removeprefix('__Secure-')}", "rid": "session"}
        assert 401 == (await client.post("/auth/session/refresh", headers=plain)).status_code
        both = {"cookie": f"{access}; {refresh}", "rid": "session"}
        refreshed = await client.post("/auth/session/refresh", headers=both)
        assert 200 == refreshed.status_code
        out = await client.post("/auth/signout", headers={"cookie": access, "rid": "session"})
        cleared = [line.split(";")[0] for line in out.headers.get_list("set-cookie")]
        assert ["__Host-sAccessToken=", "__Secure-sRefreshToken="] == cleared
