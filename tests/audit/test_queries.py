"""Reading the log: filters, pages that stay where they are, and no more than was asked for."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.audit.logs import ManualClock, new_log, record
from watchword.audit.audit import Audit
from watchword.audit.events import EventKind, SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.queries import LIST_ALL, LIST_FORWARD, LIST_OF_HANDLE, LIST_OF_USER
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput
from watchword.sessions.endings import CAUSES, Cause

START_MS = 1_700_000_000_123


@pytest.fixture
async def reader(db: Database, audit: AuditLog, clock: ManualClock) -> Audit:
    """A log with 30 events, one a second, of two people in two tenants."""
    for number in range(30):
        event = SecurityEvent(
            "sign_in" if number % 3 else "sign_in_failed",
            tenant_id="acme" if number % 2 else "public",
            user_id="ada" if number % 5 else "bob",
            handle=f"h{number % 4}",
            facts={"number": number},
        )
        await record(db, audit, event)
        clock.turn(1_000)
    return Audit(db, "public", SecretRing("a secret of the tests, over 32 bytes"), audit)


def numbers(events: list[Any]) -> list[Any]:
    """Which events were found."""
    return [event.facts["number"] for event in events]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, range(30)),
        ({"user_id": "bob"}, range(0, 30, 5)),
        ({"handle": "h3"}, range(3, 30, 4)),
        ({"handle": "h0", "user_id": "bob"}, range(0, 30, 20)),
        ({"tenant_id": "acme"}, range(1, 30, 2)),
        ({"kinds": ["sign_in_failed"]}, range(0, 30, 3)),
        ({"kinds": ["sign_in_failed", "sign_up"], "tenant_id": "public", "user_id": "ada"}, [6, 12, 18, 24]),
        ({"kinds": []}, []),
        ({"since_ms": START_MS + 10_000}, range(10, 30)),
        ({"since_ms": START_MS + 10_000, "until_ms": START_MS + 12_000}, [10, 11]),
        ({"until_ms": START_MS}, []),
        ({"user_id": "nobody"}, []),
        ({"limit": 2}, [28, 29]),
    ],
)
async def test_filters(reader: Audit, filters: dict[str, Any], expected: Any) -> None:
    """By person, session, kind, time and tenant, and all of them together; the newest first."""
    assert list(expected)[::-1] == numbers(await reader.list(**filters))


async def test_pages_stay_where_they_are(db: Database, reader: Audit, audit: AuditLog) -> None:
    """What happens between two pages moves nothing: each event is on one page, once."""
    seen: list[int] = []
    before = None
    while page := await reader.list(limit=7, before=before):
        seen += [event.facts["number"] for event in page]  # type: ignore[misc] - ours are numbers
        before = page[-1].id
        await record(db, audit, SecurityEvent("sign_up", facts={"number": 99}))
    assert list(range(30))[::-1] == seen


async def test_an_export_has_all_in_order(reader: Audit) -> None:
    """The oldest first, in a span of time if wanted."""
    assert list(range(30)) == numbers([event async for event in reader.export()])
    span = reader.export(since_ms=START_MS + 5_000, until_ms=START_MS + 8_000)
    assert [5, 6, 7] == numbers([event async for event in span])


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 1_001}, {"kinds": "sign_in"}])
async def test_what_cannot_be_asked_is_refused_by_name(reader: Audit, wrong: dict[str, Any]) -> None:
    """No question brings the whole log into memory, and a text for a list is told."""
    with pytest.raises(BadInput) as refused:
        await reader.list(**wrong)
    assert next(iter(wrong)) == refused.value.field


async def test_apps_do_not_see_each_other(db: Database, reader: Audit) -> None:
    """Another app's log in the same tables is not read (TN-1)."""
    other = Audit(db, "other", SecretRing("a secret of the tests, over 32 bytes"), new_log(db, ManualClock()))
    assert [] == await other.list()
    with pytest.raises(BadInput, match="no audit log"):
        await other.get_anchor()


async def test_recording_costs_one_statement(db: Database, audit: AuditLog) -> None:
    """However many events a transaction has."""
    counted: list[str] = []

    class Counting:
        """Counts what a transaction is asked."""

        def __init__(self, tx: Transaction) -> None:
            self._tx = tx

        async def execute(self, statement: Statement, **parameters: Any) -> int:
            counted.append("execute")
            return await self._tx.execute(statement, **parameters)

        async def execute_many(self, statement: Statement, parameters: Any) -> None:
            counted.append("execute_many")
            await self._tx.execute_many(statement, parameters)

        async def find(self, statement: Statement, **parameters: Any) -> Row | None:
            raise AssertionError

        async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
            raise AssertionError

    events = [SecurityEvent("sign_in")] * 50
    await db.write(lambda tx: audit.record(Counting(tx), events[0]))
    await db.write(lambda tx: audit.record(Counting(tx), *events))
    assert ["execute", "execute_many"] == counted


async def test_every_question_goes_by_an_index(sqlite_db: Database) -> None:
    """A log of years is not read through for one person, one session or one page."""
    for statement in (LIST_ALL, LIST_FORWARD, LIST_OF_HANDLE, LIST_OF_USER):
        compiled = sqlite_db.rendering.compile(statement)
        plan = await sqlite_db.list(
            Statement(f"explain query plan {statement.text}"), **dict.fromkeys(compiled.names, "")
        )
        steps = [row["detail"] for row in plan]
        assert any("USING INDEX" in step or "USING PRIMARY KEY" in step for step in steps), steps
        assert not any(step.startswith("SCAN audit") or "TEMP B-TREE" in step for step in steps), steps


def test_every_kind_and_cause_is_explained() -> None:
    """What stands in the log can be looked up."""
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert set(get_args(EventKind)) <= explained
    assert set(get_args(Cause)) == set(CAUSES)
    assert all(f"`{cause}`" in page for cause in CAUSES)
