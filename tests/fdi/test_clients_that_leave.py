"""Clients that go away at every point where a request waits: nothing is half done, and nothing is held for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from itertools import count
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.chaos.checker import check_database
from tests.chaos.record import Account, Book
from tests.site import PASSWORD, SECRET, Browser, FakeClock, example_app
from watchword import AppInfo, Limit, Protection, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.recipes import EmailPassword, Session

API = "http://localhost:8000"
OF_AGE_MS = 140_000
PLENTY = Limit(1_000_000, seconds=600)


class Leaving:
    """A call whose task is cancelled where it waits for the so many-th time, as a server does when a client is gone."""

    def __init__(self, call: Awaitable[None], at: int) -> None:
        self._call = call
        self._at = at

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._call.__await__()
        thrown: BaseException | None = None
        for number in count():
            try:
                waits_for = steps.send(None) if thrown is None else steps.throw(thrown)  # type: ignore[attr-defined] - a generator
            except StopIteration:
                return
            thrown = None
            task = asyncio.current_task()
            if number == self._at and task is not None:
                task.cancel()
            try:
                yield waits_for
            except BaseException as error:
                thrown = error


class Door:
    """The application, left by the next client when it waits for the so many-th time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.leave_at: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the answer's pieces are points where one may leave, too."""

        async def send_slowly(message: Any) -> None:
            await asyncio.sleep(0)
            await send(message)

        at, self.leave_at = self.leave_at, None
        call = self._app(scope, receive, send_slowly)
        await (call if at is None else Leaving(call, at))


class House:
    """An application on a database, its people, and what they know."""

    def __init__(self, auth: Watchword, database_url: str, clock: FakeClock) -> None:
        self.auth = auth
        self.database_url = database_url
        self.clock = clock
        self.door = Door(example_app(auth))
        self.book = Book()

    async def somebody(self, name: str) -> tuple[Browser, Account]:
        """Somebody new, who has an account unless they are to make one."""
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.door), base_url=API)
        account = Account(f"{name}@example.com", PASSWORD)
        self.book.accounts[account.email] = account
        return Browser(client, "headers"), account


Act = Callable[[Browser, str], Awaitable[httpx2.Response]]
ACTS: dict[str, Act] = {
    "sign-up": lambda browser, email: browser.sign_up(email),
    "sign-in": lambda browser, email: browser.sign_in(email),
    "refresh": lambda browser, _: browser.refresh(),
    "data": lambda browser, _: browser.call("PUT", "/data", json={"a": 1}),
    "sign-out": lambda browser, _: browser.call("POST", "/auth/signout"),
}


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """One that lets everybody try as often as they like."""
    clock = FakeClock()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=API, website_domain=API),
        database=database_url,
        secret=SECRET,
        clock=clock,
        recipe_list=[EmailPassword(), Session()],
        passwords=PasswordHasher(workers=1),
        protection=Protection(sign_up=PLENTY, sign_in=PLENTY, refresh=PLENTY, failures_per_account=None),
    )
    await auth.start()
    yield House(auth, database_url, clock)
    await auth.stop()


async def prepare(house: House, browser: Browser, account: Account, what: str) -> None:
    """What was there before: for a refresh a child of age, so that it writes."""
    if what != "sign-up":
        await browser.sign_up(account.email)
        account.signed_up, account.unheard = True, 1
    if what == "refresh":
        house.clock.advance(OF_AGE_MS)
        await browser.refresh()
        house.clock.advance(OF_AGE_MS)


async def leave(house: House, act: Act, browser: Browser, account: Account, at: int) -> bool:
    """Begin something and go away when it waits for the so many-th time; whether it waits as often."""
    before = dict(browser.tokens)
    house.door.leave_at = at
    task = asyncio.ensure_future(act(browser, account.email))
    await asyncio.wait([task])
    browser.tokens = before
    return task.cancelled() or task.exception() is not None or task.result().status_code >= 500


async def repeat(act: Act, browser: Browser, account: Account, what: str) -> None:
    """The client comes back, with what it had before, and gets what it wanted."""
    answer = await act(browser, account.email)
    if what == "sign-up" and answer.json()["status"] == "FIELD_ERROR":  # the first one had worked
        answer = await browser.sign_in(account.email)
    account.signed_up = True
    account.unheard += 2
    if what == "sign-out" and answer.status_code == 401:  # the first one had worked, and its tokens are dead
        return
    assert 200 == answer.status_code, answer.content
    assert "OK" == answer.json().get("status", "OK")
    if what == "sign-out":
        assert 401 == (await browser.refresh()).status_code


@pytest.mark.parametrize("what", ACTS)
async def test_whoever_leaves_at_any_point_leaves_nothing_half_done(house: House, what: str) -> None:
    """F-22: the task of a request is cancelled at each of its waits; the client repeats and is served.

    Afterwards no half of an account or session is there, and neither a connection nor a place for hashing is held.
    """
    act = ACTS[what]
    others = asyncio.all_tasks()
    for at in count():
        browser, account = await house.somebody(f"leaves-at-{at}")
        await prepare(house, browser, account, what)
        waits = await leave(house, act, browser, account, at)
        await repeat(act, browser, account, what)
        await browser.client.aclose()
        if not waits:
            break
    assert at > 2, "there were points to leave at"
    db = open_database(house.database_url)
    await db.start()
    await check_database(db, house.book)
    await db.stop()
    assert [] == house.book.broken
    assert others == asyncio.all_tasks()
