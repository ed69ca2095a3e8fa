"""A standby takes over from a primary that is gone: real streaming replication, and what a `Database` makes of it."""

import asyncio

from tests.database.things import LIST_THINGS, add, create_things
from tests.services.standby import Pair
from watchword.database.open import open_database
from watchword.errors import StorageUnavailable


async def test_acknowledged_writes_survive_a_fail_over(postgres_pair: Pair) -> None:
    """F-05: the primary loses its power under load: all that was answered is at the standby, and writing goes on there.

    By itself, through the URL that names both, with the same object.
    """
    database = open_database(postgres_pair.create_database())
    await database.start()
    await create_things(database)
    before: set[str] = set()
    after: set[str] = set()
    acknowledged, enough = before, asyncio.Event()

    async def write(worker: int) -> None:
        number = 0
        while len(after) < 200:
            number += 1
            try:
                await add(database, f"{worker} {number}")
            except StorageUnavailable:
                await asyncio.sleep(0.01)
                continue
            acknowledged.add(f"{worker} {number}")
            if len(before) >= 200:
                enough.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as workers:
        for worker in range(4):
            workers.create_task(write(worker))
        await enough.wait()
        await asyncio.to_thread(postgres_pair.fail_over)
        acknowledged = after

    stored = {row["id"] for row in await database.list(LIST_THINGS)}
    assert set() == (before | after) - stored
    await database.stop()
