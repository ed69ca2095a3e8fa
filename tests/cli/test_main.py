"""The `watchword` command as people call it: its own process, real databases, what it prints and its exit code."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer

from watchword.cli.main import command
from watchword.cli.progress import progress
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database
from watchword.recipes import EmailPassword
from watchword.recipes_in_use import CORE_MIGRATION_PACKAGES

COMMAND = Path(sys.executable).with_name("watchword")


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [COMMAND, *arguments],
        env={**kept, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_and_help_need_nothing() -> None:
    """`--version` and `--help` work without a database, and without arguments there is help."""
    assert (0, "watchword 0.1.0\n") == ((answer := call("--version")).returncode, answer.stdout)
    for arguments in ([], ["--help"], ["db"], ["db", "--help"]):
        answer = call(*arguments)
        assert "Usage: watchword" in answer.stdout + answer.stderr


def test_check_before_and_after_migrate(database_url: str) -> None:
    """An empty database is named as such with the way out; after `migrate` all is well, and a second one idles."""
    before = call("db", "check", "--database", database_url)
    assert 1 == before.returncode
    assert "watchword migrate" in before.stderr

    first = call("migrate", DATABASE_URL=database_url)
    assert (0, "") == (first.returncode, first.stderr)
    assert "applied: watchword.accounts 0001" in first.stdout
    second = call("migrate", DATABASE_URL=database_url)
    assert (0, "Nothing to do: all migrations are applied.\n") == (second.returncode, second.stdout)

    after = call("db", "check", DATABASE_URL=database_url)
    assert (0, "") == (after.returncode, after.stderr)
    assert "answers. All " in after.stdout


def test_the_printed_sql_makes_the_tables_in_a_schema_with_a_prefix(postgres_url: str) -> None:
    """What `db sql` prints, run by another tool, makes the check pass: schema and prefix as chosen."""
    chosen = ["--database", postgres_url, "--schema", "signin", "--table-prefix", "ww_"]
    script = call("db", "sql", *chosen)
    assert 0 == script.returncode
    assert 'create table "signin"."ww_sessions"' in script.stdout
    run_sql(postgres_url, script.stdout)

    assert 0 == call("db", "check", *chosen).returncode
    assert 1 == call("db", "check", "--database", postgres_url).returncode
    rest = call("db", "sql", "--missing", *chosen)
    assert (0, False) == (rest.returncode, "sessions" in rest.stdout)


def test_check_names_what_is_missing(postgres_url: str) -> None:
    """Each migration that is not applied is listed, and the way out."""
    answer = call("db", "check", "--database", postgres_url)
    assert 1 == answer.returncode
    assert "missing: watchword.sessions 0001" in answer.stderr
    assert "Run watchword migrate" in answer.stderr


def test_check_is_content_without_the_tables_of_recipes_that_are_not_listed(tmp_path: Path) -> None:
    """An application with passwords only has no tables of providers: that is told, and is no failure."""
    url = f"sqlite:///{tmp_path / 'app.db'}"
    packages = [*CORE_MIGRATION_PACKAGES, *EmailPassword.migration_packages]

    async def make() -> None:
        db = open_database(url)
        await db.start()
        await migrate(db, load_migrations(packages))
        await db.stop()

    asyncio.run(make())
    answer = call("db", "check", "--database", url)
    assert (0, "") == (answer.returncode, answer.stderr)
    assert "thirdparty: needed only if the application lists ThirdParty or ThirdPartyEmailPassword" in answer.stdout

    with closing(sqlite3.connect(tmp_path / "app.db")) as connection, connection:
        connection.execute("delete from schema_migrations where package = 'watchword.sessions'")
    answer = call("db", "check", "--database", url)
    assert (1, True) == (answer.returncode, 'a table "sessions" that is not Watchword\'s' in answer.stderr)


@pytest.mark.parametrize("arguments", [["db", "check"], ["migrate"]])
def test_a_table_of_the_application_in_the_way_is_told(tmp_path: Path, arguments: list[str]) -> None:
    """In the application's own database, the sentence says how to keep both apart."""
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection, connection:
        connection.execute("create table users (id integer)")
    answer = call(*arguments, "--database", f"sqlite:///{tmp_path / 'app.db'}")
    expected = 'watchword: database: a table "users" that is not Watchword\'s is there already; '
    assert (1, expected + 'set table_prefix="watchword_"\n') == (answer.returncode, answer.stderr)


def test_check_makes_no_file(tmp_path: Path) -> None:
    """A mistyped path is told and nothing appears there."""
    answer = call("db", "check", "--database", f"sqlite:///{tmp_path / 'typo.db'}")
    assert (1, []) == (answer.returncode, list(tmp_path.iterdir()))
    assert f"there is no database at {tmp_path / 'typo.db'}" in answer.stderr


def test_sql_asks_no_database() -> None:
    """`db sql` works where nobody listens."""
    answer = call("db", "sql", "--database", "postgresql://nobody@localhost:1/nothing")
    assert (0, "") == (answer.returncode, answer.stderr)
    assert "create table" in answer.stdout


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ada:sesame-open@localhost:1/app", "cannot be used"),
        ("mysql://ada:sesame-open@localhost/app", "MySQL is not supported; use SQLite or PostgreSQL"),
        ("sqlite:////nowhere/at/all.db", "database"),
    ],
)
def test_what_cannot_work_is_a_sentence(url: str, words: str) -> None:
    """A database that cannot be used ends with exit code 1 and a sentence: no stack trace, no password."""
    answer = call("db", "check", "--database", url)
    assert 1 == answer.returncode
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "sesame-open" not in answer.stdout + answer.stderr


def test_without_a_database_the_option_and_the_variable_are_named() -> None:
    """Forgetting the database is a wrong call that names both ways to give it."""
    answer = call("db", "check")
    assert 2 == answer.returncode
    assert "--database" in answer.stderr
    assert "DATABASE_URL" in answer.stderr


def run_sql(url: str, script: str) -> None:
    """Run a script with the driver alone, as an administrator's tool would."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(script)
        await connection.close()

    asyncio.run(run())


def test_every_command_says_in_one_line_what_it_does(subtests: pytest.Subtests) -> None:
    """The first line begins with a verb and fits a list of commands; every option and argument has its words."""
    for path, found in commands_below(typer.main.get_command(command)):
        with subtests.test(path):
            first = (found.help or "").partition("\n\n")[0]
            assert re.fullmatch(r"[A-Z][a-z]+ .{10,80}\.", first), first
            for parameter in found.params:
                assert getattr(parameter, "help", None), f"{path} {parameter.name}"


def commands_below(found: Any, path: str = "watchword") -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it, groups included but the whole."""
    for name, one in getattr(found, "commands", {}).items():
        yield f"{path} {name}", one
        yield from commands_below(one, f"{path} {name}")


@pytest.mark.parametrize(("length", "told"), [(4, ["2", "4"]), (0, []), (1, ["1"])])
def test_progress_is_lines_where_there_is_no_terminal(
    length: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The log of a job gets a line a tenth at most, and none of the control characters of a bar."""
    with progress("Importing", length) as show:
        for _ in range(length // 2):
            show(2)
        show(length % 2)
    lines = capsys.readouterr().err.splitlines()
    assert [f"Importing: {number} of {length}" for number in told] == lines
