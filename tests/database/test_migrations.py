"""Migrations: once each, in order, whatever starts, stops or is killed at the same time."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Postgres
from tests.database import rooms
from tests.database.rooms import LABELS, PACKAGES, ROOMS, write_rooms
from watchword.database.database import Database
from watchword.database.foreign_tables import list_relations
from watchword.database.migrations import Migration, check_migrations, load_migrations, migrate, render_sql
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError

pytestmark = pytest.mark.behind_pgbouncer

COUNT_TRUNKS = Statement("select count(*) as number from {trunks}")
LIST_BOXES = Statement("select label, weight from {boxes}")
ADD_BOX = Statement("insert into {boxes} (app_id, label) values ('public', :label)")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path with the packages of `ROOMS`."""
    folder = tmp_path / "packages"
    write_rooms(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name == "house" or name.startswith("house.")]:
        del sys.modules[name]


@pytest.fixture
def migrations(house: Path) -> list[Migration]:
    """The migrations of `ROOMS`."""
    return load_migrations(PACKAGES)


async def test_they_are_applied_once_in_order(db: Database, migrations: list[Migration]) -> None:
    """The first call applies all in order and says which; the second does nothing."""
    before = await check_migrations(db, migrations)
    assert (LABELS, ()) == ([migration.label for migration in before.missing], before.applied)

    assert LABELS == await migrate(db, migrations)
    assert [] == await migrate(db, migrations)

    after = await check_migrations(db, migrations)
    assert (tuple(LABELS), (), (), ()) == (after.applied, after.missing, after.changed, after.newer)
    after.require_current()
    assert [] == await db.list(LIST_BOXES)


@pytest.mark.parametrize("table", ["trunks", "schema_migrations"])
async def test_a_table_of_somebody_else_is_in_the_way(db: Database, migrations: list[Migration], table: str) -> None:
    """The application's own table of that name is left as it is, and nothing of ours is there afterwards."""
    await db.write_schema(lambda tx: tx.execute(Statement(f"create table {{{table}}} (mine bigint)")))
    before = await list_relations(db)

    with pytest.raises(ConfigurationError, match=f"^database: a table .*{table}.* is there already; set ") as caught:
        await migrate(db, migrations)

    assert 'table_prefix="watchword_"' in caught.value.remedy
    assert ("postgres" == db.rendering.dialect) == ('database_schema="watchword"' in caught.value.remedy)
    assert before == await list_relations(db)


async def test_new_ones_come_on_top(db: Database, migrations: list[Migration], house: Path) -> None:
    """A database with data gets only what is new, and a package that was added later gets all of its own."""
    assert LABELS[:1] == await migrate(db, migrations[:1])
    await db.write(lambda tx: tx.execute(ADD_BOX, label="old"))

    assert LABELS[1:] == await migrate(db, migrations)

    assert [("old", 0)] == [(row["label"], row["weight"]) for row in await db.list(LIST_BOXES)]
    row = await db.find(COUNT_TRUNKS)
    assert row is not None
    assert 1 == row["number"]


async def test_a_package_that_is_not_used_is_left_alone(db: Database, migrations: list[Migration]) -> None:
    """What the database has of packages that this application does not use is none of its business."""
    await migrate(db, migrations)
    cellar = [migration for migration in migrations if migration.package == "house.cellar"]
    assert [] == await migrate(db, cellar)
    (await check_migrations(db, cellar)).require_current()


async def test_missing_ones_stop_a_start_that_may_not_migrate(db: Database, migrations: list[Migration]) -> None:
    """The sentence names the first missing migration and the commands that bring it."""
    report = await check_migrations(db, migrations)
    with pytest.raises(ConfigurationError, match=r"^database: .*house\.cellar 0001_boxes.*watchword db sql") as caught:
        report.require_current()
    assert "database" == caught.value.setting
    report.require_same_version()


async def test_a_database_newer_than_the_code_stops_the_start(db: Database, migrations: list[Migration]) -> None:
    """Old code does not touch a database that a later version has changed (SC-11)."""
    await migrate(db, migrations)
    old = [migration for migration in migrations if migration.name != "weights"]
    assert ("house.cellar 0002_weights",) == (await check_migrations(db, old)).newer
    with pytest.raises(ConfigurationError, match="later version"):
        await migrate(db, old)
    with pytest.raises(ConfigurationError, match="later version"):
        (await check_migrations(db, old)).require_current()


async def test_a_changed_migration_stops_the_start(db: Database, migrations: list[Migration], house: Path) -> None:
    """A migration whose statements are not those that were applied is refused; better comments are not a change."""
    await migrate(db, migrations)
    boxes = ROOMS["house.cellar"]["0001_boxes.sql"]

    write_rooms(house, {"house.cellar": {"0001_boxes.sql": "-- More: about; 'boxes\n" + boxes.replace("\n", " \n\t")}})
    assert [] == await migrate(db, load_migrations(PACKAGES))

    write_rooms(house, {"house.cellar": {"0001_boxes.sql": boxes.replace("label  text", "label varchar")}})
    changed = load_migrations(PACKAGES)
    assert ("house.cellar 0001_boxes",) == (await check_migrations(db, changed)).changed
    with pytest.raises(ConfigurationError, match=r"house\.cellar 0001_boxes was applied from another text"):
        await migrate(db, changed)


@pytest.mark.parametrize("name", ["2_x.sql", "0002-x.sql", "0003_x.sql", "0001_other.sql", "0002_X.sql", "x.sql"])
def test_a_file_out_of_order_is_refused(house: Path, name: str) -> None:
    """Numbers start at 1 and have no gap and no double; a name is lower case: else it is a programming error."""
    write_rooms(house, {"house.attic": {name: "select 1"}})
    with pytest.raises(ValueError, match=r"house\.attic/migrations/.*expected a name like 000\d_what\.sql"):
        load_migrations(PACKAGES)


def start_process(house: Path, url: str, statements: int = -1) -> subprocess.Popen[str]:
    """A process that stands ready to migrate, and is killed before the n-th statement."""
    process = subprocess.Popen(
        [sys.executable, str(Path(rooms.__file__)), url, str(statements)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(house), *filter(None, sys.path)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "ready\n" == process.stdout.readline()
    return process


def test_eight_processes_start_at_once_on_an_empty_database(house: Path, database_url: str) -> None:
    """Each migration is applied by one of them, all of them go on, none sees an error (F-18)."""
    processes = [start_process(house, database_url) for _ in range(8)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].strip() for process in processes]

    assert [0] * 8 == [process.returncode for process in processes]
    assert sorted(LABELS) == sorted(label for answer in answers for label in answer.split(",") if label)


async def test_a_killed_migration_is_resumed(house: Path, database_url: str) -> None:
    """Killed between two statements, whole migrations are there and none in part; the next start goes on (F-19)."""
    for statements in (4, 6, 9, 6):  # before the first table, inside a migration, between two, before its row
        process = start_process(house, database_url, statements)
        process.communicate("go\n")
        assert -signal.SIGKILL == process.returncode
        await assert_nothing_in_part(database_url)

    process = start_process(house, database_url)
    rest = process.communicate("go\n")[0].strip().split(",")
    assert LABELS[-len(rest) :] == rest
    applied = await assert_nothing_in_part(database_url)
    assert tuple(LABELS) == applied


async def assert_nothing_in_part(url: str) -> tuple[str, ...]:
    """What a migration makes is there when its row is, and only then; returns the labels of the rows."""
    database = open_database(url)
    await database.start()
    applied = (await check_migrations(database, load_migrations(PACKAGES))).applied
    for label, text in zip(LABELS, ("select label from {boxes}", "select weight from {boxes}"), strict=False):
        if label in applied:
            assert [] == await database.list(Statement(text))
        else:
            with pytest.raises(Exception, match=r"(?i)no such|does not exist"):
                await database.list(Statement(text))
    await database.stop()
    return applied


async def test_the_running_version_goes_on_beside_a_newer_one(db: Database, migrations: list[Migration]) -> None:
    """What runs while a later version migrates keeps reading and writing, prepared statements included (F-19)."""
    star = Statement("select * from {boxes} where label = :label")
    await migrate(db, migrations[:1])
    await db.write(lambda tx: tx.execute(ADD_BOX, label="a"))
    assert await db.find(star, label="a") is not None
    await db.write(lambda tx: tx.find(star, label="a"))

    await migrate(db, migrations)

    row = await db.write(lambda tx: tx.find(star, label="a"))
    assert row is not None
    assert await db.find(star, label="a") is not None
    await db.write(lambda tx: tx.execute(ADD_BOX, label="b"))


async def test_the_printed_sql_does_the_same_on_sqlite(sqlite_url: str, migrations: list[Migration]) -> None:
    """The script, run by another program, makes the tables; then nothing is missing."""
    database = open_database(sqlite_url, table_prefix="ww_")
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    connection.executescript(render_sql(database.rendering, migrations))
    connection.close()

    await database.start()
    (await check_migrations(database, migrations)).require_current()
    assert [] == await migrate(database, migrations)
    assert [] == await database.list(LIST_BOXES)
    await database.stop()


@pytest.fixture
async def app_url(postgres: Postgres, postgres_url: str) -> Iterator[str]:
    """The URL of a role that may log in and nothing else."""
    role = postgres_url.rpartition("/")[2].replace("watchword_test", "watchword_app")
    postgres.execute(
        f"create role {role} login password 'sesame'; revoke create on schema public from public", postgres_url
    )
    yield re.sub(r"//([^@]*@)?", f"//{role}:sesame@", postgres_url)
    postgres.execute(f"drop owned by {role}; drop role {role}", postgres_url)


@pytest.mark.parametrize("schema", [None, "signin"])
async def test_a_role_without_ddl_needs_none(
    postgres: Postgres, postgres_url: str, app_url: str, migrations: list[Migration], schema: str | None
) -> None:
    """What `db sql` prints is run by another role; then the application's role starts, migrates nothing, and works."""
    role = app_url.partition("//")[2].partition(":")[0]
    database = open_database(app_url, schema=schema, table_prefix="ww_")
    await database.start()
    with pytest.raises(ConfigurationError, match=r"permission denied.*watchword db sql") as caught:
        await migrate(database, migrations)
    assert "sesame" not in str(caught.value)

    postgres.execute(render_sql(database.rendering, migrations), postgres_url)
    with pytest.raises(ConfigurationError, match=r"permission denied.*[Gg]rant the role usage"):
        await migrate(database, migrations)
    tables = f"all tables in schema {schema or 'public'}"
    postgres.execute(f"grant usage on schema {schema or 'public'} to {role}", postgres_url)
    postgres.execute(f"grant select, insert, update, delete on {tables} to {role}", postgres_url)

    assert [] == await migrate(database, migrations)
    (await check_migrations(database, migrations)).require_current()
    await database.write(lambda tx: tx.execute(ADD_BOX, label="a"))
    assert 1 == len(await database.list(LIST_BOXES))
    await database.stop()


async def test_a_schema_is_made_and_used_whatever_the_search_path_says(
    postgres: Postgres, postgres_url: str, migrations: list[Migration]
) -> None:
    """Tables and indexes are where `schema` says; a search path that leads elsewhere leads nobody there."""
    name = postgres_url.rpartition("/")[2]
    postgres.execute(f"create schema decoy; alter database {name} set search_path = decoy", postgres_url)
    for schema in (None, "signin"):
        database = open_database(postgres_url, schema=schema)
        await database.start()
        await migrate(database, migrations)
        await database.write(lambda tx, schema=schema: tx.execute(ADD_BOX, label=str(schema)))
        assert [str(schema)] == [row["label"] for row in await database.list(LIST_BOXES)]
        await database.stop()

    connection = await asyncpg.connect(postgres_url)
    places = await connection.fetch(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relname in ('boxes', 'boxes_by_label', 'schema_migrations', 'trunks')"
    )
    await connection.close()
    assert {"public", "signin"} == {place["nspname"] for place in places}
    assert 8 == len(places)


async def test_another_process_that_migrates_is_waited_for(
    postgres: Postgres, postgres_url: str, migrations: list[Migration]
) -> None:
    """While one holds the lock row, another waits, and then finds the work done."""
    database = open_database(postgres_url)
    await database.start()
    await migrate(database, migrations[:1])
    other = await asyncpg.connect(postgres_url)
    transaction = other.transaction()
    await transaction.start()
    await other.fetch("select number from public.schema_migrations where package = '' for update")

    waiting = asyncio.create_task(migrate(database, migrations))
    while not await other.fetchval("select count(*) from pg_locks where not granted"):
        assert not waiting.done()
    await transaction.rollback()

    assert LABELS[1:] == await waiting
    await other.close()
    await database.stop()
