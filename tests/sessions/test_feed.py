"""The feed of revoked handles: what one process revokes, every other refuses, whatever happens to the connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Unpack

import pytest

from tests.sessions.nodes import ManualClock, make_tables, sign_in, start_node
from watchword.database.open import open_database
from watchword.errors import Unauthorised
from watchword.sessions import lifecycle
from watchword.sessions.engine import GrantedTokens, SessionEngine
from watchword.sessions.settings import SessionOptions
from watchword.sessions.verify import verify_access_token

LONG_ENOUGH_SECONDS = 20


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; fail when it does not for long."""
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


async def is_refused(engine: SessionEngine, granted: GrantedTokens) -> bool:
    """Whether an access token's session counts as revoked here."""
    try:
        await verify_access_token(engine, granted.access_token.text)
    except Unauthorised:
        return True
    return False


async def until_refused(engine: SessionEngine, *sessions: GrantedTokens) -> None:
    """Wait until all of these are refused."""
    for granted in sessions:
        await soon(lambda granted=granted: is_refused(engine, granted))


@asynccontextmanager
async def running_node(url: str, clock: ManualClock, **options: Unpack[SessionOptions]) -> AsyncIterator[SessionEngine]:
    """An engine as a process of its own has it: own connections, and all that runs in the background."""
    database = open_database(url)
    await database.start()
    try:
        await make_tables(database)
        engine = await start_node(database, clock, **options)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()
    finally:
        await database.stop()


@pytest.fixture
async def here(database_url: str, clock: ManualClock) -> AsyncIterator[SessionEngine]:
    """A running node."""
    async with running_node(database_url, clock) as engine:
        yield engine


@pytest.fixture
async def there(here: SessionEngine, database_url: str, clock: ManualClock) -> AsyncIterator[SessionEngine]:
    """Another one on the same database."""
    async with running_node(database_url, clock) as engine:
        yield engine


async def test_what_one_node_revokes_the_other_refuses(here: SessionEngine, there: SessionEngine) -> None:
    """SE-3: one, several, all of a user: verification without the database refuses them on every node."""
    one, two, three, four, living = [await sign_in(here, user) for user in ("ada", "ada", "bob", "bob", "eve")]
    for granted in (one, two, three, four, living):
        assert not await is_refused(there, granted)
    await lifecycle.revoke_sessions(here, [one.access_token.handle])
    await until_refused(there, one)
    await lifecycle.revoke_sessions(there, [two.access_token.handle, three.access_token.handle])
    await until_refused(here, two, three)
    await lifecycle.revoke_all_sessions_for_user(here, "bob", None)
    await until_refused(there, four)
    assert not await is_refused(there, living)
