"""Numbered SQL files become tables: once each, in order, however many processes start at once.

Every room that owns tables has a folder `migrations/` with files like `0001_users.sql`, written once for
both databases. Each is applied in a transaction of its own, together with the row that says so: a process
that is killed half-way leaves whole migrations behind, and the next start goes on. Nothing is created, and
no right to create is needed, where nothing is missing.
"""

import hashlib
import importlib.resources
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from watchword.clock import Clock, SystemClock
from watchword.database.database import Body, Database, Transaction
from watchword.database.foreign_tables import foreign, list_columns, list_relations, refuse_foreign
from watchword.database.rendering import DEFAULT_SCHEMA, Rendering, split_statements
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = ""  # the package of the row that a process holds while it migrates; no package has this name

CREATE_TABLE = Statement("""
    create table if not exists {schema_migrations} (
        package       text   not null,
        number        bigint not null,
        name          text   not null,
        checksum      text   not null,
        applied_at_ms bigint not null,
        primary key (package, number)
    )
""")
ADD_LOCK = Statement("""
    insert into {schema_migrations} (package, number, name, checksum, applied_at_ms)
    values (:package, 0, 'the row that a migrating process locks', '', 0)
        on conflict do nothing
""")
TAKE_LOCK = Statement("select number from {schema_migrations} where package = :package {for_update}")
LIST_APPLIED = Statement("""
    select package, number, name, checksum from {schema_migrations} where package <> '' order by package, number
""")
ADD_APPLIED = Statement("""
    insert into {schema_migrations} (package, number, name, checksum, applied_at_ms)
    values (:package, :number, :name, :checksum, :applied_at_ms)
""")
_FIND_SCHEMA = "select nspname from pg_catalog.pg_namespace where nspname = :schema"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of one package, cut into statements.

    Attributes:
        package: The package that owns it, for example `watchword.sessions`.
        number: From 1, without gaps.
        statements: As written, without comments; so comments may be improved later.
        checksum: SHA-256 of the statements, hexadecimal.
    """

    package: str
    number: int
    name: str
    statements: tuple[str, ...]
    checksum: str

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.package} {self.number:04d}_{self.name}"


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """How a database stands to the code.

    Attributes:
        applied: Labels of what both know, in order.
        missing: What the code has and the database has not, in the order to apply.
        changed: Labels of what was applied from another text than the code has.
        newer: Labels of what the database has from a later version of the code.
    """

    applied: tuple[str, ...]
    missing: tuple[Migration, ...]
    changed: tuple[str, ...]
    newer: tuple[str, ...]

    def require_same_version(self) -> None:
        """Refuse a database that another version of the code has made.

        Raises:
            ConfigurationError: It is newer than the code (security SC-11), or a migration was changed
                after it was applied.
        """
        if self.newer:
            raise ConfigurationError(
                "database",
                f"a later version of Watchword changed this database ({self.newer[0]}); update this application to it",
            )
        if self.changed:
            raise ConfigurationError(
                "database",
                f"{self.changed[0]} was applied from another text than this version has; "
                "install the version that made this database, and update from there",
            )

    def require_current(self) -> None:
        """Refuse a database that is not exactly at the code's version.

        Raises:
            ConfigurationError: As above, or migrations are missing.
        """
        self.require_same_version()
        if self.missing:
            raise ConfigurationError(
                "database",
                f"its tables are not at this version, the first missing migration is {self.missing[0].label}; "
                "run `watchword migrate`, or what `watchword db sql` prints, or set migrate=True",
            )


def load_migrations(packages: Sequence[str]) -> list[Migration]:
    """The migrations of packages, in the order given, so that a package may refer to tables of an earlier one.

    Raises:
        ValueError: A file name without number and name, or a gap in the numbers.
    """
    migrations: list[Migration] = []
    for package in packages:
        folder = importlib.resources.files(package) / "migrations"
        files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
        for expected, file in enumerate(files, start=1):
            match = _FILE_NAME.fullmatch(file.name)
            if match is None or int(match[1]) != expected:
                raise ValueError(f"{package}/migrations/{file.name}: expected a name like {expected:04d}_what.sql")
            statements = split_statements(file.read_text(encoding="utf-8"))
            checksum = hashlib.sha256(";\n".join(statements).encode()).hexdigest()
            migrations.append(Migration(package, expected, match[2], tuple(statements), checksum))
    return migrations


async def check_migrations(db: Database, migrations: Sequence[Migration]) -> MigrationReport:
    """Compare a started database with the code; changes nothing.

    Raises:
        ConfigurationError: The tables that are missing cannot be made: tables of others have their names.
    """
    seen = await list_relations(db)  # before it is asked what is missing, see there
    columns = await list_columns(db, "schema_migrations")
    if columns and "package" not in columns:
        raise foreign(db.rendering, "schema_migrations")
    report = _report(await db.list(LIST_APPLIED) if columns else [], migrations)
    refuse_foreign(db.rendering, seen, (text for migration in report.missing for text in migration.statements))
    return report


async def list_missing(db: Database, migrations: Sequence[Migration]) -> list[str]:
    """The labels of what was not applied to a database that has been migrated before; one small read."""
    return [migration.label for migration in _report(await db.list(LIST_APPLIED), migrations).missing]


async def list_packages(db: Database) -> list[str]:
    """The packages of which something was applied to a database that has been migrated before; one small read."""
    return list(dict.fromkeys(row["package"] for row in await db.list(LIST_APPLIED)))


async def migrate(db: Database, migrations: Sequence[Migration], *, clock: Clock | None = None) -> list[str]:
    """Apply what is missing and return its labels; safe from several processes at once.

    Raises:
        ConfigurationError: The role may not create tables, tables of others have their names, a migration was
            changed after it was applied, or the database is newer than the code (security SC-11, DB-7).
    """
    clock = clock or SystemClock()
    report = await check_migrations(db, migrations)
    report.require_same_version()
    if not report.missing:
        return []
    await _create_table(db)
    done: list[str] = []
    while (label := await db.write_schema(_apply_next(db.rendering, migrations, clock.now_ms()))) is not None:
        done.append(label)
    return done


def render_sql(rendering: Rendering, migrations: Iterable[Migration], *, clock: Clock | None = None) -> str:
    """The migrations as a script for a role that may create tables, with the rows that mark them as applied.

    After it has run, a start needs no right to create anything.
    """
    now_ms = (clock or SystemClock()).now_ms()
    lines = ["-- Tables of Watchword. Run this with a role that may create tables; then grant the application's role"]
    lines += ["-- usage of the schema, and select, insert, update and delete on these tables.", "begin;"]
    if rendering.schema not in (None, DEFAULT_SCHEMA):  # `if not exists` too needs the right to create
        lines.append(f'create schema if not exists "{rendering.schema}";')
    lines.append(_render(rendering, CREATE_TABLE.text))
    table = rendering.table("schema_migrations")
    for migration in migrations:
        lines += ["", f"-- {migration.label}"]
        lines += [_render(rendering, statement) for statement in migration.statements]
        lines.append(f"insert into {table} (package, number, name, checksum, applied_at_ms)")
        lines.append(
            f"values ('{migration.package}', {migration.number}, '{migration.name}', '{migration.checksum}', {now_ms});"
        )
    return "\n".join([*lines, "", "commit;", ""])


def _render(rendering: Rendering, text: str) -> str:
    return rendering.compile(Statement(text)).text + ";"


def _report(rows: Sequence[Any], migrations: Sequence[Migration]) -> MigrationReport:
    known = {(migration.package, migration.number): migration for migration in migrations}
    packages = {migration.package for migration in migrations}
    stored = {(row["package"], row["number"]): row for row in rows if row["package"] in packages}
    return MigrationReport(
        applied=tuple(migration.label for key, migration in known.items() if key in stored),
        missing=tuple(migration for key, migration in known.items() if key not in stored),
        changed=tuple(
            migration.label
            for key, migration in known.items()
            if key in stored and stored[key]["checksum"] != migration.checksum
        ),
        newer=tuple(
            f"{package} {number:04d}_{row['name']}"
            for (package, number), row in stored.items()
            if (package, number) not in known
        ),
    )


async def _create_table(db: Database) -> None:
    """Make the schema and the table of applied migrations, if they are missing."""
    schema = db.rendering.schema

    async def create(transaction: Transaction) -> None:
        # Asked for first: `create schema if not exists` needs the right to create even where it exists.
        if schema is not None and await transaction.find(Statement(_FIND_SCHEMA), schema=schema) is None:
            await transaction.execute(Statement(f'create schema if not exists "{schema}"'))
        await transaction.execute(CREATE_TABLE)
        await transaction.execute(ADD_LOCK, package=_LOCK)

    await db.write_schema(create)


def _apply_next(rendering: Rendering, migrations: Sequence[Migration], now_ms: int) -> Body[str | None]:
    """A body that applies the first missing migration and returns its label; `None` when all are there."""
    postgres = rendering.dialect == "postgres"

    async def apply(transaction: Transaction) -> str | None:
        await transaction.find(TAKE_LOCK, package=_LOCK)  # another process that migrates is waited for here
        report = _report(await transaction.list(LIST_APPLIED), migrations)
        report.require_same_version()
        if not report.missing:
            return None
        migration = report.missing[0]
        if postgres:  # a change of a table that waits for its lock makes all others wait: rather fail and try again
            await transaction.execute(Statement("set local lock_timeout = '5s'"))
        for statement in migration.statements:
            await transaction.execute(Statement(statement))
        await transaction.execute(
            ADD_APPLIED,
            package=migration.package,
            number=migration.number,
            name=migration.name,
            checksum=migration.checksum,
            applied_at_ms=now_ms,
        )
        return migration.label

    return apply
