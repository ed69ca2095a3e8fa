"""Opens the database that a URL names."""

from pathlib import Path
from urllib.parse import unquote

from watchword.database.database import Database
from watchword.database.postgres import PostgresDatabase
from watchword.database.postgres_url import postgres_url
from watchword.database.sqlite import SqliteDatabase
from watchword.errors import ConfigurationError

__all__ = ["open_database", "postgres_url"]

_FORMS = "write sqlite:///file.db, sqlite:////absolute/file.db, or postgresql://user:password@host:5432/name"


def open_database(url: str, *, schema: str | None = None, table_prefix: str = "", pool_size: int = 10) -> Database:
    """The database of a URL, not yet started.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` (in memory, gone at the end),
            `postgresql://…` or `postgres://…`.
        schema: PostgreSQL only: the schema of our tables; `public` when left out.
        table_prefix: What the names of our tables start with, for a database shared with others.
        pool_size: PostgreSQL only: the most connections held at once.

    Raises:
        ConfigurationError: None of these, or a schema or prefix that cannot be one.
    """
    scheme, separator, rest = url.strip().partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return PostgresDatabase(url.strip(), schema=schema, table_prefix=table_prefix, pool_size=pool_size)
    if not separator or scheme != "sqlite":
        raise ConfigurationError("database", f"is not the URL of a database; {_FORMS}")
    if schema is not None:
        raise ConfigurationError(
            "database_schema", "SQLite has no schemas; leave it out, and use table_prefix to keep tables apart"
        )
    return SqliteDatabase(_sqlite_path(rest), table_prefix=table_prefix)


def _sqlite_path(rest: str) -> Path | None:
    """What follows `sqlite://`: nothing, or a slash and the path."""
    if rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/") or "?" in rest:
        raise ConfigurationError("database", f"sqlite://{rest} has a host or parameters, and SQLite has none; {_FORMS}")
    return Path(unquote(rest[1:])).absolute()
