"""A bounded set of connections: whoever finds none free waits a while, and then is told to come back later."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from watchword.database.postgres_driver import Connection
from watchword.database.usage import Usage
from watchword.errors import Overloaded, StorageUnavailable

LONGEST_QUEUE = 1024
IDLE_SECONDS = 300.0  # firewalls forget a silent connection, many after 350 s


class ConnectionPool:
    """Connections of one event loop, opened when needed and used again, the latest first.

    Those that nobody needed for `IDLE_SECONDS` are closed. Lost connections are dropped and opened anew at the next
    use, so the pool is well again as soon as the server is. No reset is sent between two uses: nothing here changes a
    session's state.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int, busy_seconds: float) -> None:
        self._connect = connect
        self._busy_seconds = busy_seconds
        self._size = size
        self._turns = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self._used: set[Connection] = set()
        self._waiting = 0
        self._closing = False

    async def take(self) -> Connection:
        """A connection for the caller alone; give it back with `give_back`.

        Raises:
            Overloaded: None became free in time, or too many wait.
            StorageUnavailable: Stopped.
            Exception: Whatever the driver raises when it cannot connect.
        """
        await self._wait_for_turn()
        try:
            connection = self._take_idle() or await self._open()
        except BaseException:
            self._turns.release()
            raise
        self._used.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """End the use of a connection; one that was closed, or marked by `expire`, is not kept."""
        kept = connection in self._used and not self._closing
        self._used.discard(connection)
        if kept and not connection.is_closed():
            now = time.monotonic()
            self._idle.append((connection, now))
            while self._idle[0][1] < now - IDLE_SECONDS:  # a rush is over: a hundred nodes must not keep ten each
                self._idle.pop(0)[0].terminate()
        else:
            connection.terminate()
        self._turns.release()

    def expire(self) -> None:
        """Use no connection of now again: they lead to a server that has become a replica."""
        self._used.clear()
        while self._idle:
            self._idle.pop()[0].terminate()

    def usage(self) -> Usage:
        """How busy it is."""
        return Usage(most=self._size, used=len(self._used), idle=len(self._idle), waiting=self._waiting)

    async def close(self) -> None:
        """Wait for what runs, as long as callers wait for a connection, then close all."""
        self._closing = True
        try:
            async with asyncio.timeout(self._busy_seconds):
                for _ in range(self._size):
                    await self._turns.acquire()
        except TimeoutError:
            for connection in self._used:
                connection.terminate()
        while self._idle:
            connection, _ = self._idle.pop()
            try:
                await connection.close(timeout=self._busy_seconds)
            except Exception:  # it was lost already; any kind of error says so
                connection.terminate()

    async def _wait_for_turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        if self._waiting >= LONGEST_QUEUE:
            raise Overloaded("the database")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._busy_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded("the database") from None
        finally:
            self._waiting -= 1

    async def _open(self) -> Connection:
        if self._closing:
            raise StorageUnavailable("the database was stopped")
        return await self._connect()

    def _take_idle(self) -> Connection | None:
        oldest = time.monotonic() - IDLE_SECONDS
        while self._idle:
            connection, since = self._idle.pop()
            if since > oldest and not connection.is_closed():
                return connection
            connection.terminate()
        return None
