"""Refresh cookies that a page of a neighbouring sub-domain plants beside the real one. Source: security CK-4."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.site import Browser, Site, running_site
from watchword.errors import TokenTheftDetected
from watchword.http.messages import HttpRequest
from watchword.recipes import Answer, Session

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
        return await self.site.browser().client.post("/auth/session/refresh", headers={"cookie": cookies})


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
