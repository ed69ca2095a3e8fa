"""`watchword import` and `watchword export` as people call them: own processes, files, real databases, and a kill."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_main import COMMAND, call
from tests.site import SECRET, running_site
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.recipes import EmailPassword

HASH = "$2b$10$abcdefghijklmnopqrstuuJ7q3l6v5C4GQe2XyCzLqBvN0b1m2n3o"


@pytest.fixture
def installation(database_url: str) -> str:
    """The URL of a database with all tables."""
    assert 0 == call("migrate", DATABASE_URL=database_url).returncode
    return database_url


def line(number: int) -> dict[str, Any]:
    """One user of many."""
    method = {"recipeId": "emailpassword", "email": f"user{number}@example.com", "passwordHash": HASH}
    return {"externalUserId": f"old-{number:06}", "loginMethods": [method]}


def write_lines(path: Path, lines: list[Any]) -> Path:
    """A file of these, text as it is and everything else as JSON."""
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    return path


def count(url: str, table: str = "users") -> int:
    """How many rows a table has."""

    async def ask() -> int:
        db = open_database(url)
        await db.start()
        try:
            return len(await db.list(Statement(f"select app_id from {{{table}}}")))  # noqa: S608 - our own name
        finally:
            await db.stop()

    return asyncio.run(ask())


def test_broken_lines_are_reported_and_the_others_taken(installation: str, tmp_path: Path) -> None:
    """Each refused line with place and reason in the file, the reasons summed up, and exit code 1."""
    file = write_lines(
        tmp_path / "users.jsonl",
        [
            line(1),
            "not json",
            {"loginMethods": []},
            "",
            {**line(2), "loginMethods": [{**line(2)["loginMethods"][0], "passwordHash": "md5"}]},
            line(3),
        ],
    )
    refused = tmp_path / "refused.jsonl"
    answer = call("import", "jsonl", str(file), "--refused", str(refused), DATABASE_URL=installation)
    assert 1 == answer.returncode
    assert answer.stdout.startswith("5 read: 2 imported into ")
    assert "3 were refused, for loginMethods (1), loginMethods[0].passwordHash (1), the line (1)" in answer.stderr
    reasons = [json.loads(text) for text in refused.read_text().splitlines()]
    assert ["line 2", "line 3", "line 5"] == [reason["place"] for reason in reasons]
    assert "the line: is not valid JSON" == reasons[0]["reason"]
    assert HASH not in answer.stdout + answer.stderr + refused.read_text()
    assert 2 == count(installation)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_a_file_of_another_encoding(sqlite_url: str, tmp_path: Path, encoding: str) -> None:
    """A byte order mark is fine, UTF-16 is named, and a line that is not UTF-8 is refused as such."""
    call("migrate", DATABASE_URL=sqlite_url)
    file = tmp_path / "users.jsonl"
    user = {"loginMethods": [{"recipeId": "emailpassword", "email": "zoë@example.com"}]}
    file.write_bytes((json.dumps(user, ensure_ascii=False) + "\n").encode(encoding))
    answer = call("import", "jsonl", str(file), DATABASE_URL=sqlite_url)
    expected = {"utf-16": "the file is UTF-16; save it as UTF-8", "latin-1": "1 were refused, for the line (1)"}
    assert expected.get(encoding, "") in answer.stderr
    assert int(encoding == "utf-8-sig") == count(sqlite_url)


def test_an_import_that_is_killed_and_run_again_has_everybody_once(installation: str, tmp_path: Path) -> None:
    """SIGKILL somewhere in the middle; the second run says how many were there, and the sum is exact."""
    total = 3_000
    file = write_lines(tmp_path / "users.jsonl", [line(number) for number in range(total)])
    environment = {**os.environ, "DATABASE_URL": installation}
    with subprocess.Popen([COMMAND, "import", "jsonl", file], env=environment, stderr=subprocess.DEVNULL) as running:
        while count(installation) == 0 and running.poll() is None:
            pass
        running.send_signal(signal.SIGKILL)
    there = count(installation)
    assert 0 < there < total
    assert there == count(installation, "emailpassword_users") == count(installation, "emailpassword_emails")

    answer = call("import", "jsonl", str(file), DATABASE_URL=installation)
    assert (0, total) == (answer.returncode, count(installation))
    assert answer.stdout.startswith(f"{total} read: {total - there} imported into ")
    assert f"{there} were there." in answer.stdout


def test_a_dry_run_stores_nothing(installation: str, tmp_path: Path) -> None:
    """It says what could be imported."""
    file = write_lines(tmp_path / "users.jsonl", [line(1), line(2)])
    answer = call("import", "jsonl", str(file), "--dry-run", DATABASE_URL=installation)
    assert answer.stdout.startswith("2 read: 2 could be imported into ")
    assert 0 == count(installation)


def test_all_users_go_out_and_into_another_installation(installation: str, tmp_path: Path) -> None:
    """What `export` writes, `import jsonl` reads: no lock-in. The file is never overwritten."""
    users = write_lines(tmp_path / "users.jsonl", [line(number) for number in range(600)])
    call("import", "jsonl", str(users), DATABASE_URL=installation)
    out = tmp_path / "out.jsonl"
    answer = call("export", str(out), DATABASE_URL=installation)
    assert (0, 600) == (answer.returncode, len(out.read_text().splitlines()))
    assert "600 users written" in answer.stderr
    assert 0o600 == out.stat().st_mode & 0o777, "nobody else on the machine reads the hashes"
    assert "exists already" in call("export", str(out), DATABASE_URL=installation).stderr

    other = f"sqlite:///{tmp_path}/other.db"
    call("migrate", DATABASE_URL=other)
    assert call("import", "jsonl", str(out), DATABASE_URL=other).stdout.startswith("600 read: 600 imported")
    assert out.read_text() == call("export", "-", DATABASE_URL=other).stdout


def test_what_goes_in_and_out_stands_in_the_audit_log(installation: str, tmp_path: Path) -> None:
    """With the application's secret, in the chain; without it a sentence says that it does not."""
    users, out = write_lines(tmp_path / "users.jsonl", [line(number) for number in range(501)]), str(tmp_path / "out")
    known = {"DATABASE_URL": installation, "WATCHWORD_SECRET": SECRET}
    assert "there is no audit log yet" in call("import", "jsonl", str(users), **known).stderr

    async def start_and_stop() -> None:
        async with running_site(installation, recipes=[EmailPassword()]):
            pass

    asyncio.run(start_and_stop())
    more = write_lines(tmp_path / "more.jsonl", [line(number) for number in range(1_000, 1_501)])
    assert 0 == call("import", "jsonl", str(more), **known).returncode
    assert 0 == call("import", "jsonl", str(more), **known).returncode, "nobody came"
    assert "Not recorded" in call("export", f"{out}1", DATABASE_URL=installation).stderr
    assert 0 == call("export", f"{out}2", **known).returncode
    listed = call("audit", "list", **known).stdout.splitlines()
    told = [one.split()[1:] for one in listed if "users_" in one]
    assert [["users_exported"], ["users_imported", "number=1"], ["users_imported", "number=500"]] == told
    assert "The audit log is whole" in call("audit", "verify", **known).stdout
    refused = call("export", f"{out}3", DATABASE_URL=installation, WATCHWORD_SECRET="x" * 40)
    assert (1, False) == (refused.returncode, Path(f"{out}3").exists()), "another application's secret"


def test_tables_that_only_the_application_does_without_are_named(sqlite_url: str, tmp_path: Path) -> None:
    """An application without providers made its tables: `db check` finds them fit, and an import says what it wants."""

    async def start_and_stop() -> None:
        async with running_site(sqlite_url, recipes=[EmailPassword()]):
            pass

    asyncio.run(start_and_stop())
    assert 0 == call("db", "check", DATABASE_URL=sqlite_url).returncode
    file = write_lines(tmp_path / "users.jsonl", [line(1)])
    refused = call("import", "jsonl", str(file), DATABASE_URL=sqlite_url)
    assert "make the missing tables: watchword migrate" in refused.stderr
    call("migrate", DATABASE_URL=sqlite_url)
    assert 0 == call("import", "jsonl", str(file), DATABASE_URL=sqlite_url).returncode


def test_without_tables_or_file_it_says_what_to_do(sqlite_url: str, tmp_path: Path) -> None:
    """An installation that was never migrated, and a file that is not there."""
    file = write_lines(tmp_path / "users.jsonl", [line(1)])
    assert "watchword migrate" in call("import", "jsonl", str(file), DATABASE_URL=sqlite_url).stderr
    call("migrate", DATABASE_URL=sqlite_url)
    missing = call("import", "jsonl", str(tmp_path / "no.jsonl"), DATABASE_URL=sqlite_url)
    assert (1, True) == (missing.returncode, "cannot be read" in missing.stderr)
