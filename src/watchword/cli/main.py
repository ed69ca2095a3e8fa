"""The `watchword` command: is the database fit, which SQL makes its tables, and make them.

Exit codes: 0 all is well · 1 it is not, and standard error says why · 2 the command was called wrongly.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import unquote

from watchword import recipes
from watchword.app import CORE_MIGRATION_PACKAGES
from watchword.cli.counter_examples import HONEST, THEFT
from watchword.cli.prove import Proof, prove
from watchword.cli.trial import Broken
from watchword.database.database import Database
from watchword.database.migrations import (
    Migration,
    MigrationReport,
    check_migrations,
    load_migrations,
    migrate,
    render_sql,
)
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import WatchwordError
from watchword.recipes.recipe import Recipe

try:
    import typer
except ModuleNotFoundError as error:
    raise SystemExit("the watchword command needs an extra: pip install 'watchword[cli]'") from error

T = TypeVar("T")

Url = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="DATABASE_URL",
        help="sqlite:///file.db or postgresql://user:password@host/name. The variable keeps the password out of ps.",
        show_default=False,
        show_envvar=True,
    ),
]
Schema = Annotated[str | None, typer.Option("--schema", help="PostgreSQL schema of the tables.", show_default=False)]
Prefix = Annotated[str, typer.Option("--table-prefix", help="What the names of the tables start with.")]

command = typer.Typer(name="watchword", no_args_is_help=True, pretty_exceptions_enable=False)
database_command = typer.Typer(no_args_is_help=True, help="Look at the database.")
command.add_typer(database_command, name="db")


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

    if is_missing_file(database):
        raise NotCurrent(f"there is no database at {place(database)}; watchword migrate, or the first start, makes it")
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

    if is_missing_file(database):
        raise NotCurrent(f"there is no database at {place(database)}; watchword migrate, or the first start, makes it")
    what, proof = with_database(database, schema, table_prefix, play)
    typer.echo(f"{what} at {place(database)}, two nodes on one clock, under the app id {proof.app_id}, now deleted.\n")
    typer.echo(proof.describe(runs, seed))
    if proof.broken:
        raise Broken(f"{len(proof.broken)} of {sessions} sessions went wrong; please report it with what stands above")


class NotCurrent(WatchwordError):
    """The tables are not those of this version; the message lists the differences."""

    code = "not_current"


def known_migrations() -> list[Migration]:
    """The migrations of every room and of every recipe that Watchword has, used or not."""
    packages = [*CORE_MIGRATION_PACKAGES]
    for recipe in known_recipes():
        packages += recipe.migration_packages
    return load_migrations(list(dict.fromkeys(packages)))


def known_recipes() -> list[type[Recipe]]:
    """Every recipe that Watchword has."""
    return [kind for kind in vars(recipes).values() if isinstance(kind, type) and issubclass(kind, Recipe)]


def find_unused(report: MigrationReport) -> dict[str, str]:
    """The packages of recipes of which nothing is applied, with the recipes they are needed for, in words.

    Nothing, where tables that every application has are missing: then this database is not set up at all.
    """
    begun = {label.split()[0] for label in report.applied}
    absent = dict.fromkeys(migration.package for migration in report.missing if migration.package not in begun)
    if any(package in CORE_MIGRATION_PACKAGES for package in absent):
        return {}
    return {
        package: " or ".join(recipe.__name__ for recipe in known_recipes() if package in recipe.migration_packages)
        for package in absent
    }


def with_database(url: str, schema: str | None, table_prefix: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Connect, do the work, disconnect."""

    async def run() -> T:
        db = open_database(url, schema=schema, table_prefix=table_prefix, pool_size=1)
        await db.start()
        try:
            return await work(db)
        finally:
            await db.stop()

    return asyncio.run(run())


async def product(db: Database) -> str:
    """What answers, with its version."""
    if db.rendering.dialect == "sqlite":
        row = await db.find(Statement("select sqlite_version() as version"))
        return f"SQLite {row['version'] if row else ''}"
    row = await db.find(Statement("select current_setting('server_version') as version"))
    return f"PostgreSQL {row['version'].split()[0] if row else ''}"


def place(url: str) -> str:
    """Where a database is, without user, password and parameters."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return rest.removeprefix("/") or "memory"
    return rest.rsplit("@", 1)[-1].split("?", 1)[0]


def is_missing_file(url: str) -> bool:
    """Whether looking at this SQLite database would make it."""
    return url.startswith("sqlite:///") and not Path(unquote(place(url))).exists()


def main() -> None:
    """Run the command; an error of ours is its sentence on standard error, without a stack trace."""
    try:
        command()
    except WatchwordError as error:
        typer.echo(f"watchword: {error}", err=True)
        sys.exit(1)
