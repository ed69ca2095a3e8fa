"""`watchword import …` and `watchword export`: users from other systems, and all users as a file."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TypeVar

from watchword.cli.connection import (
    NotCurrent,
    Prefix,
    Schema,
    Url,
    known_migrations,
    place,
    require_existing,
    typer,
    with_database,
)
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.database.migrations import check_migrations
from watchword.errors import WatchwordError
from watchword.ids import RandomIds
from watchword.transfer.errors import RecordRefused
from watchword.transfer.exporting import export_users
from watchword.transfer.importing import Importer
from watchword.transfer.records import write_record
from watchword.transfer.run import Brought, Report, import_users
from watchword.transfer.sources import jsonlines

T = TypeVar("T")

APP_ID = "public"

import_command = typer.Typer(
    no_args_is_help=True,
    help="Bring users from another system, with their ids and passwords. May be run again after an interruption.",
)

File = Annotated[Path, typer.Argument(help="The file to read.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and store nothing.")]
RefusedFile = Annotated[
    Path | None,
    typer.Option("--refused", help="A file for who was not taken and why, one JSON object a line.", show_default=False),
]


class SomeRefused(WatchwordError):
    """The import is through, but not for all; the message says for how many, and why."""

    code = "some_refused"


@import_command.command("jsonl")
def import_jsonl(
    file: File,
    database: Url,
    schema: Schema = None,
    table_prefix: Prefix = "",
    dry_run: DryRun = False,
    refused: RefusedFile = None,
) -> None:
    """Users from a file of JSON, one a line, in the form of SuperTokens' bulk import: see docs/import.md."""
    total = sum(1 for _ in jsonlines.read_lines(file))

    async def bring(db: Database) -> Report:
        return await run_import(db, jsonlines.read_users(file), total, dry_run=dry_run, refused=refused)

    tell(with_current_tables(database, schema, table_prefix, bring), database, dry_run=dry_run, refused=refused)


def export(
    file: Annotated[Path, typer.Argument(help="The file to write; - for standard output.", show_default=False)],
    database: Url,
    schema: Schema = None,
    table_prefix: Prefix = "",
) -> None:
    """Write every user, with password hash, providers and roles, into a file that `watchword import jsonl` reads."""

    async def write(db: Database) -> int:
        number = 0
        with nullcontext(sys.stdout) if str(file) == "-" else file.open("x", encoding="utf-8") as out:
            async for record in export_users(db, APP_ID):
                out.write(json.dumps(write_record(record), ensure_ascii=False, separators=(",", ":")) + "\n")
                number += 1
        return number

    if file.exists():
        raise NotCurrent(f"{file} exists already; name another, or remove it")
    number = with_current_tables(database, schema, table_prefix, write)
    typer.echo(f"{number} users written. Their password hashes are in it: keep it as you keep the database.", err=True)


def with_current_tables(
    database: str, schema: str | None, table_prefix: str, work: Callable[[Database], Awaitable[T]]
) -> T:
    """Do the work on a database that has all tables. Raises `NotCurrent`."""

    async def check_and_work(db: Database) -> T:
        report = await check_migrations(db, known_migrations())
        if report.missing or report.newer or report.changed:
            raise NotCurrent(f"the tables at {place(database)} are not those of this version; see watchword db check")
        return await work(db)

    require_existing(database)
    return with_database(database, schema, table_prefix, check_and_work)


async def run_import(
    db: Database,
    source: AsyncIterator[Brought],
    total: int,
    *,
    dry_run: bool,
    refused: Path | None,
    firebase_signer_key: str | None = None,
) -> Report:
    """Import all users of a source, with a progress bar on standard error.

    Args:
        db: Where to.
        source: Where from.
        total: How many there are.
        dry_run: Store nothing.
        refused: Where the refused are written to.
        firebase_signer_key: See `PasswordHasher`.
    """
    importer = Importer(
        db=db,
        app_id=APP_ID,
        passwords=PasswordHasher(firebase_signer_key=firebase_signer_key),
        ids=RandomIds(),
        clock=SystemClock(),
        dry_run=dry_run,
    )
    await importer.start()
    with (
        refused.open("w", encoding="utf-8") if refused else nullcontext() as file,
        typer.progressbar(length=total, label="Importing", file=sys.stderr) as bar,
    ):

        def note(where: str, refusal: RecordRefused) -> None:
            if file is not None:
                file.write(json.dumps({"place": where, "reason": str(refusal)}, ensure_ascii=False) + "\n")

        return await import_users(source, importer, refused=note, progress=bar.update)


def tell(report: Report, database: str, *, dry_run: bool, refused: Path | None) -> None:
    """Say what became of all. Raises `SomeRefused`, so that a script notices."""
    done = "could be imported" if dry_run else "imported"
    typer.echo(
        f"{report.read} read: {report.imported} {done} into {place(database)}, {report.already_there} were there."
    )
    if report.refused:
        reasons = ", ".join(f"{member} ({number})" for member, number in sorted(report.reasons.items()))
        more = f"; each with its reason in {refused}" if refused else "; --refused FILE tells each with its reason"
        raise SomeRefused(f"{report.refused} were refused, for {reasons}{more}")
