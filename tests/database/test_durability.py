"""What was answered is on the disk: processes that are killed while they write (F-03)."""

import asyncio
import os
import sys
from pathlib import Path

from tests.database.things import LIST_THINGS, add, create_things
from watchword.database.open import open_database

ENOUGH = 200


async def write_for_ever(url: str) -> None:
    """Add things from several tasks at once, and print each one's id after it was acknowledged."""
    database = open_database(url)
    await database.start()

    async def write(worker: int) -> None:
        number = 0
        while True:
            await add(database, f"{worker} {number}")
            print(f"{worker} {number}", flush=True)
            number += 1

    await asyncio.gather(*(write(worker) for worker in range(8)))


async def test_acknowledged_writes_survive_the_death_of_the_process(database_url: str) -> None:
    """A process is killed with writes in flight: every acknowledged one is there, nothing is broken, others go on."""
    database = open_database(database_url)
    await database.start()
    await create_things(database)
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        database_url,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])},
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    output = b"".join([await writer.stdout.readline() for _ in range(ENOUGH)])
    writer.kill()
    output += (await writer.communicate())[0]
    acknowledged = output.decode().rpartition("\n")[0].splitlines()  # the last line may be cut

    stored = {row["id"] for row in await database.list(LIST_THINGS)}
    assert ENOUGH <= len(acknowledged)
    assert set() == set(acknowledged) - stored
    assert await add(database, "after") is not None
    await database.stop()


if __name__ == "__main__":
    asyncio.run(write_for_ever(sys.argv[1]))
