"""One attempt at a PostgreSQL transaction, and what its errors mean."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchword.database.bodies import run_on_loop
from watchword.database.database import Row
from watchword.database.postgres_driver import Connection
from watchword.database.postgres_errors import (
    NOT_ALLOWED,
    IsStandby,
    Meaning,
    meaning_of,
    not_allowed,
    outage,
    sqlstate_of,
)
from watchword.database.rendering import Rendering
from watchword.database.statements import Statement
from watchword.errors import StorageUnavailable

ROLLBACK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a transaction is run.

    Attributes:
        begin: What opens it.
        seconds: How long the driver waits for one answer; longer than the server's own limit.
        attempts: How often it may run in all.
        again_on: SQLSTATEs on which it runs again, beside those that always do.
    """

    begin: str
    seconds: float = 15.0
    attempts: int = 4  # once, and three times again (security DB-4)
    again_on: frozenset[str] = frozenset()


class RunAgain(Exception):
    """Nothing was changed, and the transaction may run from the start; the cause is chained."""


class PostgresTransaction:
    """Statements of one body, on the connection of its transaction."""

    def __init__(self, connection: Connection, rendering: Rendering, seconds: float) -> None:
        self._connection = connection
        self._rendering = rendering
        self._seconds = seconds
        self.waiting = False
        self.problem: BaseException | None = None

    async def begin(self, manner: Manner) -> None:
        """Open the transaction."""
        try:
            await begin(self._connection, manner)
        except BaseException as error:
            self.problem = error
            raise

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        """Run a statement and return how many rows it changed."""
        return changed_rows(await self._run(self._connection.execute, statement, parameters))

    async def execute_many(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several sets of parameters, in one round trip."""
        if parameters:
            compiled = self._rendering.compile(statement)
            await self._call(self._connection.executemany, compiled.text, [compiled.bind(each) for each in parameters])

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row of the answer, or `None`."""
        return await self._run(self._connection.fetchrow, statement, parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows of the answer."""
        return await self._run(self._connection.fetch, statement, parameters)

    def check(self) -> None:
        """Raise the error of a statement that failed: a body that went on after it must not commit."""
        if self.problem is not None:
            raise self.problem

    async def _run(self, call: Any, statement: Statement, parameters: dict[str, Any]) -> Any:
        compiled = self._rendering.compile(statement)
        return await self._call(call, compiled.text, *compiled.bind(parameters))

    async def _call(self, call: Any, *arguments: Any) -> Any:
        self.waiting = True
        try:
            return await call(*arguments, timeout=self._seconds)
        except BaseException as error:
            self.problem = error
            raise
        finally:
            self.waiting = False


async def begin(connection: Connection, manner: Manner) -> None:
    """Open a transaction.

    Raises:
        IsStandby: The last statement of `manner.begin` asks whether it is a primary, and finds no row.
    """
    if await connection.execute(manner.begin, timeout=manner.seconds) == "SELECT 0":
        raise IsStandby


async def read_once(connection: Connection, body: Any, rendering: Rendering, manner: Manner) -> Any:
    """Run a body of one reading statement, without a transaction around it.

    Raises:
        RunAgain: The connection was lost, or the server asks for it.
        StorageUnavailable: The server did not answer.
    """
    transaction = PostgresTransaction(connection, rendering, manner.seconds)
    try:
        return await body(transaction)
    except BaseException as error:
        answer = _sorted(error, transaction.problem, connection, manner)
        if answer is error:
            raise
        raise answer from error


async def transact_once(connection: Connection, body: Any, rendering: Rendering, manner: Manner) -> Any:
    """Run a body in a transaction and commit it.

    Raises:
        RunAgain: The connection was lost before the commit, or the server asks for it.
        StorageUnavailable: The server did not answer, or the outcome of the commit is not known.
    """
    transaction = PostgresTransaction(connection, rendering, manner.seconds)
    try:
        await transaction.begin(manner)
        result = await run_on_loop(body(transaction), transaction)
        transaction.check()
    except BaseException as error:
        await _roll_back(connection, error)
        answer = _sorted(error, transaction.problem, connection, manner)
        if answer is error:
            raise
        raise answer from error
    await _commit(connection, manner)
    return result


async def _commit(connection: Connection, manner: Manner) -> None:
    """Commit. When the answer is lost, nobody knows the outcome; that is an outage, and not run again (DB-2).

    The driver's own time limit would tell the server to stop. A server that waits for its synchronous standby then
    shows what that standby does not have: the next caller would believe it, and a fail-over would take it back.
    """
    loop = asyncio.get_running_loop()
    giving_up = loop.call_at(loop.time() + manner.seconds, connection.terminate)
    try:
        tag = await connection.execute("commit")
    except BaseException as error:
        meaning = meaning_of(error, connection_is_closed=connection.is_closed())
        if meaning is Meaning.RUN_AGAIN:
            raise RunAgain from error
        connection.terminate()
        if meaning is Meaning.PROGRAMMING:
            raise
        raise StorageUnavailable("the connection was lost in a commit: its outcome is not known") from error
    finally:
        giving_up.cancel()
    if tag != "COMMIT":
        raise StorageUnavailable(f"the server answered {tag} to a commit")


def _sorted(
    error: BaseException, problem: BaseException | None, connection: Connection, manner: Manner
) -> BaseException:
    """What to raise for an error in a transaction: itself, unless the database caused it."""
    if error is not problem or not isinstance(error, Exception):  # a cancellation is not the database's doing
        return error
    code = sqlstate_of(error)
    if code == NOT_ALLOWED:
        return not_allowed(error)
    meaning = meaning_of(error, connection_is_closed=connection.is_closed())
    if meaning in (Meaning.RUN_AGAIN, Meaning.CONNECTION_LOST) or code in manner.again_on:
        return RunAgain()
    if meaning is not Meaning.OUTAGE:
        return error
    if isinstance(error, OSError):  # no answer in time: what the connection does now is anybody's guess
        connection.terminate()
    return outage(error)


def changed_rows(tag: str) -> int:
    """The number at the end of a server's tag, like `UPDATE 3`; 0 where there is none."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


async def _roll_back(connection: Connection, reason: BaseException) -> None:
    """Undo what was done. Where that is not possible, closing the connection makes the server do it."""
    if connection.is_closed():
        return
    if isinstance(reason, TimeoutError):  # the server is silent: it would not answer to this either
        connection.terminate()
        return
    try:
        await connection.execute("rollback", timeout=ROLLBACK_SECONDS)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, Exception):  # a cancellation goes on; anything else is less than `reason`
            raise
