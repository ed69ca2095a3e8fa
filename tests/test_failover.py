"""A standby takes over under a running application: nobody who is honest notices, nothing that was answered is lost."""

import asyncio
import logging

import asyncpg
import pytest

from tests.people import Crowd, end_session
from tests.services.standby import Pair, running_pair
from tests.site import FakeClock, running_site
from tests.test_nodes import until_refused

OF_AGE_MS = 131_000
LONG_ENOUGH_SECONDS = 60
API = "https://api.example.com"
LISTENERS = "select count(distinct pid) from pg_stat_activity where application_name = 'watchword signals'"


async def test_a_fail_over_under_load(postgres_pair: Pair) -> None:
    """F-05, synchronous: the primary loses its power while people sign up, refresh, change and end things on two nodes.

    Each person is still signed in; each sign-up, change and revocation that was answered holds; the nodes listen again.
    """
    url, clock = postgres_pair.create_database(), FakeClock()
    async with (
        running_site(url, clock=clock, api_domain=API) as here,
        running_site(url, clock=clock, api_domain=API) as there,
    ):
        crowd = Crowd([here, there], clock)
        async with crowd.living():
            await crowd.until_rounds(40)
            await asyncio.to_thread(postgres_pair.fail_over)
            await crowd.until_rounds(40)
        await crowd.check()
        await until_two_listen(postgres_pair.standby.admin_url)
        assert await end_session(crowd.people[0].at(0))
        await until_refused(crowd.people[0].at(1))


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
