"""A disk without room: that of an SQLite file, and that of a whole PostgreSQL server."""

import asyncio
import resource
from contextlib import suppress

import asyncpg

from tests.chaos.storm import Fault, Storm
from tests.services.postgres import PostgresServer, execute
from tests.services.small_disk import SmallDisk

#: Beside the room it needs in the beginning, some segments of its log.
POSTGRES_SIZE = "160m"
POSTGRES_SETTINGS = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "16MB"}
_EVERYTHING = resource.RLIM_INFINITY


async def sqlite_disk_full(storm: Storm) -> None:
    """No process of ours can write to a file any more, by a limit of the kernel: every user may set it, and lift it."""
    await asyncio.sleep(0.2)
    for node in storm.nodes.values():
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (1, _EVERYTHING))
        storm.note()
    await asyncio.sleep(0.8)
    for node in storm.nodes.values():
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (_EVERYTHING, _EVERYTHING))


def postgres_disk_full(server: PostgresServer, disk: SmallDisk) -> Fault:
    """The disk of a server is filled to the last byte; at last its log needs room as well, and it crashes."""

    async def fault(storm: Storm) -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(disk.fill)
        storm.note()
        await asyncio.sleep(1.0)
        for _ in range(5):
            with suppress(OSError, asyncpg.PostgresError):
                await asyncio.to_thread(execute, server.admin_url, "select pg_switch_wal(); checkpoint")
            await asyncio.to_thread(disk.fill)
        await asyncio.sleep(0.5)
        disk.empty()
        await asyncio.to_thread(_must_run, server)

    return fault


def _must_run(server: PostgresServer) -> None:
    """Start the server again if it has given up; with room, it recovers by itself."""
    if not server.is_running:
        server.stop()
        server.start()
