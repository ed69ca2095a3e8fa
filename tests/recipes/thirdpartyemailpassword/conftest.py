"""Everything below the combined recipe, on both databases."""

from collections.abc import AsyncIterator

import pytest

from tests.recipes.engine import running_engine
from watchword.database.database import Database
from watchword.recipes.engine import Engine


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[Engine]:
    """Everything below a recipe, real."""
    async with running_engine(db) as running:
        yield running
