"""A small table, and databases to keep it in."""

import pytest

from tests.database.things import create_things
from watchword.database.database import Database


@pytest.fixture
async def things(db: Database) -> Database:
    """A started database of each kind with the empty tables `things` and `parts`."""
    await create_things(db)
    return db
