"""Challenges over HTTP, against a real service that speaks `siteverify`: who gets past, who does not, and when."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.http.outside import hang, serve
from tests.protection.siteverify import SECRET, SITE_KEY, Siteverify, running_siteverify
from tests.site import PASSWORD, Browser, free_port, running_site
from watchword import AppInfo, Challenge, HCaptcha, Limit, Protection, Turnstile, Watchword
from watchword.errors import ConfigurationError, Overloaded
from watchword.http.client import OutgoingClient
from watchword.protection.errors import ChallengeFailed
from watchword.recipes import EmailPassword

ADA = "ada@example.com"
HEADER = "watchword-challenge"
REFUSED = {
    "status": "GENERAL_ERROR",
    "message": "Please show that you are a human, and try again.",
    "code": "challenge_failed",
}
NO_ANSWER = REFUSED | {"message": "We cannot check now whether you are a human. Please try again in a minute."}


@pytest.fixture
async def service() -> AsyncIterator[Siteverify]:
    """The service."""
    async with running_siteverify() as running:
        yield running


def turnstile(service: Siteverify, **settings: Any) -> Challenge:
    """Turnstile, at our service."""
    return Turnstile(**{"secret": SECRET, "url": service.url} | settings)


def hcaptcha(service: Siteverify, **settings: Any) -> Challenge:
    """hCaptcha, at our service."""
    return HCaptcha(**{"secret": SECRET, "site_key": SITE_KEY, "url": service.url} | settings)


async def send(browser: Browser, path: str, token: str | None = None, email: str = ADA) -> Any:
    """One of the three forms, with a token or without."""
    fields = {"email": email} if path.endswith("token") else {"email": email, "password": PASSWORD}
    answer: httpx2.Response = await browser.post_form(path, fields, headers={} if token is None else {HEADER: token})
    assert 200 == answer.status_code
    return answer.json()


@pytest.mark.parametrize("make", [turnstile, hcaptcha])
async def test_three_forms_want_a_token_each(database_url: str, service: Siteverify, make: Any) -> None:
    """Attack: a program that signs up, signs in and asks for links. Each wants a fresh token of a human."""
    async with running_site(database_url, recipes=[EmailPassword()], challenge=make(service)) as site:
        for path in ("/auth/signup", "/auth/signin", "/auth/user/password/reset/token"):
            browser = site.browser()
            for invented in (None, "", "invented", "x" * 9_000):
                assert REFUSED == await send(browser, path, invented)
            token = service.solve()
            assert "OK" == (await send(browser, path, token))["status"]
            assert REFUSED == await send(browser, path, token)  # it works once
    assert {"127.0.0.1"} == {form["remoteip"] for form in service.asked}
    assert 9 == len(service.asked)  # nothing and too much are refused without asking


async def test_a_token_of_another_page_opens_nothing(service: Siteverify) -> None:
    """Attack: a page of the attacker's that shows a widget to its own visitors, and collects their tokens."""
    async with running_site("sqlite://", recipes=[EmailPassword()], challenge=turnstile(service)) as site:
        for hostname in ("evil.example", "localhost.evil.example", "LOCALHOST", ""):
            assert REFUSED == await send(site.browser(), "/auth/signup", service.solve(hostname))
    here = turnstile(service, hostnames=["shop.example"])
    async with running_site("sqlite://", recipes=[EmailPassword()], challenge=here) as site:
        assert REFUSED == await send(site.browser(), "/auth/signup", service.solve())
        assert "OK" == (await send(site.browser(), "/auth/signup", service.solve("shop.example")))["status"]


async def test_a_token_of_another_form_opens_nothing_where_that_is_checked(service: Siteverify) -> None:
    """Attack: solve the widget of the newsletter, and sign in with it."""
    checked = turnstile(service, check_action=True)
    async with running_site("sqlite://", recipes=[EmailPassword()], challenge=checked) as site:
        for action in (None, "", "newsletter", "sign_in"):
            assert REFUSED == await send(site.browser(), "/auth/signup", service.solve(action=action))
        assert "OK" == (await send(site.browser(), "/auth/signup", service.solve(action="sign_up")))["status"]


async def test_a_form_that_is_refused_anyway_uses_up_no_token(service: Siteverify) -> None:
    """Who corrects a password need not solve anything again."""
    async with running_site("sqlite://", recipes=[EmailPassword()], challenge=turnstile(service)) as site:
        token, browser = service.solve(), site.browser()
        for password in ("short", "password1"):
            fields = {"email": ADA, "password": password}
            answer = await browser.post_form("/auth/signup", fields, headers={HEADER: token})
            assert "FIELD_ERROR" == answer.json()["status"]
        assert "OK" == (await send(browser, "/auth/signup", token))["status"]


async def test_at_half_the_failures_of_an_account(database_url: str, service: Siteverify) -> None:
    """Attack: guess from many addresses. From half on each guess costs a human, but for the owner's own browser."""
    protection = Protection(failures_per_account=6)
    half = turnstile(service, when="half_used", apis=["sign_in"])
    async with running_site(database_url, recipes=[EmailPassword()], challenge=half, protection=protection) as site:
        owner, stranger = site.browser(), site.browser()
        await owner.sign_up(ADA)
        await owner.sign_in(ADA)
        for _ in range(3):
            assert "WRONG_CREDENTIALS_ERROR" == (await stranger.sign_in(ADA, "wrong horse 1")).json()["status"]
        assert REFUSED == (await stranger.sign_in(ADA, "wrong horse 1")).json()
        assert REFUSED == await send(stranger, "/auth/signin")
        assert "OK" == (await owner.sign_in(ADA)).json()["status"]
        assert "WRONG_CREDENTIALS_ERROR" == (await stranger.sign_in("eve@example.com")).json()["status"]
        assert "OK" == (await send(stranger, "/auth/signin", service.solve()))["status"]
        assert "OK" == (await site.browser().sign_in(ADA)).json()["status"]  # a success sets it back
    assert 1 == len(service.asked)


async def test_at_half_the_budget_of_a_network(service: Siteverify) -> None:
    """Attack: make accounts in rows. Half of the network's budget is free, the rest costs a human each."""
    half = turnstile(service, when="half_used")
    protection = Protection(sign_up=Limit(4, seconds=600))
    async with running_site("sqlite://", recipes=[EmailPassword()], challenge=half, protection=protection) as site:
        answers = [await send(site.browser(), "/auth/signup", email=f"n{n}@example.com") for n in range(2)]
        assert ["OK", "GENERAL_ERROR"] == [answer["status"] for answer in answers]
        token = service.solve()
        assert "OK" == (await send(site.browser(), "/auth/signup", token, "n3@example.com"))["status"]


@pytest.mark.parametrize("trouble", ["refused", "page", "settings"])
async def test_without_an_answer_nobody_or_everybody_gets_in(
    service: Siteverify, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that is away, broken, or knows our secret no more: closed by default, open by setting."""
    settings: dict[str, Any] = {}
    if trouble == "refused":
        settings["url"] = f"http://localhost:{free_port()}/siteverify"
    if trouble == "settings":
        settings["secret"] = "from another console"
    service.broken = trouble == "page"
    for fail_open, expected in ((False, NO_ANSWER), (True, None)):
        caplog.clear()
        challenge = turnstile(service, fail_open=fail_open, **settings)
        async with running_site("sqlite://", recipes=[EmailPassword()], challenge=challenge) as site:
            answer = await send(site.browser(), "/auth/signup", service.solve())
            assert answer == expected or (expected is None and answer["status"] == "OK")
            assert REFUSED == await send(site.browser(), "/auth/signup")  # without a token nobody is asked
        (line,) = [record for record in caplog.records if record.name == "watchword.protection.challenge"]
        assert (logging.WARNING if fail_open else logging.ERROR) == line.levelno
        assert SECRET not in line.getMessage()
        assert "from another console" not in line.getMessage()


async def test_a_flood_is_no_outage(service: Siteverify) -> None:
    """Attack: fill the places for outgoing requests, so that a challenge that fails open lets everybody in."""
    outgoing = OutgoingClient(allow_loopback=True, max_parallel=1)
    async with serve(hang, None) as outside:
        other = asyncio.ensure_future(outgoing.get_json(f"http://localhost:{outside.port}/"))
        await asyncio.sleep(0)  # it has taken the place
        with pytest.raises(Overloaded):
            await turnstile(service, fail_open=True).verify(
                service.solve(), api="sign_in", address=None, hostnames=["localhost"], outgoing=outgoing
            )
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        await outgoing.stop()


async def test_a_slow_service_is_given_up(service: Siteverify) -> None:
    """The time-out is the challenge's own."""
    outgoing = OutgoingClient(allow_loopback=True)
    slow = turnstile(service, timeout_seconds=0.000_001)
    with pytest.raises(ChallengeFailed, match="cannot check now"):
        await slow.verify("token", api="sign_in", address=None, hostnames=["localhost"], outgoing=outgoing)
    await outgoing.stop()


def watchword(**settings: Any) -> Watchword:
    """A `Watchword` with a challenge."""
    localhost = "http://localhost:8000"
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain=localhost, website_domain=localhost),
        database="sqlite://",
        secret="a secret for tests that has at least 32 bytes",
        recipe_list=[EmailPassword()],
        **settings,
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"secret": None}, "challenge.secret: is missing"),
        ({"when": "sometimes"}, "challenge.when: 'sometimes' is not one of 'always', 'half_used'"),
        ({"apis": ["refresh"]}, "challenge.apis: holds 'refresh'; write a list, of 'sign_up' or 'sign_in'"),
        ({"apis": "sign_in"}, "challenge.apis: is one text; write a list: ['sign_in']"),
        ({"hostnames": "shop.example"}, "challenge.hostnames: is one text; write a list"),
        ({"timeout_seconds": 0}, "challenge.timeout_seconds: is 0; set 0.1 to 30"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, Any], words: str) -> None:
    """Each names the setting and what to write."""
    with pytest.raises(ConfigurationError) as refused:
        Turnstile(**{"secret": SECRET} | settings)
    assert str(refused.value).startswith(words)


def test_a_challenge_that_waits_for_a_limit_that_is_off_stops_the_start() -> None:
    """It would never be asked for."""
    with pytest.raises(ConfigurationError, match=r"protection\.sign_up is off: it would never be asked for"):
        watchword(challenge=Turnstile(secret=SECRET, when="half_used"), protection=Protection(sign_up=None))
    with pytest.raises(ConfigurationError, match=r"challenge: is 'turnstile'; write Turnstile"):
        watchword(challenge="turnstile")
    assert SECRET not in repr(Turnstile(secret=SECRET)) + repr(HCaptcha(secret=SECRET))
