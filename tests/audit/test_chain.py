"""The chain: every event gets one place, whoever chains and whoever dies, and what stands there proves itself."""

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit.logs import (
    DAY,
    SECRET,
    ManualClock,
    chain,
    new_log,
    problems,
    record,
    rows,
    tamper,
    verify,
)
from watchword.audit import chain as chain_module
from watchword.audit import verification
from watchword.audit.chain import ChainDamaged, ChainWriter, read_chain_key
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.verification import get_anchor
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError


def signed_in(number: int) -> SecurityEvent:
    """An event that can be told from others."""
    return SecurityEvent("sign_in", user_id="ada", address="198.51.100.7", facts={"number": number})


async def test_events_get_places_in_batches_and_the_log_is_whole(
    db: Database, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places count up without a gap, over several batches; then nothing is found."""
    monkeypatch.setattr(chain_module, "BATCH_SIZE", 3)
    for number in range(10):
        await record(db, audit, signed_in(number))
    assert 10 == (await verify(db)).waiting
    await chain(db, audit)

    found = await verify(db)
    assert (True, 10, 0) == (found.is_whole, found.checked, found.waiting)
    assert list(range(1, 11)) == sorted(row["seq"] for row in await rows(db))


async def test_an_empty_log_is_whole(db: Database, audit: AuditLog) -> None:
    """Nothing recorded, nothing wrong."""
    assert ((True, 0), "0") == (
        ((await verify(db)).is_whole, (await verify(db)).checked),
        str(await get_anchor(db, "public")).split(":")[1],
    )


async def test_two_processes_that_chain_at_once_give_each_place_once(
    database_url: str, db: Database, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A race of many small batches from two processes, while both record: one chain comes of it."""
    monkeypatch.setattr(chain_module, "BATCH_SIZE", 2)
    monkeypatch.setattr(chain_module, "LEASE_MS", 1)
    other_db = open_database(database_url)
    await other_db.start()
    other = new_log(other_db, ManualClock())
    await other.open()

    async def work(database: Database, log: AuditLog) -> None:
        for number in range(15):
            await record(database, log, signed_in(number))
            await chain(database, log)

    await asyncio.gather(work(db, audit), work(other_db, other))
    await chain(db, audit)
    await chain(other_db, other)
    await other_db.stop()

    found = await verify(db)
    assert ([], 30, 0) == (found.problems, found.checked, found.waiting)


async def test_while_one_process_chains_the_others_leave_it_alone(db: Database, audit: AuditLog) -> None:
    """The lease: a second process does nothing, and goes on when it has run out."""
    await record(db, audit, signed_in(1))
    await chain(db, audit)
    await record(db, audit, signed_in(2))
    key = await read_chain_key(db, "public", SecretRing(SECRET))
    second = ChainWriter(db, "public", key, audit.note)
    assert 0 == await second.chain_all()

    await tamper(db, "update {audit_chains} set until_ms = 0")
    assert 1 == await second.chain_all()


async def test_a_process_that_dies_in_a_batch_has_given_no_place(
    db: Database, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle: the whole batch is undone, and another process gives the places."""
    for number in range(5):
        await record(db, audit, signed_in(number))

    class Killed(BaseException):
        """As good as SIGKILL for the transaction."""

    def die(*_: Any) -> bytes:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(chain_module.ChainKey, "head", die)
        with pytest.raises(Killed):
            await chain(db, audit)
    assert {None} == {row["seq"] for row in await rows(db)}

    await chain(db, audit)
    assert [] == await problems(db)


async def test_old_events_go_and_the_rest_still_proves_itself(db: Database, audit: AuditLog) -> None:
    """Removed by age from the beginning on; what stays is checked against where the rest was cut off."""
    for number in range(10):
        await record(db, audit, signed_in(number))
    writer = await chain(db, audit)
    anchor = (await verify(db)).anchor
    assert 0 == await writer.remove_old(DAY, 2**53)
    assert 10 == await writer.remove_old(-DAY, 2**53)
    for number in range(3):
        await record(db, audit, signed_in(number))
    await audit.flush()
    await writer.chain_all()

    found = await verify(db, anchor)
    assert ([], 10, 4, False) == (found.problems, found.removed_seq, found.checked, found.anchor_is_removed)
    assert ["events_removed"] == [row["kind"] for row in await rows(db) if row["kind"] != "sign_in"]

    await writer.remove_old(-DAY, 2**53)
    assert (await verify(db, anchor)).anchor_is_removed


async def test_a_log_at_work_is_found_whole(db: Database, audit: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows, is cut at the beginning and loses persons while it is read: no false alarm."""
    monkeypatch.setattr(verification, "_PAGE_SIZE", 3)
    done = asyncio.Event()

    async def work() -> None:
        for number in range(40):
            await record(db, audit, signed_in(number))
            writer = await chain(db, audit)
            if number % 10 == 5:
                await writer.remove_old(-DAY, 2**53)
            if number % 10 == 8:
                await db.write(lambda tx: audit.erase_user(tx, "ada"))
        done.set()

    async def watch() -> int:
        looks = 0
        while not done.is_set():
            assert [] == await problems(db)
            looks += 1
        return looks

    _, looks = await asyncio.gather(work(), watch())
    assert looks > 1


async def test_a_clock_that_runs_ahead_removes_nothing_that_is_to_be_kept(db: Database, audit: AuditLog) -> None:
    """The earlier of two clocks counts, and neither is the event's own."""
    await record(db, audit, signed_in(1))
    writer = await chain(db, audit)
    assert 0 == await writer.remove_old(DAY, 2**53)
    assert 0 == await writer.remove_old(-DAY, 0)


async def test_a_person_is_taken_out_and_the_chain_holds(db: Database, audit: AuditLog) -> None:
    """Erased are user id, addresses and reasons; events stay, the log is whole, and others' are untouched."""
    await record(db, audit, SecurityEvent("sign_in", user_id="ada", address="198.51.100.7", reason="of ada"))
    await chain(db, audit)
    await record(db, audit, signed_in(1), SecurityEvent("sign_in", user_id="bob", address="198.51.100.8"))

    assert 2 == await db.write(lambda tx: audit.erase_user(tx, "ada"))
    await chain(db, audit)

    stored = await rows(db)
    assert [None, None, "bob"] == [row["user_id"] for row in stored]
    assert [None, None, "198.51.100.8"] == [row["address"] for row in stored]
    assert {None} == {row["reason"] for row in stored}
    found = await verify(db)
    assert ([], 3, 2) == (found.problems, found.checked, found.erased)


async def test_the_secret_changes_and_old_events_still_prove_themselves(db: Database, audit: AuditLog) -> None:
    """The key of the chain is sealed anew at the next start; the old secret is not needed any more."""
    await record(db, audit, signed_in(1))
    await chain(db, audit)
    newer = "another secret of the tests, over 32 bytes"
    await new_log(db, ManualClock(), secret=[newer, SECRET]).open()

    key = await read_chain_key(db, "public", SecretRing(newer))
    log = new_log(db, ManualClock(), secret=newer)
    writer = await log.open()
    await record(db, log, signed_in(2))
    await tamper(db, "update {audit_chains} set until_ms = 0")
    await writer.chain_all()
    assert key.chain_id == (await get_anchor(db, "public")).chain_id
    with pytest.raises(ConfigurationError, match="secret"):
        await problems(db)
    with pytest.raises(ConfigurationError, match="secret"):
        await audit.open()


async def test_a_log_that_went_back_is_told(db: Database, audit: AuditLog, caplog: pytest.LogCaptureFixture) -> None:
    """A restored backup or a fail-over that lost commits: the process that saw more says so, in the log as well."""
    await record(db, audit, signed_in(1))
    writer = await chain(db, audit)
    saved = await db.find(Statement("select seq, link, head_mac from {audit_chains}"))
    assert saved is not None
    await record(db, audit, signed_in(2))
    await writer.chain_all()
    await tamper(db, "delete from {audit_events} where seq = 2")
    await tamper(
        db,
        "update {audit_chains} set seq = :seq, link = :link, head_mac = :head_mac",
        seq=saved["seq"], link=bytes(saved["link"]), head_mac=bytes(saved["head_mac"]),
    )  # fmt: skip
    await record(db, audit, signed_in(3))
    await writer.chain_all()
    await audit.flush()

    assert "has been set back to 1" in caplog.text
    assert ["log_set_back"] == [row["kind"] for row in await rows(db) if row["kind"] != "sign_in"]


async def test_nothing_is_chained_onto_an_end_that_is_not_ours(db: Database, audit: AuditLog) -> None:
    """Attack: cut the end off, and let the next event make the chain look whole again. It is not given a place."""
    for number in range(3):
        await record(db, audit, signed_in(number))
    writer = await chain(db, audit)
    (last,) = [row for row in await rows(db) if row["seq"] == 2]
    await tamper(db, "delete from {audit_events} where seq = 3")
    await tamper(db, "update {audit_chains} set seq = 2, link = :link", link=bytes(last["link"]))
    await record(db, audit, signed_in(4))

    with pytest.raises(ChainDamaged, match="tampered"):
        await writer.chain_all()
    assert "the mark at the end of the chain is not ours" in (await problems(db))[0]


async def test_a_chain_that_is_gone_is_noticed_by_who_writes_it(db: Database, audit: AuditLog) -> None:
    """Attack: delete the whole log, so that a new one begins with the next start. A process that runs says so."""
    await record(db, audit, signed_in(1))
    writer = await chain(db, audit)
    await tamper(db, "delete from {audit_events}")
    await tamper(db, "delete from {audit_chains}")
    await record(db, audit, signed_in(2))
    with pytest.raises(ChainDamaged, match="gone"):
        await writer.chain_all()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Property tests say the same many times."""
    caplog.set_level(logging.CRITICAL)


STEPS = st.lists(
    st.sampled_from(["record", "record two", "note", "chain", "erase ada", "erase bob", "remove one", "restart"]),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_is_done_by_us_the_log_is_whole(sqlite_db: Database, quiet: None, steps: list[str]) -> None:
    """Recording, chaining, erasing, removing and restarting in any order leave a log that proves itself."""
    await tamper(sqlite_db, "delete from {audit_events}")
    await tamper(sqlite_db, "delete from {audit_chains}")
    log = new_log(sqlite_db, ManualClock())
    await log.open()
    for number, step in enumerate(steps):
        who = "ada" if number % 2 else "bob"
        event = SecurityEvent("sign_in", user_id=who, address="198.51.100.7", facts={"number": number})
        if step == "record":
            await record(sqlite_db, log, event)
        elif step == "record two":
            await record(sqlite_db, log, event, event)
        elif step == "note":
            log.note(event)
        elif step.startswith("erase"):
            await sqlite_db.write(lambda tx, step=step: log.erase_user(tx, step.split()[1]))
        elif step == "restart":
            await log.stop()
            await log.open()
        else:
            writer = await chain(sqlite_db, log)
            if step == "remove one":
                await writer.remove_old(-DAY, 2**53)
        assert [] == await problems(sqlite_db)
    anchor = (await verify(sqlite_db)).anchor
    await chain(sqlite_db, log)
    found = await verify(sqlite_db, anchor)
    assert ([], 0) == (found.problems, found.waiting)
