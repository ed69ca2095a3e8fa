"""Two applications on one database: what one of them ends, the other refuses, over HTTP."""

import asyncio

import pytest

from tests.site import Browser, FakeClock, running_site

pytestmark = pytest.mark.behind_pgbouncer

API = "https://api.example.com"
LONG_ENOUGH_SECONDS = 20


async def until_refused(browser: Browser) -> None:
    """Ask for a protected page until the session is refused, and the client is told to drop it."""
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while True:
            answer = await browser.get("/me")
            if answer.status_code != 200:
                break
            await asyncio.sleep(0.05)
    assert 401 == answer.status_code
    assert "unauthorised" == answer.json()["message"]
    assert "remove" == answer.headers["front-token"]


async def test_signing_out_at_one_signs_out_at_the_other(database_url: str) -> None:
    """SE-3: the access token is refused on every node, soon, on routes that do not ask the database."""
    clock = FakeClock()
    async with (
        running_site(database_url, clock=clock, api_domain=API) as here,
        running_site(database_url, clock=clock, api_domain=API) as there,
    ):
        browser = here.browser("headers")
        assert "OK" == (await browser.sign_up()).json()["status"]
        elsewhere = there.browser("headers")
        elsewhere.tokens |= browser.tokens
        assert 200 == (await elsewhere.get("/me")).status_code
        assert {"status": "OK"} == (await browser.call("POST", "/auth/signout")).json()
        await until_refused(elsewhere)


async def test_ending_all_of_a_user_by_handle_reaches_the_other(database_url: str) -> None:
    """`auth.sessions.revoke_all` in one process, with no request at hand; new sessions of that user are good."""
    clock = FakeClock()
    async with (
        running_site(database_url, clock=clock, api_domain=API) as here,
        running_site(database_url, clock=clock, api_domain=API) as there,
    ):
        browser = there.browser("headers")
        await browser.sign_up()
        user_id = (await browser.get("/me")).json()["userId"]
        assert 1 == len(await here.auth.sessions.revoke_all(user_id))
        await until_refused(browser)
        again = here.browser("headers")
        await again.sign_in()
        assert 200 == (await again.get("/me")).status_code


async def test_stopping_leaves_nothing_running(database_url: str) -> None:
    """What an application started in the background ends with it; it starts again."""
    before = asyncio.all_tasks()
    for _ in range(2):
        async with running_site(database_url):
            assert before != asyncio.all_tasks()
    assert before == asyncio.all_tasks()
