"""Starting and stopping: what fails or is cancelled half-way leaves nothing open, and can be done again."""

import asyncio
import threading

import pytest

from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import StorageUnavailable
from watchword.recipes import EmailPassword
from watchword.recipes.recipe import Recipe

ONE = Statement("select 1 as one")


class Noted(Recipe):
    """A recipe of the application's own; fails to start or to stop as often as told."""

    def __init__(self, notes: list[str], name: str, *, failing_starts: int = 0, fails_to_stop: bool = False) -> None:
        super().__init__()
        self.notes, self.name = notes, name
        self.failing_starts, self.fails_to_stop = failing_starts, fails_to_stop

    async def start(self) -> None:
        self.notes.append(f"start {self.name}")
        if self.failing_starts:
            self.failing_starts -= 1
            raise StorageUnavailable("gone in the middle")

    async def stop(self) -> None:
        self.notes.append(f"stop {self.name}")
        if self.fails_to_stop:
            raise RuntimeError("the application's own mistake")


def make(database: Database | str, *recipes: Recipe) -> Watchword:
    """A `Watchword` with passwords and these recipes."""
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
        database=database,
        secret=SECRET,
        recipe_list=[*recipes, EmailPassword()],
        passwords=PasswordHasher(workers=1),
    )


async def assert_disconnected(database: Database) -> None:
    """It answers nothing any more."""
    with pytest.raises(StorageUnavailable):
        await database.find(ONE)


async def test_a_start_that_fails_half_way_leaves_nothing_open(database_url: str) -> None:
    """Attack: make a database flicker while servers start, until it has no connection left to give.

    What was started is stopped, the last first; what was not is not; and the next start works.
    """
    notes: list[str] = []
    database = open_database(database_url)
    auth = make(database, Noted(notes, "first"), Noted(notes, "second", failing_starts=1))
    with pytest.raises(StorageUnavailable):
        await auth.start()
    assert ["start first", "start second", "stop first"] == notes
    await assert_disconnected(database)
    await auth.start()
    assert await database.find(ONE)
    await auth.stop()
    await assert_disconnected(database)


async def test_a_database_that_forgets_is_started_again() -> None:
    """In memory everything is gone after a stop, the signing keys too: a start makes new ones."""
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost", website_domain="http://localhost"),
        database="sqlite://",
        secret=SECRET,
        recipe_list=[EmailPassword()],
    )
    for _ in range(2):
        await auth.start()
        assert 1 == len(await auth.sessions.list_handles((await auth.sessions.create("ada")).user_id))
        await auth.stop()


async def test_a_recipe_that_fails_to_stop_keeps_nobody_else_from_it(database_url: str) -> None:
    """The connections are closed whatever the application's own recipe does; its error is told."""
    notes: list[str] = []
    database = open_database(database_url)
    auth = make(database, Noted(notes, "first"), Noted(notes, "second", fails_to_stop=True))
    await auth.start()
    with pytest.raises(RuntimeError, match="own mistake"):
        await auth.stop()
    assert ["stop second", "stop first"] == notes[-2:]
    await assert_disconnected(database)
    await auth.stop()


@pytest.mark.parametrize("steps", range(0, 24, 3))
async def test_a_start_that_is_cancelled_leaves_nothing_open(database_url: str, steps: int) -> None:
    """Attack: hang up on the request that makes a server start, wherever it is by then; no thread stays behind."""
    before = set(threading.enumerate())
    database = open_database(database_url)
    auth = make(database)
    starting = asyncio.create_task(auth.start())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert [] == [t.name for t in set(threading.enumerate()) - before if t.name.startswith("watchword")]
    await assert_disconnected(database)
    await auth.start()
    await auth.stop()
