"""The `watchword` command: is the database fit, which SQL makes its tables, and make them.

Exit codes: 0 all is well · 1 it is not, and standard error says why · 2 the command was called wrongly.
"""

import sys
from importlib.metadata import version
from typing import Annotated

from watchword.cli.audit import audit_command, why
from watchword.cli.connection import (
    NotCurrent,
    Prefix,
    Schema,
    Url,
    find_unused,
    known_migrations,
    place,
    product,
    require_existing,
    typer,
    with_database,
)
from watchword.cli.copy import copy
from watchword.cli.counter_examples import HONEST, THEFT
from watchword.cli.new import new
from watchword.cli.prove import Proof, prove
from watchword.cli.transfer import export, import_command
from watchword.cli.trial import Broken
from watchword.database.database import Database
from watchword.database.migrations import (
    Migration,
    check_migrations,
    load_migrations,
    migrate,
    render_sql,
)
from watchword.database.open import open_database
from watchword.errors import WatchwordError

command = typer.Typer(name="watchword", no_args_is_help=True, pretty_exceptions_enable=False)
database_command = typer.Typer(no_args_is_help=True, help="Look at the database.")
command.command("new")(new)
command.add_typer(database_command, name="db")
database_command.command("copy")(copy)
command.add_typer(import_command, name="import")
command.command("export")(export)
command.add_typer(audit_command, name="audit")
command.command("why")(why)


def print_version(wanted: bool) -> None:
    """Print the version and stop, when `--version` stands there."""
    if wanted:
        typer.echo(f"watchword {version('watchword')}")
        raise typer.Exit


@command.callback(help="Self-hosted sign-in and sessions: the tables of an installation.")
def watchword(
    show_version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before every command."""


@database_command.command("check")
def check(database: Url, schema: Schema = None, table_prefix: Prefix = "") -> None:
    """Tell whether the database answers and its tables are those of this version; changes nothing."""

    async def look(db: Database) -> str:
        report = await check_migrations(db, known_migrations())
        lines = [f"{await product(db)} at {place(database)} answers."]
        unused = find_unused(report)
        missing = [migration for migration in report.missing if migration.package not in unused]
        lines += [f"  changed after it was applied: {label}" for label in report.changed]
        lines += [f"  made by a later version: {label}" for label in report.newer]
        lines += [f"  missing: {migration.label}" for migration in missing]
        if len(lines) == 1:
            number = f"All {len(report.applied)} migrations" if not unused else f"{len(report.applied)} migrations"
            lines[0] += f" {number} are applied."
            lines += [
                f"  no tables of {package}: needed only if the application lists {unused[package]}"
                for package in unused
            ]
            return "\n".join(lines)
        if missing and not (report.changed or report.newer):
            lines.append(
                "Run watchword migrate, or let a role that may create tables run what watchword db sql prints."
            )
        raise NotCurrent("\n".join(lines))

    require_existing(database)
    typer.echo(with_database(database, schema, table_prefix, look))


@database_command.command("sql")
def sql(
    database: Url,
    schema: Schema = None,
    table_prefix: Prefix = "",
    only_missing: Annotated[
        bool, typer.Option("--missing", help="Only what this database does not have yet; asks it.")
    ] = False,
) -> None:
    """Print the SQL that makes the tables, for a role that may; asks no database."""

    async def find_missing(db: Database) -> tuple[Migration, ...]:
        return (await check_migrations(db, known_migrations())).missing

    migrations = (
        with_database(database, schema, table_prefix, find_missing) if only_missing else tuple(known_migrations())
    )
    rendering = open_database(database, schema=schema, table_prefix=table_prefix).rendering
    typer.echo(render_sql(rendering, migrations), nl=False)


@command.command("migrate")
def make_tables(database: Url, schema: Schema = None, table_prefix: Prefix = "") -> None:
    """Make the tables, or bring them to this version; does nothing when they are."""

    async def apply(db: Database) -> list[str]:
        return await migrate(db, known_migrations())

    applied = with_database(database, schema, table_prefix, apply)
    typer.echo("\n".join(f"applied: {label}" for label in applied) or "Nothing to do: all migrations are applied.")


@command.command("prove")
def prove_refreshing(
    database: Url,
    schema: Schema = None,
    table_prefix: Prefix = "",
    runs: Annotated[int, typer.Option(min=0, help="How many random sessions.")] = 200,
    seed: Annotated[int, typer.Option(help="Of what is random; the same seed plays the same runs.")] = 1,
) -> None:
    """Play on this database what signs people out, or lets thieves live, under other rules; your rows are not touched.

    Under an app id of its own, which is deleted again, and on a clock of its own.
    """
    sessions = len(HONEST) + len(THEFT) + runs

    async def play(db: Database) -> tuple[str, Proof]:
        migrations = load_migrations(["watchword.sessions"])  # whichever recipes this installation has
        (await check_migrations(db, migrations)).require_current()
        second = open_database(database, schema=schema, table_prefix=table_prefix, pool_size=1)
        await second.start()
        try:
            with typer.progressbar(length=sessions, label="Proving", file=sys.stderr) as bar:
                proof = await prove([db, second], migrations, runs=runs, seed=seed, show=lambda: bar.update(1))
        finally:
            await second.stop()
        return await product(db), proof

    require_existing(database)
    what, proof = with_database(database, schema, table_prefix, play)
    typer.echo(f"{what} at {place(database)}, two nodes on one clock, under the app id {proof.app_id}, now deleted.\n")
    typer.echo(proof.describe(runs, seed))
    if proof.broken:
        raise Broken(f"{len(proof.broken)} of {sessions} sessions went wrong; please report it with what stands above")


def main() -> None:
    """Run the command; an error of ours is its sentence on standard error, without a stack trace."""
    try:
        command()
    except WatchwordError as error:
        typer.echo(f"watchword: {error}", err=True)
        sys.exit(1)
