"""The feed of revoked handles: what one process revokes, every other refuses, whatever happens to the connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Unpack

import pytest

from tests.sessions.nodes import DAY, MINUTE, ManualClock, make_tables, refresh_token_of, sign_in, start_node
from watchword.database.database import Database, Transaction
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import StorageUnavailable
from watchword.sessions import information, revoke
from watchword.sessions.engine import GrantedTokens, SessionEngine
from watchword.sessions.errors import TokenTheftDetected, Unauthorised
from watchword.sessions.refresh import refresh
from watchword.sessions.revoked_rows import record_revoked
from watchword.sessions.settings import SessionOptions
from watchword.sessions.verify import verify_access_token

pytestmark = pytest.mark.behind_pgbouncer

LONG_ENOUGH_SECONDS = 20


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; fail when it does not for long."""
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


async def is_refused(engine: SessionEngine, granted: GrantedTokens) -> bool:
    """Whether an access token's session counts as revoked here."""
    try:
        await verify_access_token(engine, granted.access_token.text)
    except Unauthorised:
        return True
    return False


async def until_refused(engine: SessionEngine, *sessions: GrantedTokens) -> None:
    """Wait until all of these are refused."""
    for granted in sessions:
        await soon(lambda granted=granted: is_refused(engine, granted))


@asynccontextmanager
async def running_node(url: str, clock: ManualClock, **options: Unpack[SessionOptions]) -> AsyncIterator[SessionEngine]:
    """An engine as a process of its own has it: own connections, and all that runs in the background."""
    database = open_database(url)
    await database.start()
    try:
        await make_tables(database)
        engine = await start_node(database, clock, **options)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()
    finally:
        await database.stop()


@pytest.fixture
async def here(database_url: str, clock: ManualClock) -> AsyncIterator[SessionEngine]:
    """A running node."""
    async with running_node(database_url, clock) as engine:
        yield engine


@pytest.fixture
async def there(here: SessionEngine, database_url: str, clock: ManualClock) -> AsyncIterator[SessionEngine]:
    """Another one on the same database."""
    async with running_node(database_url, clock) as engine:
        yield engine


async def test_what_one_node_revokes_the_other_refuses(here: SessionEngine, there: SessionEngine) -> None:
    """SE-3: one, several, all of a user: verification without the database refuses them on every node."""
    one, two, three, four, living = [await sign_in(here, user) for user in ("ada", "ada", "bob", "bob", "eve")]
    for granted in (one, two, three, four, living):
        assert not await is_refused(there, granted)
    await revoke.revoke_sessions(here, [one.access_token.handle])
    await until_refused(there, one)
    await revoke.revoke_sessions(there, [two.access_token.handle, three.access_token.handle])
    await until_refused(here, two, three)
    await revoke.revoke_all_sessions_for_user(here, "bob", None)
    await until_refused(there, four)
    assert not await is_refused(there, living)


async def test_theft_found_on_one_node_ends_the_access_tokens_on_the_other(
    here: SessionEngine, there: SessionEngine, clock: ManualClock
) -> None:
    """Attack: the thief refreshes on one node and goes on with his access token on the other."""
    copied = refresh_token_of(first := await sign_in(here))
    for _ in range(2):  # the honest client goes on: two generations prove the copied token old
        clock.turn(3 * MINUTE)
        first = await refresh(here, refresh_token_of(first))
    clock.turn(3 * MINUTE)
    assert not await is_refused(there, first)
    with pytest.raises(TokenTheftDetected):
        await refresh(here, copied)
    await until_refused(there, first)


async def test_a_node_that_starts_later_knows_what_was_revoked_before(
    here: SessionEngine, database_url: str, clock: ManualClock
) -> None:
    """A restart forgets nothing: the handles of one access-token life are read before the first request."""
    revoked = [await sign_in(here) for _ in range(3)]
    living = await sign_in(here)
    await revoke.revoke_sessions(here, [granted.access_token.handle for granted in revoked])
    async with running_node(database_url, clock) as later:
        assert [True] * 3 == [await is_refused(later, granted) for granted in revoked]
        assert not await is_refused(later, living)


async def test_more_handles_than_one_page_are_read(here: SessionEngine, database_url: str, clock: ManualClock) -> None:
    """Reading goes on from the last row of a page, also where many rows have the same stamp."""
    handles = [f"handle {number:05}" for number in range(5_001)]
    await record(here, handles)
    async with running_node(database_url, clock) as later:
        assert all(later.revoked.has(handle) for handle in handles)
        await record(here, more := [f"more {number:05}" for number in range(5_001)])
        await later.feed.look()
        assert all(later.revoked.has(handle) for handle in more)


async def test_handles_of_another_app_are_none_of_ours(
    here: SessionEngine, database_url: str, clock: ManualClock
) -> None:
    """TN-1: two apps in one database share neither sessions nor revocations."""
    await record(here, ["the same handle"])
    async with running_node(database_url, clock, app_id="another") as other_app:
        assert not other_app.revoked.has("the same handle")


async def test_a_commit_that_becomes_visible_late_is_found(here: SessionEngine, there: SessionEngine) -> None:
    """A transaction that took its stamp earlier may commit after a later one: looks go back behind the last one."""
    await record(here, ["on time"])
    await there.feed.look()
    for age_ms in (1_500, 50_000):
        await insert_row(here.db, f"{age_ms} ms late", age_ms)
    await there.feed.look()
    assert there.revoked.has("1500 ms late")
    there.feed._went_far_back_at = None  # as after half a minute
    await there.feed.look()
    assert there.revoked.has("50000 ms late")


async def test_a_row_is_written_with_the_deletion_or_not_at_all(here: SessionEngine) -> None:
    """The row and the end of the session are one transaction; of a session that is not there nothing is written."""
    granted = await sign_in(here)
    handle = granted.access_token.handle

    async def fail(tx: Transaction) -> None:
        await revoke.delete_sessions_of_user(tx, here, "ada")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await here.db.write(fail)
    assert [] == await rows(here.db)
    assert await information.find_session_information(here, handle) is not None
    await revoke.revoke_sessions(here, [handle, "never was"])
    await revoke.revoke_sessions(here, [handle])
    assert [handle] == await rows(here.db)


async def test_a_clock_that_ran_ahead_and_is_put_back(
    here: SessionEngine, database_url: str, clock: ManualClock
) -> None:
    """F-15: what was forgotten while the clock ran ahead counts again when it is right, as the tokens do."""
    await insert_row(here.db, "revoked ten minutes ago", 10 * MINUTE)
    async with running_node(database_url, clock) as there:
        assert there.revoked.has("revoked ten minutes ago")
        clock.turn(30 * DAY)
        await there.feed.look()
        assert not there.revoked.has("revoked ten minutes ago")
        clock.turn(-30 * DAY)
        await there.feed.look()
        assert there.revoked.has("revoked ten minutes ago")


async def test_a_database_clock_that_is_put_back(here: SessionEngine, there: SessionEngine) -> None:
    """After a fail-over to a server whose clock is behind, new rows are older than the last look: they are found."""
    await insert_row(here.db, "stamped by the clock that was ahead", -40_000)
    await there.feed.look()
    there.feed._cursor_ms += 40_000  # it looked while the clock was ahead
    await record(here, ["stamped after it was put back"])
    await there.feed.look()
    assert there.revoked.has("stamped after it was put back")


async def test_a_node_that_is_cut_off_for_long_asks_the_database(
    here: SessionEngine, database_url: str, clock: ManualClock
) -> None:
    """F-20: within the bound a node goes by what it knows; beyond, each verification is exact."""
    gone, living = [await sign_in(here) for _ in range(2)]
    async with running_node(database_url, clock, revocation_staleness_ms=1_000) as cut_off:
        await freeze(cut_off)
        await revoke.revoke_sessions(here, [gone.access_token.handle])
        assert not await is_refused(cut_off, gone)
        await soon(lambda: is_refused(cut_off, gone))
        assert not cut_off.revoked.has(gone.access_token.handle)
        assert not await is_refused(cut_off, living)


async def test_a_node_may_be_told_to_go_on_for_ever(here: SessionEngine, database_url: str, clock: ManualClock) -> None:
    """`revocation_staleness_ms=None`: rather believe a token than fail while the database is away."""
    async with running_node(database_url, clock, revocation_staleness_ms=None) as cut_off:
        await freeze(cut_off)
        cut_off.feed._looked_at = -1e9
        assert not cut_off.feed.is_stale()
    async with running_node(database_url, clock) as bounded:
        await freeze(bounded)
        assert not bounded.feed.is_stale()
        bounded.feed._looked_at = -1e9
        assert bounded.feed.is_stale()


async def test_cut_off_from_the_database_too_it_is_an_outage(
    here: SessionEngine, database_url: str, clock: ManualClock
) -> None:
    """Beyond the bound and without a database nobody knows: come back later, and no token is cleared."""
    granted = await sign_in(here)
    async with running_node(database_url, clock) as cut_off:
        await freeze(cut_off)
        await cut_off.db.stop()
        assert not await is_refused(cut_off, granted)
        cut_off.feed._looked_at = -1e9
        with pytest.raises(StorageUnavailable):
            await verify_access_token(cut_off, granted.access_token.text)


async def test_nothing_runs_on_after_a_stop(database_url: str, clock: ManualClock) -> None:
    """Stopping ends all work in the background, at once, also in the midst of a look; it can be started again."""
    before = asyncio.all_tasks()
    async with running_node(database_url, clock) as engine:
        assert before != asyncio.all_tasks()
        await engine.feed.start()  # again: does nothing
        await engine.stop()
        assert before == asyncio.all_tasks()
        await engine.start()
        granted = await sign_in(engine)
        await revoke.revoke_sessions(engine, [granted.access_token.handle])
        assert await is_refused(engine, granted)
    assert before == asyncio.all_tasks()


async def freeze(engine: SessionEngine) -> None:
    """Cut a node off from the feed: nothing reads any more, and it does not know why."""
    for loop in engine.feed._loops:
        await loop.stop()


async def record(engine: SessionEngine, handles: list[str]) -> None:
    """Write handles as another process does when it ends their sessions."""
    await engine.db.write(lambda tx: record_revoked(tx, engine.app_id, handles))


ROWS = Statement("select handle from {revoked_handles} order by revoked_at_ms, handle")
INSERT_LATE = Statement("""
    insert into {revoked_handles} (app_id, revoked_at_ms, handle) values ('public', {now_ms} - :age_ms, :handle)
""")


async def rows(db: Database) -> list[str]:
    """The handles in the table."""
    return [row["handle"] for row in await db.list(ROWS)]


async def insert_row(db: Database, handle: str, age_ms: int) -> None:
    """A row with a stamp of the past, as a transaction leaves that took long to commit."""
    await db.write(lambda tx: tx.execute(INSERT_LATE, handle=handle, age_ms=age_ms))
