"""A database that kills its own process at a chosen commit point, so that the product needs no code for it.

Given to `Watchword` as its `database`, it stands between the product and the real one. A point is a place where a
process may die with something half done: around each read, before a transaction, in it when its last statement has
run, and after its commit, before anybody can be told of it.
"""

import os
import resource
import signal
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from watchword.database.database import Body, Database, Listening, Row, Transaction
from watchword.database.statements import Statement

T = TypeVar("T")

_FRAME_HEADER = 24
_LOG_HEADER = 32


class Doom:
    """Ends this process, at once and without a goodbye, at a chosen point.

    Args:
        at: Which point, counted from 1; 0 is never.
        torn: Instead, which transaction, counted from 1, and after how many bytes of its commit; SQLite only.
    """

    def __init__(self, at: int = 0, torn: tuple[int, int] | None = None) -> None:
        self._left = at
        self._torn = torn
        self._transactions = 0

    def reach(self) -> None:
        """Pass a point, or die there."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def begin_commit(self, log: Path | None) -> None:
        """Have the kernel kill this process in the middle of what the commit writes into SQLite's log."""
        self._transactions += 1
        if self._torn is not None and self._torn[0] == self._transactions:
            assert log is not None
            soft = next_byte_of(log) + self._torn[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    def end_commit(self) -> None:
        """The commit wrote less than that: go on unharmed."""
        if self._torn is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


doom: ContextVar[Doom | None] = ContextVar("doom", default=None)
"""What awaits the work of a request, with all that it starts."""


class DeadlyDatabase:
    """A `Database` that does what the real one does, as long as it lives.

    Args:
        inner: The real one.
        log: SQLite's write-ahead log; `None` on PostgreSQL.
        from_the_start: What awaits everything that no request asks for, the first start among it.
    """

    def __init__(self, inner: Database, log: Path | None, from_the_start: Doom | None = None) -> None:
        self.rendering = inner.rendering
        self._inner = inner
        self._log = log
        self._from_the_start = from_the_start

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def write(self, body: Body[T], *, durable: bool = True) -> T:
        return await self._transact(partial(self._inner.write, durable=durable), body)

    async def write_schema(self, body: Body[T]) -> T:
        return await self._transact(self._inner.write_schema, body)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        return await self._around(self._inner.find, statement, parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        return await self._around(self._inner.list, statement, parameters)

    async def listen(self, channel: str, heard: Callable[[], None]) -> Listening | None:
        return await self._inner.listen(channel, heard)

    async def signal(self, channel: str) -> None:
        await self._inner.signal(channel)

    async def _around(self, read: Callable[..., Any], statement: Statement, parameters: dict[str, Any]) -> Any:
        found = doom.get() or self._from_the_start
        if found is None:
            return await read(statement, **parameters)
        found.reach()
        answer = await read(statement, **parameters)
        found.reach()
        return answer

    async def _transact(self, write: Callable[[Body[T]], Any], body: Body[T]) -> T:
        found = doom.get() or self._from_the_start
        if found is None:
            return await write(body)

        async def watched(transaction: Transaction) -> T:
            result = await body(transaction)
            found.reach()
            found.begin_commit(self._log)
            return result

        found.reach()
        result = await write(watched)
        found.end_commit()
        found.reach()
        return result


def next_byte_of(log: Path) -> int:
    """Where SQLite writes next into its write-ahead log. Source: sqlite.org/walformat.html, sections 2.1 and 2.2.

    Args:
        log: The `-wal` file; the index of it lies beside, in `-shm`.
    """
    index = log.with_name(log.name.removesuffix("-wal") + "-shm").read_bytes()[:136]
    page_size = int.from_bytes(index[14:16], "little")
    frames, written_back = (int.from_bytes(index[at : at + 4], "little") for at in (16, 96))
    if frames == written_back:  # all of it is in the database: the log begins anew
        frames = 0
    return _LOG_HEADER + frames * ((1 if page_size == 1 else page_size) + _FRAME_HEADER) if frames else 0


def log_of(url: str) -> Path | None:
    """The write-ahead log of an SQLite URL, `None` for PostgreSQL."""
    scheme, _, path = url.partition(":///")
    return Path(f"{path}-wal") if scheme == "sqlite" else None
