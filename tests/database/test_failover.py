"""A standby takes over from a primary that is gone: real streaming replication, and what a `Database` makes of it."""

import asyncio

from tests.database.things import LIST_THINGS, add, create_things
from tests.services.standby import Pair
from watchword.database.open import open_database
from watchword.errors import StorageUnavailable


async def test_acknowledged_writes_survive_a_fail_over(postgres_pair: Pair) -> None:
    """F-05: the primary loses its power under load: what was answered is at the synchronous standby, and it goes on."""
    database = open_database(postgres_pair.create_database())
    await database.start()
    await create_things(database)
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def write(worker: int) -> None:
        for number in range(100_000):
            await add(database, f"{worker} {number}")
            acknowledged.append(f"{worker} {number}")
            if len(acknowledged) == 200:
                enough.set()

    workers = asyncio.gather(*(write(worker) for worker in range(4)), return_exceptions=True)
    await enough.wait()
    await asyncio.to_thread(postgres_pair.fail_over)
    assert all(isinstance(answer, StorageUnavailable) for answer in await workers)

    assert await add(database, "afterwards") is not None
    stored = {row["id"] for row in await database.list(LIST_THINGS)}
    assert set() == set(acknowledged) - stored
    await database.stop()
