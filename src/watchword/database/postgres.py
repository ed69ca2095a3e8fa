"""The PostgreSQL database: READ COMMITTED transactions on asyncpg, run again where the server asks for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from watchword.database.bodies import run_on_loop
from watchword.database.database import Body, Row
from watchword.database.postgres_driver import SESSION_SETTINGS, Connection, connector
from watchword.database.postgres_errors import (
    MADE_MEANWHILE,
    NOT_ALLOWED,
    READ_ONLY,
    Meaning,
    meaning_of,
    outage,
    sqlstate_of,
)
from watchword.database.postgres_pool import ConnectionPool
from watchword.database.postgres_start import check_server, refusal
from watchword.database.postgres_url import read_postgres_url
from watchword.database.rendering import Rendering
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, StorageUnavailable, WatchwordError

T = TypeVar("T")

DEFAULT_SCHEMA = "public"  # named in every statement: what search_path says never decides where data goes
BEGIN = "begin isolation level read committed"
ROLLBACK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a transaction is run.

    Attributes:
        begin: What opens it.
        seconds: How long the driver waits for one answer; longer than the server's own limit.
        attempts: How often it may run in all.
        again_on: Further SQLSTATEs on which it runs again.
    """

    begin: str
    seconds: float = 15.0
    attempts: int = 4  # once, and three times again (security DB-4)
    again_on: frozenset[str] = frozenset()


_USUAL = _Manner(BEGIN)
# A pooler may give every transaction another session, so the settings travel with each.
_POOLED = _Manner("; ".join([BEGIN, *(f"set local {name} = '{value}'" for name, value in SESSION_SETTINGS.items())]))
_SCHEMA = _Manner(
    f"{BEGIN}; set local statement_timeout = '600s'; set local lock_timeout = '60s'; "
    "set local idle_in_transaction_session_timeout = '600s'; set local synchronous_commit = 'on'",
    seconds=620.0,
    attempts=10,
    again_on=MADE_MEANWHILE,
)


class _RunAgain(Exception):
    """Nothing was changed, and the transaction may run from the start."""


class PostgresTransaction:
    """Statements of one body, on the connection of its transaction."""

    def __init__(self, connection: Connection, rendering: Rendering, seconds: float) -> None:
        self._connection = connection
        self._rendering = rendering
        self._seconds = seconds
        self.waiting = False
        self.problem: BaseException | None = None

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        """Run a statement and return how many rows it changed."""
        return changed_rows(await self._run(self._connection.execute, statement, parameters))

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
        values = compiled.bind(parameters)
        self.waiting = True
        try:
            return await call(compiled.text, *values, timeout=self._seconds)
        except BaseException as error:
            self.problem = error
            raise
        finally:
            self.waiting = False


class PostgresDatabase:
    """A `Database` on a PostgreSQL server. Used on one event loop, the one that started it.

    Args:
        url: `postgresql://user:password@host:5432/name`; see `read_postgres_url`.
        schema: Where our tables live; made by the migrations where it is missing.
        pool_size: The most connections held at once.
    """

    def __init__(self, url: str, *, schema: str | None = None, table_prefix: str = "", pool_size: int = 10) -> None:
        self.rendering = Rendering("postgres", schema=schema or DEFAULT_SCHEMA, table_prefix=table_prefix)
        self._address = read_postgres_url(url)
        if pool_size < 1:
            raise ConfigurationError("database", f"a pool of {pool_size} connections is none; use at least 1")
        self._pool_size = pool_size
        self._manner = _POOLED if self._address.through_pgbouncer else _USUAL
        self._pool: ConnectionPool | None = None

    async def start(self) -> None:
        """Connect, and look at the server's settings.

        Raises:
            ConfigurationError: Not reachable, refused, no such database, asyncpg missing, or the server
                may lose acknowledged commits (security SC-10).
        """
        if self._pool is not None:
            return
        pool = ConnectionPool(connector(self._address), self._pool_size)
        try:
            connection = await pool.take()
            try:
                await check_server(connection, self._manner.begin)
            finally:
                pool.give_back(connection)
        except Exception as error:
            await pool.close()
            if isinstance(error, ConfigurationError):
                raise
            raise refusal(self._address.where, error) from error
        self._pool = pool

    async def stop(self) -> None:
        """Finish what runs, a few seconds long, and disconnect."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def write(self, body: Body[T]) -> T:
        """Run `body` in one transaction and commit; again on serialisation failures, deadlocks and lost connections."""
        return await self._transact(body, self._manner)

    async def write_schema(self, body: Body[T]) -> T:
        """Like `write`, with the patience that migrations need.

        Raises:
            ConfigurationError: The role may not do that (security DB-7).
        """
        try:
            return await self._transact(body, _SCHEMA)
        except Exception as error:
            if sqlstate_of(error) != NOT_ALLOWED:
                raise
            raise ConfigurationError(
                "database",
                f"the role may not create or change tables in the schema {self.rendering.schema}; let a role that may "
                "run what `watchword db sql` prints, or grant that right",
            ) from error

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run one reading statement; the first row, or `None`."""
        return await self._read("find", statement, parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one reading statement; all rows."""
        return await self._read("list", statement, parameters)

    async def _read(self, method: str, statement: Statement, parameters: dict[str, Any]) -> Any:
        async def read(transaction: PostgresTransaction) -> Any:
            return await getattr(transaction, method)(statement, **parameters)

        if self._address.through_pgbouncer:  # parse and execute must meet the same server: a transaction sees to it
            return await self._transact(read, self._manner)
        return await self._repeat(lambda connection: self._read_once(connection, read), self._manner)

    async def _read_once(self, connection: Connection, read: Any) -> Any:
        transaction = PostgresTransaction(connection, self.rendering, self._manner.seconds)
        try:
            return await read(transaction)
        except BaseException as error:
            answer = self._sorted(error, transaction.problem, connection, self._manner)
            if answer is error:
                raise
            raise answer from error

    async def _transact(self, body: Any, manner: _Manner) -> Any:
        return await self._repeat(lambda connection: self._transact_once(connection, body, manner), manner)

    async def _repeat(self, attempt: Callable[[Connection], Awaitable[Any]], manner: _Manner) -> Any:
        for number in range(1, manner.attempts + 1):
            pool = self._pool
            if pool is None:
                raise StorageUnavailable("the database was stopped")
            connection = await self._take(pool)
            try:
                return await attempt(connection)
            except _RunAgain as again:
                if number == manner.attempts:
                    raise outage(again.__cause__ or again) from again.__cause__
            finally:
                pool.give_back(connection)
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.01 * 2**number)  # noqa: S311  spreads, hides nothing
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _take(self, pool: ConnectionPool) -> Connection:
        try:
            return await pool.take()
        except WatchwordError:
            raise
        except Exception as error:  # refused, unreachable, starting up, wrong certificate: all is an outage now
            raise outage(error) from error

    async def _transact_once(self, connection: Connection, body: Any, manner: _Manner) -> Any:
        transaction = PostgresTransaction(connection, self.rendering, manner.seconds)
        beginning: BaseException | None = None
        try:
            try:
                await connection.execute(manner.begin, timeout=manner.seconds)
            except BaseException as error:
                beginning = error
                raise
            result = await run_on_loop(body(transaction), transaction)
            transaction.check()
        except BaseException as error:
            await _roll_back(connection, error)
            answer = self._sorted(error, beginning or transaction.problem, connection, manner)
            if answer is error:
                raise
            raise answer from error
        await self._commit(connection, manner)
        return result

    async def _commit(self, connection: Connection, manner: _Manner) -> None:
        """Commit. When the answer is lost, nobody knows the outcome; that is an outage, and not run again (DB-2)."""
        try:
            tag = await connection.execute("commit", timeout=manner.seconds)
        except BaseException as error:
            meaning = meaning_of(error, connection_is_closed=connection.is_closed())
            if meaning is Meaning.RUN_AGAIN:
                raise _RunAgain from error
            connection.terminate()
            if meaning is Meaning.PROGRAMMING:
                raise
            raise StorageUnavailable("the connection was lost in a commit: its outcome is not known") from error
        if tag != "COMMIT":
            raise StorageUnavailable(f"the server answered {tag} to a commit")

    def _sorted(
        self, error: BaseException, problem: BaseException | None, connection: Connection, manner: _Manner
    ) -> BaseException:
        """What to raise for an error in a transaction: itself, unless the database caused it."""
        if error is not problem:
            return error
        code = sqlstate_of(error)
        meaning = meaning_of(error, connection_is_closed=connection.is_closed())
        if code == READ_ONLY and self._pool is not None:
            self._pool.expire()
        if meaning in (Meaning.RUN_AGAIN, Meaning.CONNECTION_LOST) or code in manner.again_on:
            return _RunAgain()
        if meaning is Meaning.OUTAGE:
            if isinstance(error, OSError):  # no answer in time: what the connection does now is anybody's guess
                connection.terminate()
            return outage(error)
        return error


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
