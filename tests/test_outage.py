"""The database goes away under a running application, and comes back: nobody is signed out, nothing is restarted."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Postgres
from tests.services.pgbouncer import running_pgbouncer
from tests.services.postgres import PostgresServer
from tests.services.wire import Wire
from tests.site import Browser, Carry, Site, running_site
from watchword.database import postgres, postgres_primary
from watchword.database.postgres import PostgresDatabase
from watchword.database.sqlite import SqliteDatabase

SETTLE_MS = 130_000
TOKEN_HEADERS = {"set-cookie", "st-access-token", "st-refresh-token", "anti-csrf"}

#: Holds the write lock of an SQLite file until its standard input ends.
HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["cookies", "headers"])
def carry(request: pytest.FixtureRequest) -> Carry:
    """In both transports."""
    return request.param


def assert_come_back_later(answer: httpx2.Response) -> None:
    """503 that says when, sets nothing and clears nothing."""
    assert 503 == answer.status_code
    assert 1 <= int(answer.headers["retry-after"])
    assert "storage_unavailable" == answer.json()["code"]
    assert not TOKEN_HEADERS & set(answer.headers)
    assert "remove" != answer.headers.get("front-token")


async def assert_all_works(site: Site, browser: Browser) -> None:
    """The session that was there is good, can be refreshed with a new refresh token, and new people come in."""
    me = await browser.get("/me")
    assert (await browser.get("/exact")).json()["userId"] == me.json()["userId"]
    site.clock.advance(SETTLE_MS)
    assert 200 == (await browser.refresh()).status_code
    assert me.json() == (await browser.get("/me")).json()
    assert {"note": "kept"} == (await browser.get("/data")).json()
    newcomer = site.browser(browser.carry)
    assert "OK" == (await newcomer.sign_in()).json()["status"]
    assert 200 == (await newcomer.get("/exact")).status_code
    assert {"status": "OK"} == (await newcomer.call("POST", "/auth/signout")).json()


async def assert_outage_is_survived(site: Site, browser: Browser) -> None:
    """With the database gone: what needs none goes on, all else is a 5xx that leaves every token alone."""
    held = browser.tokens | dict(browser.client.cookies)
    me = await browser.get("/me")
    assert (200, {}) == (me.status_code, me.json()["payload"])
    assert 200 == (await browser.get("/auth/loginmethods")).status_code
    assert 1 == len((await browser.get("/auth/jwt/jwks.json")).json()["keys"])
    for answer in (
        await browser.get("/data"),
        await browser.get("/exact"),
        await browser.call("PUT", "/payload", json={"role": "admin"}),
        await browser.sign_in(),
        await browser.sign_up(email="grace@example.com"),
        await browser.get("/auth/emailpassword/email/exists?email=ada@example.com"),
        await browser.call("POST", "/auth/signout"),
        await browser.refresh(),
        await site.browser(browser.carry).sign_in(),
    ):
        assert_come_back_later(answer)
    from_a_page = await browser.refresh(headers={"origin": site.url})
    assert_come_back_later(from_a_page)
    assert "front-token" not in from_a_page.headers
    assert 401 == (await site.browser(browser.carry).refresh()).status_code  # no token at all: no question to ask
    assert held == browser.tokens | dict(browser.client.cookies)


@pytest.mark.parametrize("signal", ["INT", "QUIT"], ids=["stopped", "crashed"])
async def test_postgresql_goes_and_comes_back(
    stoppable_postgres: PostgresServer, carry: Carry, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Verified requests go on, sign-in and refresh answer 503, and all works again once the server does."""
    async with running_site(stoppable_postgres.create_database()) as site:
        browser = site.browser(carry)
        assert "OK" == (await browser.sign_up()).json()["status"]
        await browser.call("PUT", "/data", json={"note": "kept"})
        stoppable_postgres.stop(signal)
        await assert_outage_is_survived(site, browser)
        stoppable_postgres.start()
        await assert_all_works(site, browser)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("signal", ["TERM", "KILL"], ids=["stopped", "crashed"])
async def test_pgbouncer_goes_and_comes_back(
    postgres: Postgres, postgres_url: str, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The pooler alone is stopped or killed: as with the database itself; then the database, behind the pooler."""
    with running_pgbouncer(postgres.admin_url, {"default_pool_size": "2"}) as pooler:
        async with running_site(pooler.url(postgres_url)) as site:
            browser = site.browser("headers")
            assert "OK" == (await browser.sign_up()).json()["status"]
            await browser.call("PUT", "/data", json={"note": "kept"})
            assert {200} == {
                one.status_code for one in await asyncio.gather(*(browser.get("/exact") for _ in range(30)))
            }
            pooler.stop(signal)
            await assert_outage_is_survived(site, browser)
            pooler.start()
            await assert_all_works(site, browser)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_postgresql_goes_and_comes_back_behind_pgbouncer(stoppable_postgres: PostgresServer) -> None:
    """PgBouncer stays, and tells us that the server is gone; once it is back, all works through the same pooler."""
    url = stoppable_postgres.create_database()
    with running_pgbouncer(url, {"server_login_retry": "0.1", "query_wait_timeout": "1"}) as pooler:
        async with running_site(pooler.url(url)) as site:
            browser = site.browser("headers")
            assert "OK" == (await browser.sign_up()).json()["status"]
            await browser.call("PUT", "/data", json={"note": "kept"})
            stoppable_postgres.stop("QUIT")
            await assert_outage_is_survived(site, browser)
            stoppable_postgres.start()
            await until_answered(browser)
            await assert_all_works(site, browser)


async def until_answered(browser: Browser) -> None:
    """Ask until the answer is no outage: PgBouncer tries the server again when it thinks fit."""
    async with asyncio.timeout(30):
        while 503 == (await browser.get("/exact")).status_code:  # noqa: ASYNC110  we can only ask
            await asyncio.sleep(0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limits of the product, shorter: nobody waits for a silent server for more than two seconds."""
    monkeypatch.setattr(postgres, "_USUAL", replace(postgres._USUAL, seconds=2.0))
    monkeypatch.setattr(postgres_primary, "CONNECT_SECONDS", 1.5)


@pytest.mark.usefixtures("impatient")
async def test_packets_to_postgresql_vanish(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """F-06: nobody refuses, nobody answers: each request ends with a 503 all the same, and all works again afterwards.

    Among them are many at once, more than the pool has connections, whose packets vanish in the middle.
    """
    wire = Wire(postgres_url)
    async with wire.laid(), running_site(PostgresDatabase(wire.url, busy_seconds=0.1)) as site:
        browser = site.browser("cookies")
        assert "OK" == (await browser.sign_up()).json()["status"]
        await browser.call("PUT", "/data", json={"note": "kept"})
        await asyncio.gather(*(browser.get("/exact") for _ in range(20)))
        wire.black_hole()
        for answer in await asyncio.gather(*(browser.get("/exact") for _ in range(30))):
            assert 503 == answer.status_code
            assert 1 <= int(answer.headers["retry-after"])
        await assert_outage_is_survived(site, browser)
        wire.mend()
        await assert_all_works(site, browser)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes to the file and does not come to an end."""
    command = [sys.executable, "-c", HOLD_LOCK, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert "locked\n" == process.stdout.readline()
        yield
        process.stdin.close()


async def test_sqlite_is_locked_by_another_process(tmp_path: Path, carry: Carry) -> None:
    """Reading goes on; what must write waits its time, answers 503, clears nothing, and works when the lock is gone."""
    path = tmp_path / "watchword.db"
    async with running_site(SqliteDatabase(path, busy_seconds=0.1)) as site:
        browser = site.browser(carry)
        await browser.sign_up()
        await browser.call("PUT", "/data", json={"note": "kept"})
        site.clock.advance(SETTLE_MS)
        await browser.refresh()  # the first successor of a token is written down when it comes back itself
        with locked(path):
            assert 200 == (await browser.get("/me")).status_code
            assert {"note": "kept"} == (await browser.get("/data")).json()
            assert 200 == (await browser.refresh()).status_code  # young: nothing to write
            site.clock.advance(SETTLE_MS)
            held = browser.tokens | dict(browser.client.cookies)
            for answer in (
                await browser.refresh(),
                await browser.sign_in(),
                await browser.sign_up(email="grace@example.com"),
                await browser.call("PUT", "/data", json={"note": "lost"}),
                await browser.call("POST", "/auth/signout"),
            ):
                assert_come_back_later(answer)
            assert held == browser.tokens | dict(browser.client.cookies)
        await assert_all_works(site, browser)
