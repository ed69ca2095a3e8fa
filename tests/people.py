"""Honest people who use several nodes without a break, and remember what was answered: it holds, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.site import Browser, FakeClock, Site

_SLOW_SECONDS = 120


async def end_session(browser: Browser) -> bool:
    """End the session, and keep the tokens as a thief would; whether it was answered."""
    held = dict(browser.tokens)
    answer = await browser.call("POST", "/revoke")
    assert answer.status_code in (200, 503), answer.text
    browser.tokens.update(held)
    return answer.status_code == 200


class Crowd:
    """Some people on the sites of one database. Time passes some hundred times faster than the day.

    Attributes:
        people: Each is signed in for good.
        rounds: How many times one of them went round.
        addresses: Who signed up and was told so.
        ended: Who ended the session and was told so.
    """

    def __init__(self, sites: Sequence[Site], clock: FakeClock, size: int = 4) -> None:
        self.sites = sites
        self.people = [Person(f"person{number}", self) for number in range(size)]
        self.rounds = 0
        self.addresses: set[str] = set()
        self.ended: list[Browser] = []
        self._clock = clock
        self._end = asyncio.Event()

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """They arrive, and go on until the end of this."""
        for person in self.people:
            await person.arrive()
        ticking = asyncio.create_task(self._tick())
        async with asyncio.TaskGroup() as lives:
            for person in self.people:
                lives.create_task(person.go_on(self._end))
            yield
            self._end.set()
        ticking.cancel()

    async def until_rounds(self, more: int) -> None:
        """Wait until they went round so many times more."""
        goal = self.rounds + more
        async with asyncio.timeout(_SLOW_SECONDS):
            while self.rounds < goal:  # noqa: ASYNC110  they count, and do not call
                await asyncio.sleep(0.01)

    async def check(self) -> None:
        """Each is still signed in; each sign-up, change and end of a session that was answered holds."""
        for person in self.people:
            await person.is_well()
        for address in self.addresses:
            answer = (await self.sites[0].browser("headers").sign_up(address)).json()
            assert "FIELD_ERROR" == answer["status"], f"{address} was told that the sign-up had worked: {answer}"
        assert self.ended
        for browser in self.ended:
            assert 401 == (await browser.refresh()).status_code
            assert 401 == (await browser.get("/exact")).status_code

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self._clock.advance(5_000)


class Person:
    """Goes on and on, at one node and the other; repeats what was answered by "come back later"."""

    def __init__(self, name: str, crowd: Crowd) -> None:
        self.name = name
        self.tokens: dict[str, str] = {}
        self._crowd = crowd
        self._notes = {0}  # one of these is stored

    def at(self, number: int) -> Browser:
        """A browser with the tokens of this person, talking to one of the nodes."""
        sites = self._crowd.sites
        browser = sites[number % len(sites)].browser("headers")
        browser.tokens = self.tokens
        return browser

    async def arrive(self) -> None:
        """Sign up."""
        address = f"{self.name}@example.com"
        assert "OK" == (await self.at(0).sign_up(address)).json()["status"]
        self._crowd.addresses.add(address)

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
            self._notes = {number} if answer.status_code == 200 else self._notes | {number}
            if number % 5 == 0:
                await self.see_a_friend(f"{self.name}-{number}@example.com", number)
            self._crowd.rounds += 1

    async def refresh(self, browser: Browser) -> bool:
        """Whether it was answered; anything but new tokens and "come back later" would sign an honest client out."""
        answer = await browser.refresh()
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200

    async def see_a_friend(self, address: str, number: int) -> None:
        """Somebody signs up and ends the session again."""
        friend = self._crowd.sites[number % len(self._crowd.sites)].browser("headers")
        answer = await friend.sign_up(address)
        assert answer.status_code in (200, 503)
        if answer.status_code == 200:
            self._crowd.addresses.add(address)
            if await end_session(friend):
                self._crowd.ended.append(friend)

    async def is_well(self) -> None:
        """Still signed in at every node, with the data that was stored last."""
        for number in range(len(self._crowd.sites)):
            browser = self.at(number)
            assert await self.refresh(browser)
            assert 200 == (await browser.get("/exact")).status_code
            assert (await browser.get("/data")).json().get("note", 0) in self._notes
