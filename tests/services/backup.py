"""Yesterday's backup: taken and restored as an operator does it, by the databases' own programs."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.services.postgres import find_binaries


def take_backup(database_url: str, to: Path) -> None:
    """Copy a database that is in use: with SQLite's `vacuum into`, or with `pg_dump`."""
    if database_url.startswith("sqlite:"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            connection.execute("vacuum into ?", [str(to)])
        return
    _run("pg_dump", "--format=custom", "--file", str(to), database_url)


def restore_backup(database_url: str, backup: Path) -> None:
    """Put it in the place of what is there now; nobody uses it meanwhile."""
    if database_url.startswith("sqlite:"):
        place = Path(database_url.removeprefix("sqlite:///"))
        for ending in ("-wal", "-shm"):
            place.with_name(place.name + ending).unlink(missing_ok=True)
        place.write_bytes(backup.read_bytes())
        return
    _run("pg_restore", "--clean", "--if-exists", "--exit-on-error", "--dbname", database_url, str(backup))


def _run(program: str, *arguments: str) -> None:
    command = [str(find_binaries() / program), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PGCONNECT_TIMEOUT": "10"}
    )
    assert done.returncode == 0, f"{program} failed:\n{done.stderr}"
