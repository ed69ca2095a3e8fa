"""A standby takes over under a running application: nobody who is honest notices, nothing that was answered is lost."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest

from tests.services.standby import Pair, running_pair
from tests.site import Browser, FakeClock, Site, running_site
from tests.test_nodes import until_refused

OF_AGE_MS = 131_000
LONG_ENOUGH_SECONDS = 60
API = "https://api.example.com"
LISTENERS = "select count(distinct pid) from pg_stat_activity where application_name = 'watchword signals'"


@dataclass
class Record:
    """What was answered with success, and so must be there for ever."""

    rounds: int = 0
    addresses: set[str] = field(default_factory=set)
    ended: list[Browser] = field(default_factory=list)


class Person:
    """Signs up and goes on and on, at one node and the other; repeats what was answered by "come back later"."""

    def __init__(self, name: str, sites: list[Site], record: Record) -> None:
        self.name = name
        self.sites = sites
        self.record = record
        self.tokens: dict[str, str] = {}
        self.notes: set[int] = set()  # one of these is stored

    def at(self, number: int) -> Browser:
        """A browser with the tokens of this person, talking to one of the nodes."""
        browser = self.sites[number % len(self.sites)].browser("headers")
        browser.tokens = self.tokens
        return browser

    async def arrive(self) -> None:
        """Sign up."""
        assert "OK" == (await self.at(0).sign_up(email=f"{self.name}@example.com")).json()["status"]
        self.record.addresses.add(f"{self.name}@example.com")

    async def go_on(self, until: asyncio.Event) -> None:
        """Refresh, change data, and see a friend sign up and out, until told to end."""
        number = 0
        browsers = [self.at(0), self.at(1)]
        while not until.is_set():
            number += 1
            browser = browsers[number % 2]
            if not await self.refresh(browser):
                continue
            answer = await browser.call("PUT", "/data", json={"note": number})
            assert answer.status_code in (200, 503), answer.text
            self.notes = {number} if answer.status_code == 200 else self.notes | {number}
            if number % 5 == 0:
                await self.see_a_friend(f"{self.name}-{number}@example.com", self.sites[number % 2])
            self.record.rounds += 1

    async def refresh(self, browser: Browser) -> bool:
        """Whether it was answered; anything but new tokens and "come back later" would sign an honest client out."""
        answer = await browser.refresh()
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200

    async def see_a_friend(self, address: str, site: Site) -> None:
        """Somebody signs up and ends the session again."""
        friend = site.browser("headers")
        answer = await friend.sign_up(email=address)
        assert answer.status_code in (200, 503)
        if answer.status_code == 200:
            self.record.addresses.add(address)
            if await end_session(friend):
                self.record.ended.append(friend)

    async def is_well(self) -> None:
        """Still signed in at both nodes, with the data that was stored last."""
        for browser in (self.at(0), self.at(1)):
            assert await self.refresh(browser)
            assert 200 == (await browser.get("/exact")).status_code
            assert (await browser.get("/data")).json().get("note", 0) in (self.notes or {0})


async def end_session(browser: Browser) -> bool:
    """End the session, and keep the tokens as a thief would; whether it was answered."""
    held = dict(browser.tokens)
    answer = await browser.call("POST", "/revoke")
    assert answer.status_code in (200, 503), answer.text
    browser.tokens.update(held)
    return answer.status_code == 200


@asynccontextmanager
async def passing(clock: FakeClock) -> AsyncIterator[None]:
    """Time passes some hundred times faster than the day."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.01)
            clock.advance(5_000)

    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()


async def until_rounds(record: Record, more: int) -> None:
    """Wait until so many more rounds were done."""
    goal = record.rounds + more
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while record.rounds < goal:  # noqa: ASYNC110  they count, and do not call
            await asyncio.sleep(0.01)


async def test_a_fail_over_under_load(postgres_pair: Pair) -> None:
    """F-05, synchronous: the primary loses its power while people sign up, refresh, change and end things on two nodes.

    Each person is still signed in; each sign-up, change and revocation that was answered holds; the nodes listen again.
    """
    url, clock, record, end = postgres_pair.create_database(), FakeClock(), Record(), asyncio.Event()
    async with (
        running_site(url, clock=clock, api_domain=API) as here,
        running_site(url, clock=clock, api_domain=API) as there,
    ):
        people = [Person(f"person{number}", [here, there], record) for number in range(4)]
        for person in people:
            await person.arrive()
        async with passing(clock), asyncio.TaskGroup() as living:
            for person in people:
                living.create_task(person.go_on(end))
            await until_rounds(record, 40)
            await asyncio.to_thread(postgres_pair.fail_over)
            await until_rounds(record, 40)
            end.set()
        for person in people:
            await person.is_well()
        for address in record.addresses:
            assert "EMAIL_ALREADY_EXISTS_ERROR" == (await sign_up_again(here, address))
        assert record.ended
        for friend in record.ended:
            assert 401 == (await friend.refresh()).status_code
            assert 401 == (await friend.get("/exact")).status_code
        await until_two_listen(postgres_pair.standby.admin_url)
        assert await end_session(people[0].at(0))
        await until_refused(people[0].at(1))


async def sign_up_again(site: Site, address: str) -> str:
    """What is said to a sign-up with an address."""
    answer = (await site.browser("headers").sign_up(email=address)).json()
    return answer["status"] if answer["status"] != "FIELD_ERROR" else "EMAIL_ALREADY_EXISTS_ERROR"


async def until_two_listen(admin_url: str) -> None:
    """Wait until both nodes hear signals from a server."""
    connection = await asyncpg.connect(admin_url)
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while 2 > await connection.fetchval(LISTENERS):  # noqa: ASYNC110  the server does not say who comes
            await asyncio.sleep(0.05)
    await connection.close()


async def test_a_standby_that_lagged_takes_over(caplog: pytest.LogCaptureFixture) -> None:
    """F-05, asynchronous: the last commits are lost with the primary.

    Who was signed in before them stays so, although the stored row is older than the token (R4). Who came in them is
    unknown: 401, and signs up again. A session that was ended in them lives again in the database: nothing can know.
    """
    clock = FakeClock()
    with running_pair(synchronous=False) as pair:
        async with running_site(pair.create_database(), clock=clock) as site:
            before, ended, newcomer = (site.browser("headers") for _ in range(3))
            await before.sign_up(email="before@example.com")
            await ended.sign_up(email="ended@example.com")
            await before.call("PUT", "/data", json={"note": "before"})
            await asyncio.to_thread(pair.catch_up)
            await asyncio.to_thread(pair.standby.stop)
            for _ in range(3):
                clock.advance(OF_AGE_MS)
                assert "st-refresh-token" in (await before.refresh()).headers
            await before.call("PUT", "/data", json={"note": "lost"})
            await newcomer.sign_up(email="newcomer@example.com")
            assert await end_session(ended)
            await asyncio.to_thread(pair.primary.kill)
            await asyncio.to_thread(pair.standby.start)
            await asyncio.to_thread(pair.standby.promote)

            clock.advance(OF_AGE_MS)
            with caplog.at_level(logging.INFO):
                assert "st-refresh-token" in (await before.refresh()).headers
            assert "session_row_behind" in caplog.text
            assert {"note": "before"} == (await before.get("/data")).json()
            assert 401 == (await newcomer.refresh()).status_code
            assert "OK" == (await newcomer.sign_up(email="newcomer@example.com")).json()["status"]
            assert 200 == (await ended.refresh()).status_code
            assert 401 == (await ended.get("/me")).status_code  # this process was told, and remembers
