"""The few calls of asyncpg that we make, typed (it ships no types), and how a connection is opened."""

import importlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from watchword.database.database import Row
from watchword.database.postgres_url import PostgresAddress
from watchword.errors import ConfigurationError

STATEMENT_CACHE = 512  # statements of the product, with room

# The time limits are the server's, in milliseconds, and belong to us, whatever its defaults are (security DB-5).
# An acknowledged commit is on the disk, whatever the role's default is (SC-10).
SESSION_SETTINGS = {
    "statement_timeout": "10000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "15000",
    "synchronous_commit": "on",
}


# As the server spells it: the driver's own "utf-8" makes PgBouncer set it anew for each transaction.
_POOLED_SETTINGS = {"client_encoding": "UTF8"}


class Connection(Protocol):
    """One connection to the server, used by one task at a time."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109  asyncpg's
        """Run a statement (or several, without arguments); returns the server's tag, like `UPDATE 3`."""
        ...

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[Row]:  # noqa: ASYNC109  asyncpg's
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Row | None:  # noqa: ASYNC109  asyncpg's
        """The first row."""
        ...

    async def executemany(self, command: str, args: list[tuple[Any, ...]], *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's
        """Run a statement for each of several lists of arguments, in one round trip."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """`LISTEN`, and call back at each notification."""
        ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None:
        """Call back when the connection has ended, whoever ended it."""
        ...

    def is_closed(self) -> bool:
        """Whether it was lost or closed."""
        ...

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's
        """Say goodbye and close."""
        ...

    def terminate(self) -> None:
        """Close at once."""
        ...


def connectors(address: PostgresAddress) -> list[Callable[[str], Awaitable[Connection]]]:
    """A function for each server of a URL that connects to it, for a purpose that its administrator can read.

    Raises:
        ConfigurationError: asyncpg is not installed.
    """
    try:
        asyncpg = importlib.import_module("asyncpg")  # at first use: who is on SQLite need not have or load it
    except ImportError:
        raise ConfigurationError(
            "database", 'PostgreSQL needs the driver asyncpg; run: pip install "watchword[postgres]"'
        ) from None
    arguments: dict[str, Any] = {"max_cached_statement_lifetime": 0}
    if address.check_certificate:
        arguments["ssl"] = True  # asyncpg: the default context, certificate and name checked
    if address.through_pgbouncer:  # which server is behind a connection shows at each transaction
        arguments |= {"statement_cache_size": 0, "target_session_attrs": "any"}
    else:
        arguments |= {"statement_cache_size": STATEMENT_CACHE, "target_session_attrs": address.attribute}

    def connector(where: dict[str, Any]) -> Callable[[str], Awaitable[Connection]]:
        async def connect(purpose: str) -> Connection:
            settings = (
                _POOLED_SETTINGS if address.through_pgbouncer else {"application_name": purpose, **SESSION_SETTINGS}
            )
            return await asyncpg.connect(address.dsn, server_settings=settings, **where, **arguments)

        return connect

    servers = [{"host": host, "port": port} for host, port in address.servers]
    return [connector(where) for where in servers or [{}]]
