"""A standby takes over from a primary that is gone: real streaming replication, and what a `Database` makes of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from tests.database.things import LIST_THINGS, add, count, create_things
from tests.services.pgbouncer import running_pgbouncer
from tests.services.standby import Pair, running_pair
from tests.services.wire import Wire
from watchword.database import postgres, postgres_primary
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, StorageUnavailable


@pytest.fixture(scope="module")
def untouched_pair() -> Iterator[Pair]:
    """A primary and its synchronous standby for tests that leave them as they found them."""
    with running_pair() as pair:
        yield pair


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(20):
        while not await is_so():  # noqa: ASYNC110  the servers say nothing to us
            await asyncio.sleep(0.02)


async def has(database: Database, things: int) -> bool:
    """Whether so many things are to be seen."""
    return things == await count(database)


async def fails(database: Database) -> bool:
    """Whether reading is an outage."""
    try:
        await count(database)
    except StorageUnavailable:
        return True
    return False


async def test_acknowledged_writes_survive_a_fail_over(postgres_pair: Pair) -> None:
    """F-05: the primary loses its power under load: all that was answered is at the standby, and writing goes on there.

    By itself, through the URL that names both, with the same object.
    """
    database = open_database(postgres_pair.create_database())
    await database.start()
    await create_things(database)
    before: set[str] = set()
    after: set[str] = set()
    acknowledged, enough = before, asyncio.Event()

    async def write(worker: int) -> None:
        number = 0
        while len(after) < 200:
            number += 1
            try:
                await add(database, f"{worker} {number}")
            except StorageUnavailable:
                await asyncio.sleep(0.01)
                continue
            acknowledged.add(f"{worker} {number}")
            if len(before) >= 200:
                enough.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as workers:
        for worker in range(4):
            workers.create_task(write(worker))
        await enough.wait()
        await asyncio.to_thread(postgres_pair.fail_over)
        acknowledged = after

    stored = {row["id"] for row in await database.list(LIST_THINGS)}
    assert set() == (before | after) - stored
    await database.stop()


async def test_a_standby_is_never_used(untouched_pair: Pair) -> None:
    """In whatever order the servers are named, all goes to the primary: a revoked session may live on a standby."""
    url = untouched_pair.create_database()
    both = [f"127.0.0.1:{server.port}" for server in (untouched_pair.primary, untouched_pair.standby)]
    database = open_database(url.replace(",".join(both), ",".join(reversed(both))))
    await database.start()
    await create_things(database)
    assert await add(database, "a") is not None
    row = await database.find(Statement("select inet_server_port() as port"))
    assert row is not None
    assert untouched_pair.primary.port == row["port"]
    await database.stop()


async def test_a_url_that_leads_to_a_standby_is_refused(untouched_pair: Pair) -> None:
    """Directly or through PgBouncer: the start says what it is and what to write."""
    standby = untouched_pair.standby.admin_url
    with running_pgbouncer(standby) as pooler:
        for url in (standby, f"{standby}?target_session_attrs=any", pooler.url(standby)):
            with pytest.raises(
                ConfigurationError, match=r"^database: .* is a standby.* postgresql://a:5432,b:5432/name"
            ):
                await open_database(url).start()


async def test_an_old_primary_that_comes_back_is_left_alone(postgres_pair: Pair) -> None:
    """Attack: the old primary is started again beside the new one, takes writes, and is named first in the URL.

    Who was there keeps away from it, also when it is the only one that answers; who comes anew finds the new one.
    """
    url = postgres_pair.create_database()
    database, newcomer = open_database(url), open_database(url)
    await database.start()
    await create_things(database)
    await asyncio.to_thread(postgres_pair.fail_over)
    await add(database, "after the fail-over")
    await asyncio.to_thread(postgres_pair.primary.start)

    await newcomer.start()
    assert 1 == await count(newcomer)
    await add(newcomer, "by a newcomer")
    assert 2 == await count(database)
    await asyncio.to_thread(postgres_pair.standby.stop)
    for one in (database, newcomer):
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                await add(one, "for the old one")
    with pytest.raises(StorageUnavailable, match="left behind by a fail-over"):
        await database.find(LIST_THINGS)

    await asyncio.to_thread(postgres_pair.standby.start)
    assert await add(database, "for the new one") is not None
    assert ["after the fail-over", "by a newcomer", "for the new one"] == [
        row["id"] for row in await newcomer.list(LIST_THINGS)
    ]
    for one in (database, newcomer):
        await one.stop()


async def test_a_commit_that_waits_for_the_standby_is_not_called_off(
    untouched_pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack: cut the standby off, wait until a commit is given up, and believe what the primary shows.

    Were the server told to stop waiting, it would show the row, somebody would act on it, and a fail-over would take
    it back. The outcome stays unknown until the standby has it.
    """
    url = untouched_pair.create_database()
    observer = open_database(url)
    await observer.start()
    await create_things(observer)
    monkeypatch.setattr(postgres, "_USUAL", replace(postgres._USUAL, seconds=2.0))
    hasty = open_database(url)
    await hasty.start()
    await asyncio.to_thread(untouched_pair.standby.stop)
    with pytest.raises(StorageUnavailable, match="outcome is not known"):
        await add(hasty, "a")
    waiting = Statement("select count(*) as number from pg_stat_activity where wait_event = 'SyncRep'")
    for _ in range(3):
        assert 1 == await count(observer, waiting)
        assert 0 == await count(observer)
    await asyncio.to_thread(untouched_pair.standby.start)
    await until(lambda: has(observer, 1))
    for one in (observer, hasty):
        await one.stop()


async def test_behind_pgbouncer_a_standby_is_noticed_at_every_transaction(postgres_pair: Pair) -> None:
    """The pooler is led to a standby under us: neither reads nor writes believe it; led to the primary, all goes on."""
    url = postgres_pair.primary.create_database()
    with running_pgbouncer(url) as pooler:
        database = open_database(pooler.url(url))
        await database.start()
        await create_things(database)
        pooler.lead_to(postgres_pair.standby.admin_url)
        await until(lambda: fails(database))
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="takes no writes"):
                await count(database)
            with pytest.raises(StorageUnavailable, match="takes no writes"):
                await add(database, "a")
        await asyncio.to_thread(postgres_pair.fail_over)
        assert await add(database, "a") is not None
        await database.stop()


async def test_a_server_whose_packets_vanish_does_not_hide_the_other(
    postgres_pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-05, F-06: the old primary's machine is gone, and no packet comes back: the new one is found all the same."""
    monkeypatch.setattr(postgres_primary, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(postgres, "_USUAL", replace(postgres._USUAL, seconds=2.0))
    url = postgres_pair.primary.create_database()
    wire = Wire(url)
    async with wire.laid():
        both = f"{wire.url.rpartition('/')[0]},127.0.0.1:{postgres_pair.standby.port}/{url.rpartition('/')[2]}"
        database = open_database(both)
        await database.start()
        await create_things(database)
        wire.black_hole()
        await asyncio.to_thread(postgres_pair.fail_over)
        with pytest.raises(StorageUnavailable):
            await count(database)
        assert 0 == await count(database)
        assert await add(database, "a") is not None
        await database.stop()
