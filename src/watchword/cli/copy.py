"""`watchword db copy`: a whole installation from one database into another, with its sessions alive."""

import sys
from typing import Annotated

from watchword.cli.connection import (
    NotCurrent,
    Prefix,
    Schema,
    Url,
    find_unused,
    known_migrations,
    place,
    require_existing,
    typer,
    with_database,
)
from watchword.database.copying import copy_installation, count_rows
from watchword.database.database import Database
from watchword.database.foreign import ForeignDatabase
from watchword.database.migrations import Migration, check_migrations, migrate
from watchword.database.open import open_database


def copy(
    from_url: Annotated[
        str, typer.Option("--from", envvar="FROM_URL", help="The database to copy; only read.", show_default=False)
    ],
    database: Url,
    from_schema: Annotated[str | None, typer.Option("--from-schema", show_default=False)] = None,
    from_table_prefix: Annotated[str, typer.Option("--from-table-prefix")] = "",
    schema: Schema = None,
    table_prefix: Prefix = "",
) -> None:
    """Copy everything, sessions and keys too, into an empty database; makes its tables. Stop the application first."""
    spelt = open_database(from_url, schema=from_schema, table_prefix=from_table_prefix).rendering
    source = ForeignDatabase(from_url)

    async def find_migrations(db: Database) -> list[Migration]:
        """All but those of recipes that the application does not list, whose tables are not there."""
        report = await check_migrations(db, known_migrations())
        unused = find_unused(report)
        if report.newer or report.changed or any(migration.package not in unused for migration in report.missing):
            raise NotCurrent(f"bring the tables at {place(from_url)} to this version first: watchword migrate")
        return [migration for migration in known_migrations() if migration.package not in unused]

    async def copy_all(target: Database) -> dict[str, int]:
        await migrate(target, migrations)
        total = await count_rows(source, spelt, migrations)
        with typer.progressbar(length=total, label="Copying", file=sys.stderr) as bar:
            return await copy_installation(source, spelt, target, migrations, progress=bar.update)

    require_existing(from_url)
    migrations = with_database(from_url, from_schema, from_table_prefix, find_migrations)
    copied = with_database(database, schema, table_prefix, copy_all)
    for table, number in copied.items():
        typer.echo(f"{number:>9} {table}")
    typer.echo(f"Copied into {place(database)}. Give the application that database, and leave its secret as it is.")
