"""An audit log on each database, and a second one beside it, as another process has it."""

from collections.abc import AsyncIterator

import pytest

from tests.audit.logs import ManualClock, chain, new_log, record, rows
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.database.database import Database, Row
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database


@pytest.fixture
def clock() -> ManualClock:
    """The clock of all processes."""
    return ManualClock()


@pytest.fixture
async def audit(db: Database, clock: ManualClock) -> AsyncIterator[AuditLog]:
    """A log without its work in the background, which tests do by hand; tables made."""
    await migrate(db, load_migrations(["watchword.audit"]))
    log = new_log(db, clock)
    await log.open()
    yield log
    await log.stop()


@pytest.fixture
async def sqlite_db(sqlite_url: str) -> AsyncIterator[Database]:
    """One database with the tables, where the kind does not matter."""
    database = open_database(sqlite_url)
    await database.start()
    await migrate(database, load_migrations(["watchword.audit"]))
    yield database
    await database.stop()


@pytest.fixture
async def ten_sqlite(sqlite_db: Database, clock: ManualClock) -> tuple[Database, list[Row]]:
    """Ten chained events, by place."""
    log = new_log(sqlite_db, clock)
    await log.open()
    for number in range(10):
        await record(sqlite_db, log, SecurityEvent("sign_in", user_id="ada", handle="h", facts={"number": number}))
    await chain(sqlite_db, log)
    return sqlite_db, sorted(await rows(sqlite_db), key=lambda row: row["seq"])
