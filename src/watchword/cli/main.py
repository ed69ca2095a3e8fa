"""The `watchword` command: is the database fit, which SQL makes its tables, and make them.

Exit codes: 0 all is well · 1 it is not, and standard error says why · 2 the command was called wrongly.
"""

import sys
from importlib.metadata import version
from typing import Annotated

from watchword.cli.audit import audit_command, why
from watchword.cli.connection import (
    Installation,
    NotCurrent,
    find_unused,
    known_migrations,
    product,
    typer,
)
from watchword.cli.copy import copy
from watchword.cli.counter_examples import HONEST, THEFT
from watchword.cli.new import new
from watchword.cli.options import options_of
from watchword.cli.progress import progress
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
from watchword.errors import WatchwordError

command = typer.Typer(name="watchword", no_args_is_help=True, pretty_exceptions_enable=False)
database_command = typer.Typer(no_args_is_help=True, help="Check the tables, print their SQL, copy them.")
command.command("new")(new)
command.add_typer(database_command, name="db")
database_command.command("copy")(copy)
command.add_typer(import_command, name="import")
command.command("export")(export)
command.add_typer(audit_command, name="audit")
# Handles are random texts, and one in 64 begins with a dash.
command.command("why", context_settings={"ignore_unknown_options": True})(why)


def print_version(wanted: bool) -> None:
    """Print the version and stop, when `--version` stands there."""
    if wanted:
        typer.echo(f"watchword {version('watchword')}")
        raise typer.Exit


@command.callback(
    help="Self-hosted sign-in and sessions: a first application, the tables, users in and out, the audit log."
)
def watchword(
    show_version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before every command."""


@database_command.command("check")
@options_of(Installation)
def check(installation: Installation) -> None:
    """Tell whether the database answers and its tables are up to date."""

    async def look(db: Database) -> str:
        report = await check_migrations(db, known_migrations())
        lines = [f"{await product(db)} at {installation.place} answers."]
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

    typer.echo(installation.run(look))


@database_command.command("sql")
@options_of(Installation)
def sql(
    installation: Installation,
    only_missing: Annotated[
        bool, typer.Option("--missing", help="Only what this database does not have yet; asks it.")
    ] = False,
) -> None:
    """Print the SQL that makes the tables, for a role that may make them."""

    async def find_missing(db: Database) -> tuple[Migration, ...]:
        return (await check_migrations(db, known_migrations())).missing

    migrations = installation.run(find_missing, may_be_new=True) if only_missing else tuple(known_migrations())
    typer.echo(render_sql(installation.open().rendering, migrations), nl=False)


@command.command("migrate")
@options_of(Installation)
def make_tables(installation: Installation) -> None:
    """Make the tables, or bring them up to date."""

    async def apply(db: Database) -> list[str]:
        return await migrate(db, known_migrations())

    applied = installation.run(apply, may_be_new=True)
    typer.echo("\n".join(f"applied: {label}" for label in applied) or "Nothing to do: all migrations are applied.")


@command.command("prove")
@options_of(Installation)
def prove_refreshing(
    installation: Installation,
    runs: Annotated[int, typer.Option(min=0, help="How many random sessions.")] = 200,
    seed: Annotated[int, typer.Option(help="Of what is random; the same seed plays the same runs.")] = 1,
) -> None:
    """Play races, lost answers and thefts on this database, and tell the outcome.

    They are what signs people out, or lets thieves live, under other rules. Your rows are not touched: all happens
    under an app id of its own, which is deleted again, and on a clock of its own.
    """
    sessions = len(HONEST) + len(THEFT) + runs

    async def play(db: Database) -> tuple[str, Proof]:
        migrations = load_migrations(["watchword.sessions"])  # whichever recipes this installation has
        (await check_migrations(db, migrations)).require_current()
        second = installation.open()
        await second.start()
        try:
            with progress("Proving", sessions) as show:
                proof = await prove([db, second], migrations, runs=runs, seed=seed, show=lambda: show(1))
        finally:
            await second.stop()
        return await product(db), proof

    what, proof = installation.run(play)
    typer.echo(
        f"{what} at {installation.place}, two nodes on one clock, under the app id {proof.app_id}, now deleted.\n"
    )
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
