"""`watchword db copy`: a whole installation from one database into another, with its sessions alive."""

from typing import Annotated

from watchword.cli.connection import (
    Installation,
    NotCurrent,
    find_unused,
    known_migrations,
    typer,
)
from watchword.cli.options import options_of
from watchword.cli.progress import progress
from watchword.database.copying import copy_installation, count_rows
from watchword.database.database import Database
from watchword.database.foreign import ForeignDatabase
from watchword.database.migrations import Migration, check_migrations, migrate


@options_of(Installation)
def copy(
    target: Installation,
    from_url: Annotated[
        str, typer.Option("--from", envvar="FROM_URL", help="The database to copy; only read.", show_default=False)
    ],
    from_schema: Annotated[
        str | None, typer.Option("--from-schema", help="PostgreSQL schema of its tables.", show_default=False)
    ] = None,
    from_table_prefix: Annotated[
        str, typer.Option("--from-table-prefix", help="What the names of its tables start with.")
    ] = "",
) -> None:
    """Copy everything, sessions and keys too, into an empty database.

    Its tables are made. Stop the application first.
    """
    before = Installation(from_url, from_schema, from_table_prefix)
    spelt = before.open().rendering
    source = ForeignDatabase(from_url)

    async def find_migrations(db: Database) -> list[Migration]:
        """All but those of recipes that the application does not list, whose tables are not there."""
        report = await check_migrations(db, known_migrations())
        unused = find_unused(report)
        if report.newer or report.changed or any(migration.package not in unused for migration in report.missing):
            raise NotCurrent(f"bring the tables at {before.place} to this version first: watchword migrate")
        return [migration for migration in known_migrations() if migration.package not in unused]

    async def copy_all(db: Database) -> dict[str, int]:
        await migrate(db, migrations)
        total = await count_rows(source, spelt, migrations)
        with progress("Copying", total) as show:
            return await copy_installation(source, spelt, db, migrations, progress=show)

    migrations = before.run(find_migrations)
    copied = target.run(copy_all, may_be_new=True)
    for table, number in copied.items():
        typer.echo(f"{number:>9} {table}")
    typer.echo(f"Copied into {target.place}. Give the application that database, and leave its secret as it is.")
