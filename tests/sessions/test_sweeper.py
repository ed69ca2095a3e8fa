"""The sweeper: what has ended goes and what lives stays, one process at a time, whoever dies in the middle."""

import asyncio
import os
import signal
import sys
import textwrap

import asyncpg
import pytest

from tests.sessions.nodes import DAY, ManualClock, make_tables, sign_in, start_node
from tests.sessions.test_feed import insert_row, rows, running_node, soon
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.sessions import information
from watchword.sessions.engine import SessionEngine
from watchword.sessions.sweeper import LEASE, LEASE_MS, TAKE_LEASE, Sweeper

#: Both clocks must be past the end: the database has its own, and that is later than the one of these tests.
PAST_THE_END = 100 * DAY + DAY  # the idle life of a session, and the day that its row stays
HOUR_AND_MORE = 2 * 3_600_000

HANDLES = Statement("select handle from {sessions} order by handle")
LET_LEASE_RUN_OUT = Statement("update {leases} set until_ms = {now_ms} - 1")
FIND_LEASE = Statement("select holder, until_ms - {now_ms} as left_ms from {leases}")


async def handles(db: Database) -> list[str]:
    """The handles of all sessions in the table."""
    return [row["handle"] for row in await db.list(HANDLES)]


async def run_out(db: Database) -> None:
    """Let the lease end, as it does when whoever held it has died."""
    await db.write(lambda tx: tx.execute(LET_LEASE_RUN_OUT))


async def test_what_has_ended_goes_and_what_lives_stays(node: SessionEngine, clock: ManualClock) -> None:
    """Sessions a day past their end, and handles that no token can need any more, are removed in batches."""
    ended = [(await sign_in(node)).access_token.handle for _ in range(7)]
    clock.turn(PAST_THE_END - DAY)
    just_ended = (await sign_in(node)).access_token.handle
    clock.turn(DAY - 1)
    for handle, age_ms in (("old", 2 * DAY), ("older", 3 * DAY), ("needed", HOUR_AND_MORE // 2)):
        await insert_row(node.db, handle, age_ms)
    sweeper = Sweeper(node, batch_size=3)
    assert 2 == await sweeper.sweep()
    assert {*ended, just_ended} == set(await handles(node.db))
    clock.turn(1)
    assert len(ended) == await sweeper.sweep()
    assert [just_ended] == await handles(node.db)
    assert ["needed"] == await rows(node.db)
    assert 0 == await sweeper.sweep()


async def test_a_session_goes_at_the_end_of_its_absolute_life_too(db: Database, clock: ManualClock) -> None:
    """Absolute life shorter than idle life: the row does not wait for the idle life."""
    await make_tables(db)
    engine = await start_node(db, clock, absolute_life_ms=DAY)
    await sign_in(engine)
    clock.turn(2 * DAY)
    assert 1 == await Sweeper(engine).sweep()


async def test_sessions_of_another_app_are_left_alone(node: SessionEngine, db: Database, clock: ManualClock) -> None:
    """TN-1: each app sweeps its own."""
    other_app = await start_node(db, clock, app_id="another")
    kept = (await sign_in(other_app)).access_token.handle
    await sign_in(node)
    clock.turn(PAST_THE_END)
    assert 1 == await Sweeper(node).sweep()
    assert [kept] == await handles(db)


async def test_a_clock_far_ahead_removes_nothing(node: SessionEngine, clock: ManualClock) -> None:
    """F-15: one machine's clock jumps years ahead; by the database's clock the session lives, and it stays."""
    clock.turn(50 * 365 * DAY)
    kept = (await sign_in(node)).access_token.handle
    clock.turn(PAST_THE_END)
    assert 0 == await Sweeper(node).sweep()
    assert [kept] == await handles(node.db)


WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


async def test_a_session_that_is_prolonged_meanwhile_is_kept(postgres_url: str, clock: ManualClock) -> None:
    """The end is looked at again under the row's lock: a session prolonged since it was found stays."""
    async with running_node(postgres_url, clock) as node:
        kept = (await sign_in(node)).access_token.handle
        clock.turn(PAST_THE_END)
        other = await asyncpg.connect(postgres_url)
        change = other.transaction()
        await change.start()
        await other.execute("update sessions set expires_at_ms = expires_at_ms + 1000000")
        sweeping = asyncio.create_task(Sweeper(node).sweep())
        watcher = await asyncpg.connect(postgres_url)

        async def waits() -> bool:
            return await watcher.fetchval(WAITS) == 1

        await soon(waits)
        await change.commit()
        assert 0 == await sweeping
        assert [kept] == await handles(node.db)
        await other.close()
        await watcher.close()


async def test_one_sweeps_at_a_time(node: SessionEngine, other_node: SessionEngine, clock: ManualClock) -> None:
    """Two nodes at once: one has the lease, the other removes nothing, and together they remove each row once."""
    for _ in range(20):
        await sign_in(node)
    clock.turn(PAST_THE_END)
    sweepers = [Sweeper(node, batch_size=3), Sweeper(other_node, batch_size=3)]
    assert [0, 20] == sorted(await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers)))
    assert [] == await handles(node.db)
    await sign_in(node)
    clock.turn(PAST_THE_END)
    await run_out(node.db)
    assert [1, 0] == [await sweeper.sweep() for sweeper in sweepers]


async def test_a_lease_that_a_wrong_clock_gave_is_no_lock_for_ever(node: SessionEngine, clock: ManualClock) -> None:
    """The database's clock ran a year ahead when the lease was taken, and is right again."""
    await node.db.write(lambda tx: tx.execute(TAKE_LEASE, app_id="public", name=LEASE, holder="dead", for_ms=365 * DAY))
    await sign_in(node)
    clock.turn(PAST_THE_END)
    assert 1 == await Sweeper(node).sweep()
    lease = await node.db.find(FIND_LEASE)
    assert lease is not None
    assert 0 < lease["left_ms"] <= LEASE_MS


#: A node that sweeps one row at a time, and tells when the first one has gone.
SLOW_NODE = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.sessions.nodes import ManualClock, start_node
from watchword.database.open import open_database
from watchword.sessions.sweeper import Sweeper

async def main():
    db = open_database(sys.argv[1])
    await db.start()
    engine = await start_node(db, ManualClock(int(sys.argv[2])))
    write, done = db.write, 0

    async def write_and_tell(body):
        nonlocal done
        gone = await write(body)
        done += 1
        if done == 3:
            print("three have gone", flush=True)
        return gone

    db.write = write_and_tell
    await Sweeper(engine, batch_size=1).sweep()

asyncio.run(main())
"""


async def test_a_node_is_killed_in_the_middle(
    node: SessionEngine, database_url: str, clock: ManualClock, pytestconfig: pytest.Config
) -> None:
    """Kill -9 between two batches: what was removed is removed, and when the lease has run out another goes on."""
    ended = [(await sign_in(node)).access_token.handle for _ in range(100)]
    clock.turn(PAST_THE_END)
    program = textwrap.dedent(SLOW_NODE).format(root=str(pytestconfig.rootpath))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, database_url, str(clock.now_ms()), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"three have gone\n" == await process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined] - or the pipe is left to the garbage collector
    left = len(await handles(node.db))
    assert 0 < left < len(ended)
    sweeper = Sweeper(node)
    assert 0 == await sweeper.sweep(), "the dead node holds the lease still"
    await run_out(node.db)
    assert left == await sweeper.sweep()


async def test_it_sweeps_by_itself(database_url: str, clock: ManualClock) -> None:
    """Started, a node sweeps from time to time; nobody sets up a cron. Stopped, it does not."""
    async with running_node(database_url, clock, sweep_interval_ms=1_000) as engine:
        await sign_in(engine)
        living = (await sign_in(engine)).access_token.handle
        clock.turn(PAST_THE_END)

        async def extend(tx: Transaction) -> None:
            text = "update {sessions} set expires_at_ms = expires_at_ms + :more where handle = :handle"
            await tx.execute(Statement(text), more=PAST_THE_END, handle=living)

        await engine.db.write(extend)
        sweeper = Sweeper(engine)
        sweeper.start()
        sweeper.start()

        async def is_swept() -> bool:
            return [living] == await handles(engine.db)

        await soon(is_swept)
        await sweeper.stop()
        await sweeper.stop()
        assert await information.find_session_information(engine, living) is not None


async def test_it_can_be_switched_off(database_url: str, clock: ManualClock) -> None:
    """`sweep_interval_ms=None`: for who removes rows by other means."""
    async with running_node(database_url, clock, sweep_interval_ms=None) as engine:
        before = asyncio.all_tasks()
        sweeper = Sweeper(engine)
        sweeper.start()
        assert before == asyncio.all_tasks()
        await sweeper.stop()
