"""A whole installation from one database into another, table by table, whatever the two are."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from watchword.database.database import Database, Transaction
from watchword.database.foreign import ForeignDatabase
from watchword.database.foreign_tables import created_tables, list_columns
from watchword.database.migrations import Migration
from watchword.database.rendering import Rendering
from watchword.database.statements import Statement
from watchword.errors import WatchwordError

PAGE = 500  # rows a transaction


class CannotCopy(WatchwordError):
    """The target has rows already, or the source is not ours or changed meanwhile; the message says what to do."""

    code = "cannot_copy"


async def copy_installation(
    source: ForeignDatabase,
    spelt: Rendering,
    target: Database,
    migrations: Sequence[Migration],
    *,
    progress: Callable[[int], None],
) -> dict[str, int]:
    """Copy every row of every table of ours.

    Sessions go on: keys and hashes are copied as they are, so the application keeps its secret.

    Args:
        source: Of the same version, its applications stopped; it is only read.
        spelt: How the names of tables are spelt there.
        target: A started database with all tables and no rows.
        migrations: Those of both.
        progress: Told after each page how many rows it had.

    Returns:
        How many rows each table has now.

    Raises:
        CannotCopy: There are rows in the target, the source has other columns or values than ours, or was written to
            meanwhile.
        ForeignUnreadable: The source cannot be read.
        StorageUnavailable: The target did not answer; make its tables anew and start again.
    """
    tables = _tables(migrations)
    for table in tables:
        if await target.find(Statement(f"select 1 as one from {{{table}}} limit 1")) is not None:  # noqa: S608 - ours
            raise CannotCopy(f"the table {table} of the target has rows; copy into an empty database")
    columns = {table: sorted(await list_columns(target, table)) for table in tables}
    for table in tables:
        await _check_columns(source, spelt, table, columns[table])
    copied = {table: await _copy_table(source, spelt, target, table, columns[table], progress) for table in tables}
    for table, number in copied.items():
        if await _count(source, spelt, table) != number:
            raise CannotCopy(
                f"the table {table} changed while it was copied; stop every application that uses the source, "
                "make the target's tables anew, and start again"
            )
    return copied


async def count_rows(source: ForeignDatabase, spelt: Rendering, migrations: Iterable[Migration]) -> int:
    """How many rows there are to copy. Raises `ForeignUnreadable`."""
    return sum([await _count(source, spelt, table) for table in _tables(migrations)])


def _tables(migrations: Iterable[Migration]) -> list[str]:
    """Those that others refer to first, as they were made."""
    return created_tables(statement for migration in migrations for statement in migration.statements)


async def _count(source: ForeignDatabase, spelt: Rendering, table: str) -> int:
    async with aclosing(source.rows(f"select count(*) as n from {spelt.table(table)}")) as rows:  # noqa: S608 - ours
        return (await anext(rows))["n"]


async def _check_columns(source: ForeignDatabase, spelt: Rendering, table: str, columns: Sequence[str]) -> None:
    """Names are never taken from the source: it may be anybody's, and they would become SQL on the target."""
    async with aclosing(source.rows(f"select * from {spelt.table(table)} limit 1")) as rows:  # noqa: S608 - ours
        async for row in rows:
            if row.keys() != set(columns):
                odd = ", ".join(f"{name!r:.40}" for name in sorted(row.keys() ^ set(columns)))
                raise CannotCopy(
                    f"the table {table} of the source is not as Watchword made it; the columns differ: {odd}"
                )


async def _copy_table(
    source: ForeignDatabase,
    spelt: Rendering,
    target: Database,
    table: str,
    columns: Sequence[str],
    progress: Callable[[int], None],
) -> int:
    number = 0
    page: list[dict[str, Any]] = []
    async with aclosing(source.rows(f"select * from {spelt.table(table)}")) as rows:  # noqa: S608 - ours
        async for row in rows:
            page.append(row)
            if len(page) == PAGE:
                number += await _insert(target, table, columns, page, progress)
                page = []
    return number + await _insert(target, table, columns, page, progress)


async def _insert(
    target: Database,
    table: str,
    columns: Sequence[str],
    page: list[dict[str, Any]],
    progress: Callable[[int], None],
) -> int:
    if not page:
        return 0
    statement = Statement(
        f"insert into {{{table}}} ({', '.join(columns)}) values ({', '.join(f':{column}' for column in columns)})"  # noqa: S608 - ours
    )

    async def insert(tx: Transaction) -> None:
        for row in page:
            await tx.execute(statement, **row)

    try:
        await target.write(insert)
    except WatchwordError:
        raise
    except Exception as error:  # of a driver: a value of another kind, a duplicate; its message may show the value
        raise CannotCopy(
            f"a row of the table {table} of the source is none that Watchword writes ({type(error).__name__}); mend "
            "it there, make the target's tables anew, and start again"
        ) from None
    progress(len(page))
    return len(page)
