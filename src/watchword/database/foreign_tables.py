"""Tables of others that have the names of ours: told before anything is made, in a database that may be theirs.

A migration and the row that marks it are committed together. So a table that is seen *first*, and whose migration
is not marked when that is asked *afterwards*, was made by somebody else, also while other processes migrate.
"""

import re
from collections.abc import Collection, Iterable

from watchword.database.database import Database
from watchword.database.rendering import Rendering
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError

_CREATES = re.compile(r"create\s+table\s+(?:if\s+not\s+exists\s+)?\{([a-z_0-9]+)\}", re.IGNORECASE)
_LIST_RELATIONS = {
    "sqlite": "select name from sqlite_master where type in ('table', 'view')",
    "postgres": "select c.relname as name from pg_catalog.pg_class c"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = :schema",
}
_LIST_COLUMNS = {
    "sqlite": "select name from pragma_table_info(:table)",
    "postgres": "select a.attname as name from pg_catalog.pg_attribute a"
    " join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = :schema and c.relname = :table and a.attnum > 0 and not a.attisdropped",
}


async def list_relations(db: Database) -> frozenset[str]:
    """The names of all tables and views in our schema, with prefix, as the database compares them."""
    parameters = {} if db.rendering.dialect == "sqlite" else {"schema": db.rendering.schema}
    rows = await db.list(Statement(_LIST_RELATIONS[db.rendering.dialect]), **parameters)
    return frozenset(_compared(db.rendering, row["name"]) for row in rows)


async def list_columns(db: Database, table: str) -> frozenset[str]:
    """The columns of one of our tables; empty when it is not there."""
    parameters = {"table": _bare(db.rendering, table)}
    if db.rendering.dialect == "postgres":
        parameters["schema"] = str(db.rendering.schema)
    rows = await db.list(Statement(_LIST_COLUMNS[db.rendering.dialect]), **parameters)
    return frozenset(row["name"] for row in rows)


def created_tables(statements: Iterable[str]) -> list[str]:
    """The tables that these statements make, in their order, without prefix."""
    return [table for statement in statements for table in _CREATES.findall(statement)]


def refuse_foreign(rendering: Rendering, seen: Collection[str], statements: Iterable[str]) -> None:
    """Refuse to make tables where some of their names are taken.

    Args:
        rendering: Of the database.
        seen: What `list_relations` answered, before it was asked which migrations are missing.
        statements: Those of the missing migrations.

    Raises:
        ConfigurationError: A table of that name is there already, and is not ours.
    """
    for table in created_tables(statements):
        if _compared(rendering, _bare(rendering, table)) in seen:
            raise foreign(rendering, table)


def foreign(rendering: Rendering, table: str) -> ConfigurationError:
    """The sentence for a table that is not ours."""
    ways = "another table_prefix" if rendering.table_prefix else 'table_prefix="watchword_"'
    if rendering.dialect == "postgres":
        ways += ' or database_schema="watchword"'
    return ConfigurationError(
        "database", f'a table "{_bare(rendering, table)}" that is not Watchword\'s is there already; set {ways}'
    )


def _bare(rendering: Rendering, table: str) -> str:
    return rendering.bare_name(table).strip('"')


def _compared(rendering: Rendering, name: str) -> str:
    """SQLite takes `Users` and `users` for one table."""
    return name.lower() if rendering.dialect == "sqlite" else name
