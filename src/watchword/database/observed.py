"""A database whose transactions and reads are seen: each a span and a measurement, and otherwise as the one inside."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from watchword.database.database import Body, Database, Listening, Row
from watchword.database.statements import Statement
from watchword.database.usage import Usage
from watchword.errors import Overloaded, StorageUnavailable, WatchwordError
from watchword.telemetry.instruments import DATABASE
from watchword.telemetry.telemetry import Operation, Telemetry, code_of

T = TypeVar("T")


class ObservedDatabase:
    """A `Database` around another one. Used where OpenTelemetry is installed, and nowhere else.

    A span has the text of a read, whose values stand beside it as parameters and are not told; of a transaction, that
    it was one: its statements are chosen by what it finds.
    """

    def __init__(self, inner: Database, telemetry: Telemetry) -> None:
        self.rendering = inner.rendering
        self._inner = inner
        self._telemetry = telemetry
        self._system = "postgresql" if inner.rendering.dialect == "postgres" else "sqlite"

    async def start(self) -> None:
        """See `Database`."""
        await self._inner.start()

    async def stop(self) -> None:
        """See `Database`."""
        await self._inner.stop()

    async def write(self, body: Body[T], *, durable: bool = True) -> T:
        """See `Database`; the span covers the wait for a connection, all tries and the commit."""
        with self._seen("transaction"):
            return await self._inner.write(body, durable=durable)

    async def write_schema(self, body: Body[T]) -> T:
        """See `Database`."""
        with self._seen("schema"):
            return await self._inner.write_schema(body)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """See `Database`."""
        with self._seen("find") as operation:
            operation.note("db.query.text", statement.text)
            return await self._inner.find(statement, **parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """See `Database`."""
        with self._seen("list") as operation:
            operation.note("db.query.text", statement.text)
            return await self._inner.list(statement, **parameters)

    async def listen(self, channel: str, heard: Callable[[], None]) -> Listening | None:
        """See `Database`."""
        return await self._inner.listen(channel, heard)

    async def signal(self, channel: str) -> None:
        """See `Database`."""
        await self._inner.signal(channel)

    def usage(self) -> Usage:
        """See `Database`."""
        return self._inner.usage()

    def _seen(self, operation: str) -> AbstractContextManager[Operation]:
        labels = {"db.system.name": self._system, "db.operation.name": operation}
        return self._telemetry.operation(f"database {operation}", DATABASE, labels, kind="client", failure=_outage)


def _outage(error: BaseException) -> str | None:
    """What makes an operation a failed one: a body that refuses and rolls back has done what it should."""
    refused = isinstance(error, WatchwordError) and not isinstance(error, StorageUnavailable | Overloaded)
    return None if refused else code_of(error)
