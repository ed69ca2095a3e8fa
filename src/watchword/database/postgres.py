"""The PostgreSQL database: READ COMMITTED transactions on asyncpg, run again where the server asks for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from watchword.database.database import STOPPED, Body, Listening, Row
from watchword.database.postgres_driver import SESSION_SETTINGS, Connection, connectors
from watchword.database.postgres_errors import MADE_MEANWHILE, must_leave, outage
from watchword.database.postgres_pool import ConnectionPool
from watchword.database.postgres_primary import Primary
from watchword.database.postgres_signals import channel_name, open_listening, signal_once
from watchword.database.postgres_start import check_server, refusal
from watchword.database.postgres_transaction import Manner, PostgresTransaction, RunAgain, read_once, transact_once
from watchword.database.postgres_url import read_postgres_url
from watchword.database.rendering import DEFAULT_SCHEMA, Rendering
from watchword.database.statements import Statement
from watchword.database.usage import Usage
from watchword.errors import ConfigurationError, StorageUnavailable, WatchwordError

T = TypeVar("T")

BEGIN = "begin isolation level read committed"

_USUAL = Manner(BEGIN)
# A pooler may give every transaction another session, of another server: the settings travel with each, and so does
# the question whether that server takes writes. What a standby knows may be old.
_LOCAL_SETTINGS = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in SESSION_SETTINGS.items())
_POOLED = Manner(f"{BEGIN}; select {_LOCAL_SETTINGS} where not pg_is_in_recovery()")
_SCHEMA = Manner(
    f"{BEGIN}; set local statement_timeout = '600s'; set local lock_timeout = '60s'; "
    "set local idle_in_transaction_session_timeout = '600s'; set local synchronous_commit = 'on'",
    seconds=620.0,
    attempts=10,
    again_on=MADE_MEANWHILE,
)


class PostgresDatabase:
    """A `Database` on a PostgreSQL server. Used on one event loop, the one that started it.

    Args:
        url: `postgresql://user:password@host:5432/name`; see `read_postgres_url`.
        schema: Where our tables live; made by the migrations where it is missing.
        pool_size: The most connections held at once.
        busy_seconds: How long a caller waits for a free connection, and `stop` for what runs.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str | None = None,
        table_prefix: str = "",
        pool_size: int = 10,
        busy_seconds: float = 5.0,
    ) -> None:
        self.rendering = Rendering(
            "postgres", schema=DEFAULT_SCHEMA if schema is None else schema, table_prefix=table_prefix
        )
        self._address = read_postgres_url(url)
        if pool_size < 1:
            raise ConfigurationError("database", f"a pool of {pool_size} connections is none; use at least 1")
        self._pool_size = pool_size
        self._busy_seconds = busy_seconds
        self._manner = _POOLED if self._address.through_pgbouncer else _USUAL
        self._pool: ConnectionPool | None = None
        self._primary: Primary | None = None

    async def start(self) -> None:
        """Connect, and look at the server's settings.

        Raises:
            ConfigurationError: Not reachable, refused, no such database, asyncpg missing, or the server
                may lose acknowledged commits (security SC-10).
        """
        if self._pool is not None:
            return
        primary = self._find_primary()
        pool = ConnectionPool(primary.connect, self._pool_size, self._busy_seconds)
        try:
            await self._look_at_server(pool)
        except BaseException:
            await pool.close()
            raise
        self._pool = pool

    async def stop(self) -> None:
        """Finish what runs, within `busy_seconds`, and disconnect."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def write(self, body: Body[T], *, durable: bool = True) -> T:  # noqa: ARG002  a commit is always durable here
        """Run `body` in one transaction and commit; again on serialisation failures, deadlocks and lost connections."""
        return await self._transact(body, self._manner)

    async def write_schema(self, body: Body[T]) -> T:
        """Like `write`, with the patience that migrations need.

        Raises:
            ConfigurationError: The role may not do that (security DB-7).
        """
        return await self._transact(body, _SCHEMA)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run one reading statement; the first row, or `None`."""
        return await self._read("find", statement, parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one reading statement; all rows."""
        return await self._read("list", statement, parameters)

    async def listen(self, channel: str, heard: Callable[[], None]) -> Listening | None:
        """Hear signals on a connection of its own, beside the pool; `None` where none come through.

        Raises:
            StorageUnavailable: The server does not answer.
        """
        if self._address.through_pgbouncer:  # what listens there is whichever server connection came first
            return None
        connect = self._find_primary().connect
        name = channel_name(self.rendering, channel)
        return await open_listening(lambda: connect("watchword signals"), name, heard, lambda: self.signal(channel))

    async def signal(self, channel: str) -> None:
        """Wake those who listen.

        In a transaction of its own: not every server can do it, and PostgreSQL lets transactions that do it commit
        one after the other only.
        """
        pool = self._get_pool()
        connection = await _take(pool)
        try:
            await signal_once(connection, channel_name(self.rendering, channel))
        finally:
            pool.give_back(connection)

    def _find_primary(self) -> Primary:
        """What it has learnt of the servers outlives a stop, for as long as this object does."""
        if self._primary is None:
            asks_lineage = not self._address.through_pgbouncer
            self._primary = Primary(connectors(self._address), asks_lineage=asks_lineage)
        return self._primary

    def _get_pool(self) -> ConnectionPool:
        if self._pool is None:
            raise StorageUnavailable(STOPPED)
        return self._pool

    def usage(self) -> Usage:
        """How busy the pool is."""
        return Usage(self._pool_size, 0, 0, 0) if self._pool is None else self._pool.usage()

    async def _look_at_server(self, pool: ConnectionPool) -> None:
        try:
            connection = await pool.take()
            try:
                await check_server(connection, self._manner)
            finally:
                pool.give_back(connection)
        except ConfigurationError:
            raise
        except Exception as error:  # driver, socket or TLS: at start each becomes the sentence that says what to set
            raise refusal(self._address.where, error) from error

    async def _read(self, method: str, statement: Statement, parameters: dict[str, Any]) -> Any:
        async def read(transaction: PostgresTransaction) -> Any:
            return await getattr(transaction, method)(statement, **parameters)

        if self._address.through_pgbouncer:  # parse and execute must meet the same server: a transaction sees to it
            return await self._transact(read, self._manner)
        return await self._repeat(
            lambda connection: read_once(connection, read, self.rendering, self._manner), self._manner
        )

    async def _transact(self, body: Any, manner: Manner) -> Any:
        return await self._repeat(lambda connection: transact_once(connection, body, self.rendering, manner), manner)

    async def _repeat(self, attempt: Callable[[Connection], Awaitable[Any]], manner: Manner) -> Any:
        for number in range(1, manner.attempts + 1):
            pool = self._get_pool()
            connection = await _take(pool)
            try:
                return await attempt(connection)
            except RunAgain as again:
                if number == manner.attempts:
                    raise outage(again.__cause__ or again) from again.__cause__
            except StorageUnavailable as error:
                if must_leave(error.__cause__):  # the server is of no use any more, for no connection
                    pool.expire()
                    self._find_primary().doubt()
                raise
            finally:
                pool.give_back(connection)
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.01 * 2**number)  # noqa: S311  spreads, hides nothing
        raise AssertionError("unreachable: the last attempt returns or raises")


async def _take(pool: ConnectionPool) -> Connection:
    try:
        return await pool.take()
    except WatchwordError:
        raise
    except Exception as error:  # refused, unreachable, starting up, wrong certificate: all is an outage now
        raise outage(error) from error
