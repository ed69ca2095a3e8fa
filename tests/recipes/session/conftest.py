"""A wired session recipe on each kind of database, with a clock to turn by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from tests.recipes.engine import make_tenant, running_engine
from tests.sessions.nodes import ManualClock
from watchword.database.database import Database
from watchword.recipes.engine import Engine
from watchword.recipes.session.programmatic import Sessions
from watchword.recipes.session.recipe import Session

Wire = Callable[[Session], Awaitable[Session]]


@pytest.fixture
def clock() -> ManualClock:
    """The clock of everything."""
    return ManualClock()


@pytest.fixture
async def engine(db: Database, clock: ManualClock) -> AsyncIterator[Engine]:
    """The floors below, with a second tenant."""
    async with running_engine(db) as engine:
        await make_tenant(engine, "t1")
        yield replace(engine, clock=clock)


@pytest.fixture
def wire(engine: Engine) -> Wire:
    """Wires a session recipe of the test's own."""

    async def wired(recipe: Session) -> Session:
        recipe.bind(replace(engine, sessions=recipe))
        await recipe.start()
        return recipe

    return wired


@pytest.fixture
async def recipe(wire: Wire) -> Session:
    """The session recipe as shipped, but for keys that are made in no time."""
    return await wire(Session(signing_key_algorithm="EdDSA"))


@pytest.fixture
def sessions(recipe: Session) -> Sessions:
    """`auth.sessions`."""
    return Sessions(recipe)
