"""The feed on PostgreSQL: signals make it quick, and it gets along without them."""

import asyncio
import logging

import pytest

from tests.conftest import Postgres
from tests.services.postgres import PostgresServer
from tests.services.wire import Wire
from tests.sessions.nodes import ManualClock, sign_in
from tests.sessions.test_feed import record, running_node, soon, until_refused
from watchword.database.postgres import PostgresDatabase
from watchword.sessions import feed as feed_module
from watchword.sessions import revoke
from watchword.sessions.engine import SessionEngine

CUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'watchword signals' and datname = current_database()
"""


async def listens(engine: SessionEngine) -> bool:
    """Whether signals arrive at a node."""
    return engine.feed._listening


async def is_deaf(engine: SessionEngine) -> bool:
    """Whether a node knows that no signals arrive."""
    return not engine.feed._listening


async def test_a_signal_saves_the_wait(postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a look every hour only, a revocation still arrives: somebody called."""
    monkeypatch.setattr(feed_module, "_LISTENING_POLL_SECONDS", 3600.0)
    options = {"revocation_staleness_ms": None}
    async with (
        running_node(postgres_url, clock, **options) as here,
        running_node(postgres_url, clock, **options) as there,
    ):
        await soon(lambda: listens(there))
        for _ in range(3):
            granted = await sign_in(here)
            await revoke.revoke_sessions(here, [granted.access_token.handle])
            await until_refused(there, granted)


async def test_a_lost_connection_is_noticed_and_nothing_is_missed(
    postgres: Postgres, postgres_url: str, clock: ManualClock
) -> None:
    """F-20: the connection that listens is cut: looking takes over, finds what was missed, and listening comes back."""
    async with running_node(postgres_url, clock) as here, running_node(postgres_url, clock) as there:
        for _ in range(2):
            await soon(lambda: listens(there))
            postgres.execute(CUT, postgres_url)
            granted = [await sign_in(here) for _ in range(3)]
            await revoke.revoke_sessions(here, [one.access_token.handle for one in granted])
            await until_refused(there, *granted)


async def test_a_connection_that_is_dropped_in_silence(
    postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-20: the listening connection alone goes dead and says nothing: looking takes over, and all is found."""
    monkeypatch.setattr("watchword.database.postgres_signals.CHECK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr("watchword.database.postgres_signals.ANSWER_SECONDS", 0.5)
    wire = Wire(postgres_url)
    async with wire.laid(), running_node(postgres_url, clock) as here, running_node(wire.url, clock) as there:
        await soon(lambda: listens(there))
        wire.cut(b"watchword signals")
        granted = [await sign_in(here) for _ in range(3)]
        await revoke.revoke_sessions(here, [one.access_token.handle for one in granted])
        await until_refused(there, *granted)
        await soon(lambda: is_deaf(there))
        wire.mend()
        await soon(lambda: listens(there))


async def test_without_signals_looking_is_enough(
    postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind PgBouncer nobody can listen: the same promise holds, by looking twice a second."""
    pooled = f"{postgres_url}?pgbouncer=true"
    async with running_node(pooled, clock) as here, running_node(pooled, clock) as there:
        assert await there.db.listen("anything", lambda: None) is None
        granted = await sign_in(here)
        await revoke.revoke_sessions(here, [granted.access_token.handle])
        await until_refused(there, granted)
        assert not await listens(there)


async def test_a_server_that_accepts_listen_and_stays_silent(
    postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler nobody told us of: listening is believed only after a signal has arrived."""

    async def swallow(self: PostgresDatabase, channel: str) -> None:
        """What becomes of a signal on the way through such a pooler."""

    monkeypatch.setattr(PostgresDatabase, "signal", swallow)
    monkeypatch.setattr("watchword.database.postgres_signals.PROOF_SECONDS", 0.05)
    async with running_node(postgres_url, clock) as here, running_node(postgres_url, clock) as there:
        assert await there.db.listen("anything", lambda: None) is None
        granted = await sign_in(here)
        await revoke.revoke_sessions(here, [granted.access_token.handle])
        await until_refused(there, granted)


async def test_a_server_that_restarts(
    stoppable_postgres: PostgresServer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database is away nothing breaks; when it is back, all that was revoked meanwhile is found."""
    caplog.set_level(logging.INFO, "watchword")
    url = stoppable_postgres.create_database()
    async with running_node(url, clock) as here, running_node(url, clock) as there:
        await soon(lambda: listens(there))
        granted = await sign_in(here)
        stoppable_postgres.stop("QUIT")
        await soon(lambda: says(caplog, "following revoked sessions failed"))
        stoppable_postgres.start()
        await revoke.revoke_sessions(here, [granted.access_token.handle])
        await until_refused(there, granted)
        await record(here, ["after it"])
        await soon(lambda: listens(there))
    levels = [entry.levelname for entry in caplog.records]
    assert "ERROR" not in levels
    failed = [entry for entry in caplog.records if "following revoked sessions failed" in entry.message]
    assert 2 >= len(failed), "once for each node, however long it takes"


async def says(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    """Whether the log has a line with this text."""
    return any(text in entry.message for entry in caplog.records)


async def test_an_event_loop_that_has_ended_is_no_trouble(postgres_url: str, clock: ManualClock) -> None:
    """A process whose event loop ended without a stop leaves nothing behind that another one would stumble over."""

    def run_and_drop() -> None:
        async def run() -> None:
            async with running_node(postgres_url, clock) as engine:
                granted = await sign_in(engine)
                await revoke.revoke_sessions(engine, [granted.access_token.handle])

        asyncio.run(run())

    await asyncio.to_thread(run_and_drop)
    async with running_node(postgres_url, clock) as here:
        await soon(lambda: listens(here))
