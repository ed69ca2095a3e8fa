"""A standby that takes over, and a pooler that is restarted: the servers are those of `tests/services`."""

import asyncio

from tests.chaos.storm import Fault, Storm
from tests.services.pgbouncer import PgBouncer
from tests.services.standby import Pair


def fail_over_of(pair: Pair) -> Fault:
    """The primary loses its power under load, and the synchronous standby is promoted; it can happen once."""

    async def fault(storm: Storm) -> None:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(pair.fail_over)
        storm.note()
        await asyncio.sleep(1.0)

    return fault


def restart_of(pooler: PgBouncer) -> Fault:
    """PgBouncer is killed and started again."""

    async def fault(storm: Storm) -> None:
        for word in ("KILL", "TERM"):
            await asyncio.sleep(0.4)
            await asyncio.to_thread(pooler.stop, word)
            storm.note()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(pooler.start)

    return fault
