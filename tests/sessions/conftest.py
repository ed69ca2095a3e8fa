"""One node, and a second one on the same database, for each kind of database."""

from collections.abc import AsyncIterator

import pytest

from tests.sessions.nodes import ManualClock, make_tables, start_node
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.sessions.engine import SessionEngine


@pytest.fixture
def clock() -> ManualClock:
    """The clock of all nodes."""
    return ManualClock()


@pytest.fixture
async def node(db: Database, clock: ManualClock) -> SessionEngine:
    """A started engine."""
    await make_tables(db)
    return await start_node(db, clock)


@pytest.fixture
async def other_db(database_url: str) -> AsyncIterator[Database]:
    """The same database, opened a second time, as another process does."""
    database = open_database(database_url)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def other_node(node: SessionEngine, other_db: Database, clock: ManualClock) -> SessionEngine:
    """A second engine on the database of the first."""
    return await start_node(other_db, clock)
