"""The recipe on both databases, with the application's hooks of each test."""

from collections.abc import AsyncIterator

import pytest

from tests.recipes.engine import running_engine
from watchword.database.database import Database
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[Engine]:
    """Everything below a recipe, real."""
    async with running_engine(db) as running:
        yield running


@pytest.fixture
def recipe(engine: Engine) -> EmailPassword:
    """The recipe as shipped."""
    recipe = EmailPassword()
    recipe.bind(engine)
    return recipe
