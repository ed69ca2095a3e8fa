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

_OTHERS = {"mysql": "MySQL", "mariadb": "MariaDB", "mongodb": "MongoDB", "oracle": "Oracle", "mssql": "SQL Server"}


def open_database(
    url: str | None, *, schema: str | None = None, table_prefix: str = "", pool_size: int = 10
) -> Database:
    """The database of a URL, not yet started.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` (in memory, gone at the end),
            `postgresql://…` or `postgres://…`.
        schema: PostgreSQL only: the schema of our tables; `public` when left out.
        table_prefix: What the names of our tables start with, for a database shared with others.
        pool_size: PostgreSQL only: the most connections held at once.

    Raises:
        ConfigurationError: Missing, none of these, or a schema or prefix that cannot be one.
    """
    if not url:
        raise ConfigurationError("database", f"is missing; {_FORMS}")
    if pool_size < 1:  # on SQLite too, where it would be found out by the move to PostgreSQL
        raise ConfigurationError(
            "database_pool_size", f"is {pool_size}: a pool of none; set at least 1, or leave it out"
        )
    scheme, separator, rest = url.strip().partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return PostgresDatabase(url.strip(), schema=schema, table_prefix=table_prefix, pool_size=pool_size)
    if not separator or scheme != "sqlite":
        raise ConfigurationError("database", _refused(scheme if separator else ""))
    if schema is not None:
        raise ConfigurationError(
            "database_schema", "SQLite has no schemas; leave it out, and use table_prefix to keep tables apart"
        )
    return SqliteDatabase(_sqlite_path(rest), table_prefix=table_prefix)


def _refused(scheme: str) -> str:
    """What is wrong with the first part of a URL."""
    product, plus, driver = scheme.partition("+")
    if plus and product in ("postgresql", "postgres", "sqlite"):
        return f"names the driver {driver}, and Watchword brings its own; leave out +{driver}"
    name = _OTHERS.get(product)
    if name is not None:
        return f"{name} is not supported; use SQLite or PostgreSQL: {_FORMS}"
    return f"is not the URL of a database; {_FORMS}"


def _sqlite_path(rest: str) -> Path | None:
    """What follows `sqlite://`: nothing, or a slash and the path."""
    if rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/") or "?" in rest:
        raise ConfigurationError("database", f"sqlite://{rest} has a host or parameters, and SQLite has none; {_FORMS}")
    return Path(unquote(rest[1:])).absolute()
