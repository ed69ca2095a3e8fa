"""All rows of a database, read from its own catalogue: what no list of ours could forget."""

from typing import Any

from watchword.database.database import Database
from watchword.database.statements import Statement

CATALOGUES = {
    "sqlite": "select name from sqlite_master where type = 'table' order by name",
    "postgres": "select table_name::text as name from information_schema.tables where table_schema = 'public'",
}


async def list_tables(db: Database) -> list[str]:
    """The names of all tables."""
    return [row["name"] for row in await db.list(Statement(CATALOGUES[db.rendering.dialect]))]


async def list_columns(db: Database, table: str) -> list[str]:
    """The names of a table's columns."""
    if db.rendering.dialect == "sqlite":
        rows = await db.list(Statement("select name from pragma_table_info(:table)"), table=table)
    else:
        text = "select column_name::text as name from information_schema.columns where table_name = :table"
        rows = await db.list(Statement(text), table=table)
    return [row["name"] for row in rows]


async def dump(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in await list_tables(db):
        columns = await list_columns(db, table)
        rows = await db.list(Statement(f"select * from {{{table}}}"))  # noqa: S608 - from the catalogue
        found[table] = [{column: row[column] for column in columns} for row in rows]
    return found
