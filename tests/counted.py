"""A database that writes down what is asked of it, for tests that count."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from watchword.database.database import Body, Database, Row, Transaction
from watchword.database.statements import Statement

_asked: ContextVar[list[str] | None] = ContextVar("asked", default=None)


@contextmanager
def counting() -> Iterator[list[str]]:
    """What is asked from within this block, and from nowhere else: work in the background does not count.

    A read is `find` or `list`; a transaction is `write` and the number of its statements.
    """
    asked: list[str] = []
    token = _asked.set(asked)
    try:
        yield asked
    finally:
        _asked.reset(token)


class CountedDatabase:
    """A real database, and all that is asked of it."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """See `Database`."""
        _note("find")
        return await self._inner.find(statement, **parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """See `Database`."""
        _note("list")
        return await self._inner.list(statement, **parameters)

    async def write(self, body: Body[Any], *, durable: bool = True) -> Any:
        """See `Database`."""
        counted: list[_CountedTransaction] = []

        async def watched(tx: Transaction) -> Any:
            counted.append(_CountedTransaction(tx))
            return await body(counted[-1])

        try:
            return await self._inner.write(watched, durable=durable)
        finally:
            _note(f"write {counted[-1].statements if counted else 0}")


class _CountedTransaction:
    def __init__(self, inner: Transaction) -> None:
        self._inner = inner
        self.statements = 0

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        self.statements += 1
        return await self._inner.execute(statement, **parameters)

    async def execute_many(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        self.statements += 1
        await self._inner.execute_many(statement, parameters)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        self.statements += 1
        return await self._inner.find(statement, **parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        self.statements += 1
        return await self._inner.list(statement, **parameters)


def _note(what: str) -> None:
    asked = _asked.get()
    if asked is not None:
        asked.append(what)
