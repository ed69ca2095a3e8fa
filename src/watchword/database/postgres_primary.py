"""Opens connections to the primary, whichever of the named servers that is now, and never goes back to an old one.

A promotion raises PostgreSQL's *timeline* by one. So when two servers take writes, the one with the lower timeline was
left behind: the old primary that came back after a fail-over and does not know of it. Whatever it is told is lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from watchword.database.postgres_driver import Connection
from watchword.database.postgres_errors import sqlstate_of
from watchword.errors import StorageUnavailable

log = logging.getLogger(__name__)

#: Opens a connection to one server, for a purpose that the server shows to its administrator.
Connect = Callable[[str], Awaitable[Connection]]

CONNECT_SECONDS = 5.0
#: How long the others are waited for when one was found that takes writes.
_OTHERS_SECONDS = 1.0

# The first eight digits of a log file's name are the timeline. The checkpoint's own may be older for a while.
_LINEAGE = """
    select system_identifier as system, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) as timeline
      from pg_control_system()
"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which cluster a server belongs to, and how many promotions lie behind it.

    Attributes:
        system: The same for a server and all copies of its files.
        timeline: Grows with each promotion.
    """

    system: int
    timeline: int

    def is_behind(self, other: "Lineage | None") -> bool:
        """Whether this is what the other was before a promotion."""
        return other is not None and self.system == other.system and self.timeline < other.timeline


Opened = tuple[Connection, Lineage | None, Connect]


class Primary:
    """The server that takes writes. Used on one event loop.

    Args:
        servers: How to connect to each server that the URL names; they raise for a server that takes no writes.
        asks_lineage: Whether a connection stays with one server, so that there is sense in asking which one.
    """

    def __init__(self, servers: Sequence[Connect], *, asks_lineage: bool) -> None:
        self._servers = servers
        self._asks_lineage = asks_lineage
        self._chosen: Connect | None = None
        self._known: Lineage | None = None

    async def connect(self, purpose: str = "watchword") -> Connection:
        """Open a connection, within `CONNECT_SECONDS` where the server is still the one it was.

        Otherwise all servers are asked side by side: one whose packets vanish does not keep the others waiting.

        Raises:
            StorageUnavailable: All that answered were left behind by a fail-over.
            Exception: Whatever the driver raises when it cannot connect.
        """
        chosen = self._chosen
        if chosen is not None:
            try:
                return self._accept(await self._open(chosen, purpose))
            except Exception:
                self.doubt()
                if len(self._servers) == 1:
                    raise
        return await self._choose(purpose)

    def doubt(self) -> None:
        """Ask all servers when the next connection is opened: the one we know takes no writes, or is silent."""
        self._chosen = None

    async def _choose(self, purpose: str) -> Connection:
        opened = await self._open_all(purpose)
        best = max(opened, key=self._promotions)
        for one in opened:
            if one is not best:
                one[0].terminate()
        return self._accept(best)

    def _accept(self, opened: Opened) -> Connection:
        connection, lineage, chosen = opened
        if lineage is not None:
            if lineage.is_behind(self._known):
                connection.terminate()
                raise StorageUnavailable("this PostgreSQL server was left behind by a fail-over")
            if self._known not in (None, lineage):
                log.warning("PostgreSQL has a new primary, on timeline %s of %s", lineage.timeline, lineage.system)
            self._known = lineage
        self._chosen = chosen
        return connection

    def _promotions(self, opened: Opened) -> tuple[bool, int]:
        """What is greater is rather the primary: of the cluster that we know, and promoted last."""
        lineage = opened[1]
        if lineage is None:
            return False, 0
        return self._known is not None and lineage.system == self._known.system, lineage.timeline

    async def _open_all(self, purpose: str) -> list[Opened]:
        """A connection to each server that takes writes and answers in time."""
        attempts = [asyncio.create_task(self._open(server, purpose)) for server in self._servers]
        try:
            await _until_one_succeeds(attempts)
        except BaseException:
            for opened in await _collect(attempts):
                if not isinstance(opened, BaseException):
                    opened[0].terminate()
            raise
        answers = await _collect(attempts)
        opened = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not opened:
            raise _most_telling([answer for answer in answers if isinstance(answer, Exception)])
        return opened

    async def _open(self, connect: Connect, purpose: str) -> Opened:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await connect(purpose)
            try:
                lineage = await _ask_lineage(connection) if self._asks_lineage else None
            except BaseException:
                connection.terminate()
                raise
        return connection, lineage, connect


async def _until_one_succeeds(attempts: Sequence[asyncio.Task[Opened]]) -> None:
    waiting = set(attempts)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if any(attempt.exception() is None for attempt in done):
            break
    if waiting:
        await asyncio.wait(waiting, timeout=_OTHERS_SECONDS)


async def _collect(attempts: Sequence[asyncio.Task[Opened]]) -> list[Opened | BaseException]:
    """What has come of the attempts; those that are still under way are given up."""
    for attempt in attempts:
        attempt.cancel()
    return await asyncio.gather(*attempts, return_exceptions=True)


async def _ask_lineage(connection: Connection) -> Lineage | None:
    """`None` where the server has no such thing: not all that speaks PostgreSQL's protocol is PostgreSQL."""
    try:
        row = await connection.fetchrow(_LINEAGE)
    except Exception as error:
        if sqlstate_of(error) is None or connection.is_closed():
            raise
        return None
    return None if row is None else Lineage(row["system"], int(row["timeline"], 16))


def _most_telling(errors: Sequence[Exception]) -> Exception:
    """What a server said, before that another did not answer."""
    return next((error for error in errors if not isinstance(error, OSError)), errors[0])
