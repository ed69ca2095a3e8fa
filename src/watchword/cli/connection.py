"""What the commands share: how a database is named, found fit, and connected to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import unquote

from watchword import recipes
from watchword.database.database import Database
from watchword.database.migrations import Migration, MigrationReport
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import WatchwordError
from watchword.recipes.recipe import Recipe
from watchword.recipes_in_use import CORE_MIGRATION_PACKAGES, migrations_of

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


class NotCurrent(WatchwordError):
    """The tables are not those of this version; the message lists the differences."""

    code = "not_current"


@dataclass(frozen=True, slots=True)
class Installation:
    """The database of an installation, as the options of a command name it."""

    database: Url = field(repr=False)
    schema: Schema = None
    table_prefix: Prefix = ""

    @property
    def place(self) -> str:
        """Where it is, without user, password and parameters."""
        return place(self.database)

    def open(self) -> Database:
        """The database, not started yet, for one connection."""
        return open_database(self.database, schema=self.schema, table_prefix=self.table_prefix, pool_size=1)

    def run(self, work: Callable[[Database], Awaitable[T]], *, may_be_new: bool = False) -> T:
        """Connect, do the work, disconnect.

        Args:
            work: Is given the started database.
            may_be_new: Whether an SQLite file that is not there is made.
        Raises:
            NotCurrent: There is no such file.
        """
        if not may_be_new and self.database.startswith("sqlite:///") and not Path(unquote(self.place)).exists():
            raise NotCurrent(f"there is no database at {self.place}; watchword migrate, or the first start, makes it")

        async def connected() -> T:
            db = self.open()
            await db.start()
            try:
                return await work(db)
            finally:
                await db.stop()

        return asyncio.run(connected())


def known_migrations() -> list[Migration]:
    """The migrations of every room and of every recipe that Watchword has, used or not."""
    return migrations_of(known_recipes())


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
