"""An audit log on each database, and a second one beside it, as another process has it."""

from collections.abc import AsyncIterator

import pytest

from tests.audit.logs import ManualClock, new_log
from watchword.audit.log import AuditLog
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database


@pytest.fixture
def clock() -> ManualClock:
    """The clock of all processes."""
    return ManualClock()


@pytest.fixture
async def audit(db: Database, clock: ManualClock) -> AsyncIterator[AuditLog]:
    """A started log, tables made."""
    await migrate(db, load_migrations(["watchword.audit"]))
    log = new_log(db, clock)
    await log.start()
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
