"""Recording: with the transaction or not at all, beside it without waiting, and never without bound."""

import json
from typing import Any

import pytest

from tests.audit.logs import ManualClock, new_log, record, rows, tamper
from watchword.audit import log as log_module
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.verification import get_anchor
from watchword.database.database import Database, Transaction
from watchword.database.migrations import load_migrations, migrate


async def test_an_event_is_there_exactly_when_its_transaction_commits(db: Database, audit: AuditLog) -> None:
    """No event without what it tells of, and nothing that is told without its event."""

    async def fails(tx: Transaction) -> None:
        await audit.record(tx, SecurityEvent("password_changed", user_id="ada"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.write(fails)
    assert [] == await rows(db)

    await record(db, audit, SecurityEvent("password_changed", user_id="ada"))
    assert ["password_changed"] == [row["kind"] for row in await rows(db)]


async def test_all_of_an_event_is_stored(db: Database, audit: AuditLog, clock: ManualClock) -> None:
    """Time, tenant, user, session, client, reason and result (LG-2)."""
    await record(
        db,
        audit,
        SecurityEvent(
            "session_revoked",
            tenant_id="acme",
            user_id="ada",
            handle="h1",
            address="198.51.100.7",
            reason="stolen laptop",
            facts={"cause": "by_application", "number": 3},
        ),
    )

    (row,) = await rows(db)
    assert ("acme", "ada", "h1", "198.51.100.7", "stolen laptop", clock.now_ms()) == tuple(
        row[name] for name in ("tenant_id", "user_id", "handle", "address", "reason", "at_ms")
    )
    assert {"cause": "by_application", "number": 3} == json.loads(row["facts"])


async def test_what_is_noted_is_stored_in_order(db: Database, audit: AuditLog) -> None:
    """Events without a write of ours wait in memory and are stored behind the request, in the order they came."""
    for number in range(450):
        audit.note(SecurityEvent("sign_in_failed", facts={"number": number}))
    await audit.flush()

    assert list(range(450)) == [json.loads(row["facts"])["number"] for row in await rows(db)]


async def test_a_flood_is_dropped_counted_and_told(
    db: Database, audit: AuditLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: fail to sign in faster than the database writes, until the memory is full.

    What is over the bound is dropped; how much stands in the log itself, and in the lines.
    """
    monkeypatch.setattr(log_module, "MOST_NOTED", 10)
    for _ in range(25):
        audit.note(SecurityEvent("sign_in_failed"))
    await audit.flush()

    stored = await rows(db)
    assert 10 == [row["kind"] for row in stored].count("sign_in_failed")
    assert [{"number": 15}] == [json.loads(row["facts"]) for row in stored if row["kind"] == "events_dropped"]
    assert "15 security events were dropped" in caplog.text


async def test_the_same_again_is_noted_once_in_a_while(db: Database, audit: AuditLog, clock: ManualClock) -> None:
    """Attack: fill the log with what one can cause at will. The same event is noted once in its time."""
    for address in ("198.51.100.7", "198.51.100.7", "198.51.100.8"):
        audit.note(SecurityEvent("limit_reached", address=address, facts={"limit": "sign_in"}), quiet_ms=60_000)
    clock.turn(60_000)
    audit.note(SecurityEvent("limit_reached", address="198.51.100.7", facts={"limit": "sign_in"}), quiet_ms=60_000)
    await audit.flush()

    assert ["198.51.100.7", "198.51.100.7", "198.51.100.8"] == sorted(row["address"] for row in await rows(db))


async def test_a_clock_that_was_ahead_silences_nothing_for_long(
    db: Database, audit: AuditLog, clock: ManualClock
) -> None:
    """A jump of a year, and back: the same event is noted again after its time."""
    clock.turn(365 * 86_400_000)
    audit.note(SecurityEvent("limit_reached"), quiet_ms=60_000)
    clock.turn(-365 * 86_400_000)
    audit.note(SecurityEvent("limit_reached"), SecurityEvent("limit_reached"), quiet_ms=60_000)
    await audit.flush()
    assert 2 == len(await rows(db))


async def test_an_event_that_cannot_be_stored_keeps_no_other_back(
    db: Database, audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in one call must not cost all events that come after it."""
    broken: Any = {"number": 1 << 99, "thing": object()}
    audit.note(SecurityEvent("sign_in"), SecurityEvent("sign_in_failed", facts=broken), SecurityEvent("sign_up"))
    await audit.flush()
    assert ["sign_in", "sign_up"] == [row["kind"] for row in await rows(db)]
    assert "of kind sign_in_failed cannot be stored" in caplog.text


@pytest.mark.parametrize(
    ("setting", "address", "stored"),
    [
        ("full", "198.51.100.7", "198.51.100.7"),
        ("full", "2001:db8:1:2::7", "2001:db8:1:2::7"),
        ("network", "198.51.100.7", "198.51.100.0/24"),
        ("network", "2001:db8:1:2::7", "2001:db8:1::/48"),
        ("none", "198.51.100.7", None),
        ("full", "no address", None),
    ],
)
async def test_addresses_are_stored_as_set(sqlite_db: Database, setting: str, address: str, stored: str | None) -> None:
    """How much of an address is kept is the application's choice."""
    log = new_log(sqlite_db, ManualClock(), addresses=setting)
    await log.start()
    await record(sqlite_db, log, SecurityEvent("sign_in", address=address))
    await log.stop()

    assert stored == (await rows(sqlite_db))[0]["address"]


async def test_no_character_makes_an_event_fail(db: Database, audit: AuditLog) -> None:
    """Attack: sign in with an id that the database cannot store, so that the failure is not recorded (LG-3)."""
    audit.note(SecurityEvent("sign_in_failed", user_id="a\x00b\ud800\n", reason="x" * 9_999))
    await audit.flush()

    (row,) = await rows(db)
    assert "a�b?\n" == row["user_id"]
    assert 500 == len(row["reason"])


async def test_old_events_go_and_the_end_of_the_chain_is_logged(
    db: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What each process does every ten minutes: the line is an anchor on another medium than the database."""
    monkeypatch.setattr(log_module, "_REMOVE_SECONDS", 0.0)
    await migrate(db, load_migrations(["watchword.audit"]))
    log = new_log(db, clock, keep_days=365)
    writer = await log.open()
    await record(db, log, SecurityEvent("sign_in"), SecurityEvent("sign_up"))
    await writer.chain_all()
    await tamper(db, "update {audit_events} set chained_at_ms = 0 where kind = 'sign_in'")
    clock.turn(10**12)

    with caplog.at_level("INFO"):
        await log._wait_and_remove(writer)
    await log.flush()

    assert ["events_removed", "sign_up"] == sorted(row["kind"] for row in await rows(db))
    assert f"the audit log ends at {await get_anchor(db, 'public')}" in caplog.text


async def test_what_a_stop_cannot_store_is_told(sqlite_db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The database is away when the process ends: how much is lost stands in the log."""
    log = new_log(sqlite_db, ManualClock())
    await log.start()
    await log.stop()
    await log.open()  # without the background, which might be quicker than this test
    log.note(SecurityEvent("sign_in_failed"), SecurityEvent("sign_in_failed"))
    await sqlite_db.stop()
    await log.stop()
    assert "2 security events are lost" in caplog.text
