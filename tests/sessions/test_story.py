"""`watchword why`: whatever ended a session, or refused it, is told in a sentence with its time."""

from collections.abc import AsyncIterator

import pytest

from tests.audit.logs import new_log
from tests.sessions.nodes import DAY, HOUR, MINUTE, ManualClock, make_tables, refresh_token_of, sign_in, start_node
from watchword.audit.log import AuditLog
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.sessions import refresh, revoke
from watchword.sessions.endings import CAUSES, Cause, Ending
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised
from watchword.sessions.story import explain_session
from watchword.sessions.sweeper import Sweeper

BEGAN = "2023-11-14 22:13:20 UTC"  # of the manual clock
THIEF = "203.0.113.66"


@pytest.fixture
async def log(db: Database, clock: ManualClock) -> AsyncIterator[AuditLog]:
    """The audit log of the node."""
    await make_tables(db)
    await migrate(db, load_migrations(["watchword.audit"]))
    log = new_log(db, clock)
    await log.open()
    yield log
    await log.stop()


@pytest.fixture
async def node(db: Database, clock: ManualClock, log: AuditLog) -> SessionEngine:
    """A node that records."""
    return await start_node(db, clock, audit=log)


async def why(node: SessionEngine, handle: str) -> str:
    """What the command prints."""
    await node.audit.flush()
    return await explain_session(node.db, node.app_id, handle, node.clock.now_ms())


async def start(node: SessionEngine) -> tuple[str, str]:
    """A new session of Ada's: its handle and its refresh token."""
    granted = await sign_in(node)
    return granted.access_token.handle, refresh_token_of(granted)


async def test_one_that_lives(node: SessionEngine) -> None:
    """Until when, and since when."""
    handle, _ = await start(node)
    story = (await why(node, handle)).splitlines()
    assert (
        story[0] == "It lives. Unused it ends at 2024-02-22 22:13:20 UTC, and at 2024-11-13 22:13:20 UTC in any case."
    )
    assert story[-1] == f"It began at {BEGAN}, for user ada, in tenant public."


@pytest.mark.parametrize("cause", CAUSES)
async def test_one_that_was_ended(node: SessionEngine, clock: ManualClock, cause: Cause) -> None:
    """By whom, when, from where, and the reason that was given."""
    handle, _ = await start(node)
    clock.turn(HOUR)
    ending = Ending(cause=cause, reason="stolen laptop", address="198.51.100.7")
    await revoke.revoke_sessions(node, [handle], ending)

    story = (await why(node, handle)).splitlines()
    assert story[0] == f"{CAUSES[cause]} at 2023-11-14 23:13:20 UTC, in a request from 198.51.100.7."
    assert story[1] == "The reason given: stolen laptop"


async def test_one_that_was_stolen(node: SessionEngine, clock: ManualClock) -> None:
    """Which token came after which, when, and from where; then the refusals that followed."""
    handle, first = await start(node)
    clock.turn(10 * MINUTE)
    second = refresh_token_of(await refresh.refresh(node, first))
    clock.turn(10 * MINUTE)
    await refresh.refresh(node, second)
    clock.turn(10 * MINUTE)
    with pytest.raises(TokenTheftDetected):
        await refresh.refresh(node, first, address=THIEF)
    clock.turn(MINUTE)
    with pytest.raises(Unauthorised):
        await refresh.refresh(node, second)

    story = (await why(node, handle)).splitlines()
    assert story[0] == (
        f"It was ended at 2023-11-14 22:43:20 UTC, in a request from {THIEF}, because it looked stolen: a refresh "
        "token of generation 0 came back after it had been replaced; generation 1 was proved at 2023-11-14 22:33:20 "
        "UTC."
    )
    assert story[-1] == "A refresh was refused at 2023-11-14 22:44:20 UTC: the session had ended by then."


async def test_one_that_was_refused_softly(node: SessionEngine, clock: ManualClock) -> None:
    """Nothing was lost, and support can say so."""
    handle, first = await start(node)
    clock.turn(10 * MINUTE)
    second = refresh_token_of(await refresh.refresh(node, first))
    clock.turn(10 * MINUTE)
    await refresh.refresh(node, second)
    with pytest.raises(TryAgain):
        await refresh.refresh(node, first)
    story = await why(node, handle)
    assert story.startswith("It lives.")
    assert "nothing was lost" in story.splitlines()[-1]


async def test_one_that_was_not_used(node: SessionEngine, clock: ManualClock) -> None:
    """Idle, while its row is still there and after the sweeper has removed it."""
    handle, token = await start(node)
    clock.turn(node.settings.refresh_token_validity_ms)
    with pytest.raises(Unauthorised):
        await refresh.refresh(node, token)
    story = (await why(node, handle)).splitlines()
    assert story[0].startswith("It ended at 2024-02-22 22:13:20 UTC because it was not used for so long.")
    assert "the session had ended by then" in story[-1]

    clock.turn(2 * DAY)
    await Sweeper(node).sweep()
    assert (await why(node, handle)).startswith("It ran out: nobody used it for so long")


async def test_one_that_reached_its_longest_life(db: Database, clock: ManualClock, log: AuditLog) -> None:
    """Used every day, and ended all the same."""
    node = await start_node(db, clock, audit=log, absolute_life_ms=DAY)
    handle, _ = await start(node)
    clock.turn(DAY)
    assert "the longest life of a session" in (await why(node, handle)).splitlines()[0]


async def test_one_whose_row_was_lost(node: SessionEngine, db: Database) -> None:
    """A fail-over that lost commits, or somebody's hand: no event says that it was ended, so something is wrong."""
    handle, _ = await start(node)
    await db.write(lambda tx: tx.execute(Statement("delete from {sessions}")))
    assert (await why(node, handle)).startswith("It is gone, although it had until 2024-02-22 22:13:20 UTC")


async def test_one_that_was_ended_while_nothing_was_recorded(db: Database, clock: ManualClock, log: AuditLog) -> None:
    """With the log switched off the table of revoked handles still says when."""
    node = await start_node(db, clock)
    handle, _ = await start(node)
    await revoke.revoke_sessions(node, [handle])
    assert "before its time" in (await why(node, handle))


@pytest.mark.parametrize("handle", ["never-was", "", "\x00", "x" * 10_000, "'; drop table sessions; --"])
async def test_one_that_never_was(node: SessionEngine, handle: str) -> None:
    """Whatever is asked for, there is an answer."""
    assert (await why(node, handle)).startswith("Nothing is known of it")
    await start(node)
    assert f"{BEGAN}, where the audit log begins" in await why(node, handle)


async def test_one_of_a_person_who_was_erased(node: SessionEngine, db: Database) -> None:
    """The story stays, without the name."""
    handle, _ = await start(node)
    await revoke.revoke_sessions(node, [handle], Ending(cause="user_deleted"))
    await db.write(lambda tx: node.audit.erase_user(tx, "ada"))
    story = await why(node, handle)
    assert "The user was deleted" in story
    assert "ada" not in story
