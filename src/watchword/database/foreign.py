"""Reading a database that belongs to another application: read only, one query at a time, never all rows at once."""

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from watchword.database.postgres_driver import connectors
from watchword.database.postgres_url import read_postgres_url
from watchword.errors import ConfigurationError, WatchwordError

PAGE = 1_000


class ForeignUnreadable(WatchwordError):
    """The other database cannot be reached, or does not have what was asked for."""

    code = "foreign_database_unreadable"


class ForeignDatabase:
    """A database of somebody else; nothing is ever written to it.

    Args:
        url: `sqlite:///file.db`, `sqlite:////absolute/file.db` or `postgresql://…`.

    Raises:
        ConfigurationError: Neither of these.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.strip().partition("://")
        self._sqlite = Path(unquote(rest[1:])).absolute() if scheme == "sqlite" and rest[1:] else None
        if self._sqlite is None and scheme not in ("postgresql", "postgres"):
            raise ConfigurationError("from", "is not the URL of a database: write sqlite:///file.db or postgresql://…")
        self._url = url

    async def has_table(self, table: str) -> bool:
        """Whether there is a table or view of this name, in the schema that names without one mean."""
        sql = f"select 1 as n from {_quoted(table)} where 1 = 0"  # noqa: S608 - quoted
        try:
            async with aclosing(self.rows(sql)) as rows:
                async for _ in rows:
                    pass
        except ForeignUnreadable:
            return False
        return True

    async def count(self, table: str) -> int:
        """How many rows a table has. Raises `ForeignUnreadable`."""
        sql = f"select count(*) as n from {_quoted(table)}"  # noqa: S608 - quoted
        async with aclosing(self.rows(sql)) as rows:
            return (await anext(rows))["n"]

    async def rows(self, sql: str) -> AsyncGenerator[dict[str, Any]]:
        """The rows of one query, by column, as its server sees them at one moment.

        Args:
            sql: Of our own making: it is run as it is.

        Raises:
            ForeignUnreadable: Not reachable, or there is no such table or column.
        """
        pages = self._pages_of_postgres(sql) if self._sqlite is None else self._pages_of_sqlite(self._sqlite, sql)
        async with aclosing(pages):
            async for page in pages:
                for row in page:
                    yield row

    async def _pages_of_sqlite(self, path: Path, sql: str) -> AsyncGenerator[list[dict[str, Any]]]:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                cursor = connection.execute(sql)
                while page := cursor.fetchmany(PAGE):
                    yield [dict(row) for row in page]
        except sqlite3.Error as error:
            raise ForeignUnreadable(f"{path}: {error}") from error

    async def _pages_of_postgres(self, sql: str) -> AsyncGenerator[list[dict[str, Any]]]:
        address = read_postgres_url(self._url)
        connect = connectors(address)[0]
        try:
            connection = await connect("watchword import")
            try:
                await connection.execute("begin isolation level repeatable read read only")
                await connection.execute(f"declare pages no scroll cursor for {sql}")
                while page := await connection.fetch(f"fetch {PAGE} from pages"):
                    yield [dict(row) for row in cast("list[Mapping[str, Any]]", page)]
            finally:
                await connection.close(timeout=5)
        except (OSError, TimeoutError) as error:
            raise ForeignUnreadable(f"{address.where} cannot be reached") from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "asyncpg":
                raise
            raise ForeignUnreadable(f"{address.where}: {error}") from error


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.replace('"', '""').split("."))
