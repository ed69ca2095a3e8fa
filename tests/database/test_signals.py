"""Signals between processes: heard where the database has them, harmless where it has not, never relied upon."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conftest import Postgres
from tests.services.postgres import PostgresServer
from tests.services.wire import Wire
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.errors import StorageUnavailable

CUT = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'watchword signals'"


class Ear:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0
        self._news = asyncio.Event()

    def __call__(self) -> None:
        """Somebody called."""
        self.heard += 1
        self._news.set()

    async def next(self) -> None:
        """Wait for a call since the last one that was waited for."""
        async with asyncio.timeout(10):
            await self._news.wait()
        self._news.clear()


@pytest.fixture
async def listener(postgres_url: str) -> AsyncIterator[Database]:
    """A PostgreSQL database, as one process has it."""
    database = open_database(postgres_url)
    await database.start()
    yield database
    await database.stop()


async def test_a_signal_is_heard_by_every_process(listener: Database, postgres_url: str) -> None:
    """From another connection, and from one's own; not on other channels."""
    other = open_database(postgres_url)
    await other.start()
    ear, deaf = Ear(), Ear()
    listening = await listener.listen("news", ear)
    elsewhere = await listener.listen("other news", deaf)
    assert listening is not None
    assert elsewhere is not None
    await ear.next()  # the proof that it works
    proofs = deaf.heard
    for database in (other, listener):
        await database.signal("news")
        await ear.next()
    assert proofs == deaf.heard
    await listening.close()
    await listening.close()
    await elsewhere.close()
    await other.stop()


async def test_installations_side_by_side_do_not_wake_each_other(listener: Database, postgres_url: str) -> None:
    """Two applications in one database, told apart by schema or prefix, have channels of their own."""
    ear = Ear()
    listening = await listener.listen("news", ear)
    assert listening is not None
    await ear.next()
    for options in ({"table_prefix": "shop_"}, {"schema": "shop"}):
        stranger = open_database(postgres_url, **options)
        await stranger.start()
        await stranger.signal("news")
        await stranger.stop()
    heard = ear.heard
    await listener.signal("news")
    await ear.next()
    assert heard + 1 == ear.heard
    await listening.close()


async def test_whoever_stays_learns_of_the_end(postgres: Postgres, postgres_url: str, listener: Database) -> None:
    """A connection that the server ends is noticed at once."""
    listening = await listener.listen("news", Ear())
    assert listening is not None
    staying = asyncio.create_task(listening.stay())
    await asyncio.sleep(0)
    postgres.execute(CUT, postgres_url)
    with pytest.raises(StorageUnavailable):
        async with asyncio.timeout(10):
            await staying
    await listening.close()


async def test_a_connection_that_went_silent_is_asked(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-20: a firewall that drops a connection tells nobody: the server is asked, and no answer is an end."""
    monkeypatch.setattr("watchword.database.postgres_signals.CHECK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr("watchword.database.postgres_signals.ANSWER_SECONDS", 0.5)
    wire = Wire(postgres_url)
    async with wire.laid():
        database = open_database(wire.url)
        await database.start()
        listening = await database.listen("news", Ear())
        assert listening is not None
        staying = asyncio.create_task(listening.stay())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):  # asked a dozen times, it answers and stays
                await asyncio.shield(staying)
        wire.cut(b"watchword signals")
        with pytest.raises(StorageUnavailable):
            async with asyncio.timeout(10):
                await staying
        await listening.close()
        await database.stop()


async def test_without_a_server_it_is_an_outage(stoppable_postgres: PostgresServer) -> None:
    """Listening and signalling fail as everything does, and work again when the server does."""
    database = open_database(stoppable_postgres.create_database())
    await database.start()
    stoppable_postgres.stop("QUIT")
    with pytest.raises(StorageUnavailable):
        await database.listen("news", Ear())
    with pytest.raises(StorageUnavailable):
        await database.signal("news")
    stoppable_postgres.start()
    listening = await database.listen("news", Ear())
    assert listening is not None
    await listening.close()
    await database.stop()


async def test_where_there_are_no_signals(sqlite_url: str, postgres_url: str) -> None:
    """SQLite has none, behind a pooler none come through: nobody listens, and signalling does no harm."""
    for url in (sqlite_url, "sqlite://", f"{postgres_url}?pgbouncer=true"):
        database = open_database(url)
        await database.start()
        assert await database.listen("news", Ear()) is None
        await database.signal("news")
        await database.stop()
