"""`/auth/health`: what restarts a process, and what takes it out of the balancer. Security SC-14."""

import asyncio
import logging
from typing import Any

import pytest

from tests.services.postgres import PostgresServer
from tests.site import RunningClock, Site, running_site
from watchword import Watchword
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.recipes import Health, Session, ThirdPartyEmailPassword


async def ask(site: Site, path: str = "/health/ready") -> tuple[int, Any]:
    """Status and body, found anew."""
    site.auth.readiness._looked_at = None
    answer = await site.browser().get("/auth" + path)
    assert "no-store" == answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers
    return answer.status_code, answer.json()


async def execute(auth: Watchword, sql: str) -> None:
    """One statement behind the back of the process."""

    async def body(tx: Transaction) -> None:
        await tx.execute(Statement(sql))

    await auth._db.write(body)


OK = (200, {"status": "OK"})


def not_ready(*failed: str) -> tuple[int, Any]:
    """The answer that takes a process out of the balancer."""
    return 503, {"status": "NOT_READY", "failed": list(failed)}


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
async def test_a_process_that_serves_is_live_and_ready(database_url: str, path: str) -> None:
    """Without a session, without cookies, for whoever asks."""
    async with running_site(database_url, clock=RunningClock()) as site:
        assert OK == await ask(site, path)


async def test_it_is_live_and_not_ready_while_the_database_is_away(stoppable_postgres: PostgresServer) -> None:
    """A restart would not cure it: requests go elsewhere, and come back when the database does."""
    async with running_site(stoppable_postgres.admin_url, clock=RunningClock()) as site:
        assert OK == await ask(site)
        stoppable_postgres.stop()
        assert not_ready("database") == await ask(site)
        assert OK == await ask(site, "/health/live")
        stoppable_postgres.start()
        async with asyncio.timeout(30):
            while await ask(site) != OK:  # noqa: ASYNC110 - the server says nothing to us
                await asyncio.sleep(0.05)


async def test_a_missing_migration_is_not_ready(database_url: str) -> None:
    """A database that was set back, or is another one than at the start."""
    async with running_site(database_url, clock=RunningClock()) as site:
        await execute(site.auth, "delete from {schema_migrations} where number = 1 and package = 'watchword.delivery'")
        assert not_ready("migrations") == await ask(site)


async def test_a_newer_database_is_ready(database_url: str) -> None:
    """In a rolling update the older processes serve until they are replaced."""
    async with running_site(database_url, clock=RunningClock()) as site:
        await execute(
            site.auth,
            "insert into {schema_migrations} (package, number, name, checksum, applied_at_ms) "
            "values ('watchword.accounts', 999, 'later', 'x', 1)",
        )
        assert OK == await ask(site)


@pytest.mark.parametrize(
    ("off_ms", "expected"), [(25_000, OK), (40_000, not_ready("clock")), (-40_000, not_ready("clock"))]
)
async def test_a_clock_that_is_off_by_half_a_minute_is_not_ready(
    database_url: str, off_ms: int, expected: tuple[int, Any]
) -> None:
    """Tokens would begin or end at the wrong time."""
    async with running_site(database_url, clock=RunningClock(off_ms)) as site:
        assert expected == await ask(site)


async def test_no_key_to_sign_with_is_not_ready(database_url: str) -> None:
    """Nobody could sign in or refresh."""
    async with running_site(database_url, clock=RunningClock()) as site:
        keys = site.auth.session_recipe.session_engine.keys
        keys._opened = dict.fromkeys(keys._opened)
        assert not_ready("signing_keys") == await ask(site)


async def test_a_process_that_is_cut_off_from_revocations_is_not_ready(database_url: str) -> None:
    """It would ask the database at every request, or let in whom others have signed out."""
    async with running_site(database_url, clock=RunningClock(), session=Session()) as site:
        feed = site.auth.session_recipe.session_engine.feed
        await feed.stop()
        assert not_ready("revocations") == await ask(site)


async def test_an_outbox_without_its_worker_is_not_ready(database_url: str) -> None:
    """Mail would wait for another process to die; one that a mail system refuses does not count."""
    async with running_site(database_url, clock=RunningClock()) as site:
        worker = site.auth.outbox._worker
        assert worker is not None
        worker.cancel()
        await asyncio.wait([worker])
        assert not_ready("outbox") == await ask(site)


async def test_many_probes_ask_the_database_once(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Attack: ask a thousand times a second; what was found counts for a second, and is one line in the log."""
    async with running_site(database_url, clock=RunningClock(60_000)) as site:
        looks: list[str] = []
        inner = site.auth.readiness.migrations
        site.auth.readiness.migrations = lambda: (looks.append("look"), inner())[1]
        with caplog.at_level(logging.INFO, "watchword.readiness"):
            site.auth.readiness._looked_at = None
            found = await asyncio.gather(*(site.auth.readiness.find_problems() for _ in range(50)))
    assert {("clock",)} == set(found)
    assert ["look"] == looks
    assert ["not ready: clock"] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("listed", [True, False])
async def test_at_the_root_it_must_be_listed(sqlite_url: str, listed: bool) -> None:
    """`/health` is what many applications call their own; nobody's is taken over by an update."""
    recipes = [ThirdPartyEmailPassword(), *([Health()] if listed else [])]
    async with running_site(sqlite_url, recipes=recipes, clock=RunningClock(), api_base_path="/") as site:
        answer = await site.browser().get("/health")
    assert (200 if listed else 404) == answer.status_code


async def test_an_api_of_it_can_be_disabled(sqlite_url: str) -> None:
    """Listed, it takes `disabled_apis` as every recipe does; the path is the application's then."""
    recipes = [ThirdPartyEmailPassword(), Health(disabled_apis=["health_get", "health_ready_get"])]
    async with running_site(sqlite_url, recipes=recipes) as site:
        assert 404 == (await site.browser().get("/auth/health")).status_code
        assert OK == await ask(site, "/health/live")
