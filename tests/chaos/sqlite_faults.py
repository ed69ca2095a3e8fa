"""What goes wrong with an SQLite file."""

import asyncio
import sqlite3
import threading

from tests.chaos.storm import Fault, Storm


async def file_locked(storm: Storm) -> None:
    """Another process writes and does not come to an end, for less and for longer than a request waits."""
    path = storm.company.database.removeprefix("sqlite:///")
    for seconds in (0.3, storm.random.choice((1.0, 6.0))):
        await asyncio.sleep(0.2)
        storm.note()
        await asyncio.to_thread(_hold, path, seconds)


def _hold(path: str, seconds: float) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("begin immediate")
    threading.Event().wait(seconds)
    connection.execute("rollback")
    connection.close()


SQLITE_FAULTS: dict[str, Fault] = {"file locked": file_locked}
