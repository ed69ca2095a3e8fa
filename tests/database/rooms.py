"""Packages with migrations, written for a test; run as a program, it migrates as one process of several."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchword.database.database import Body, Database, Row, Transaction
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database
from watchword.database.statements import Statement

ROOMS = {
    "house.cellar": {
        "0001_boxes.sql": """
            -- Boxes; each has a label.
            create table {boxes} (
                app_id text not null,
                label  text not null, -- what is written on it; never empty
                primary key (app_id, label)
            );
            create index {boxes_by_label} on {boxes} (label);
        """,
        "0002_weights.sql": "alter table {boxes} add column weight bigint not null default 0;",
    },
    "house.attic": {
        "0001_trunks.sql": """
            create table {trunks} (
                app_id text not null, label text not null, seal {bytes},
                foreign key (app_id, label) references {boxes} (app_id, label)
            );
            insert into {trunks} (app_id, label) select app_id, label from {boxes};
        """
    },
}
PACKAGES = tuple(ROOMS)
LABELS = [f"{package} {name.removesuffix('.sql')}" for package, files in ROOMS.items() for name in files]


def write_rooms(folder: Path, rooms: dict[str, dict[str, str]] | None = None) -> None:
    """Write the packages' files into a folder that is, or will be, on the import path."""
    for package, files in (rooms or ROOMS).items():
        migrations = folder.joinpath(*package.split("."), "migrations")
        migrations.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            migrations.joinpath(name).write_text(text)


class Mortal:
    """A database whose process is killed before the n-th statement of its migrations."""

    def __init__(self, database: Database, statements: int) -> None:
        self.rendering = database.rendering
        self._database = database
        self._left = statements

    async def write_schema(self, body: Body[Any]) -> Any:
        """Run the body with the clock ticking."""
        return await self._database.write_schema(lambda transaction: body(_MortalTransaction(self, transaction)))

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """Read as ever."""
        return await self._database.find(statement, **parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Read as ever."""
        return await self._database.list(statement, **parameters)

    def tick(self) -> None:
        """One statement less to live."""
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class _MortalTransaction:
    def __init__(self, mortal: Mortal, transaction: Transaction) -> None:
        self._mortal = mortal
        self._transaction = transaction

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        self._mortal.tick()
        return await self._transaction.execute(statement, **parameters)

    async def execute_many(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        self._mortal.tick()
        await self._transaction.execute_many(statement, parameters)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        self._mortal.tick()
        return await self._transaction.find(statement, **parameters)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        self._mortal.tick()
        return await self._transaction.list(statement, **parameters)


async def main(url: str, statements: int, packages: Sequence[str]) -> None:
    """Wait for the word on standard input, then start, migrate and print what was applied."""
    print("ready", flush=True)
    sys.stdin.readline()
    database = open_database(url)
    await database.start()
    fatal: Any = Mortal(database, statements) if statements >= 0 else database
    print(",".join(await migrate(fatal, load_migrations(packages))), flush=True)
    await database.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:] or PACKAGES))
