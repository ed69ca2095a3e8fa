"""`watchword import …` and `watchword export`: users from other systems, and all users as a file."""

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO, TypeVar

from watchword.app import APP_ID
from watchword.audit.events import SecurityEvent, Unlogged
from watchword.cli.connection import (
    Installation,
    NotCurrent,
    known_migrations,
    typer,
)
from watchword.cli.options import options_of
from watchword.cli.progress import progress
from watchword.cli.recording import open_event_log
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.database.foreign import ForeignDatabase
from watchword.database.migrations import check_migrations
from watchword.errors import WatchwordError
from watchword.ids import RandomIds
from watchword.transfer.errors import RecordRefused
from watchword.transfer.exporting import export_users
from watchword.transfer.importing import Importer
from watchword.transfer.records import write_record
from watchword.transfer.run import Brought, Report, import_users
from watchword.transfer.sources import auth0, cognito, django, fastapi_users, firebase, jsonlines, supertokens

T = TypeVar("T")

import_command = typer.Typer(
    no_args_is_help=True,
    help="Bring users from another system, with their ids and passwords.",
)

File = Annotated[Path, typer.Argument(help="The file to read.", show_default=False)]
From = Annotated[
    str,
    typer.Option(
        "--from",
        envvar="FROM_URL",
        help="The other application's database, which is only read: sqlite:///file.db or postgresql://…",
        show_default=False,
    ),
]
SignerKey = Annotated[
    str | None,
    typer.Option(
        "--signer-key", envvar="FIREBASE_SIGNER_KEY", help="base64_signer_key of the console.", show_default=False
    ),
]
UserNames = Annotated[
    bool, typer.Option("--user-names", help="People sign in with user names, which need not be addresses.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and store nothing.")]
RefusedFile = Annotated[
    Path | None,
    typer.Option("--refused", help="A file for who was not taken and why, one JSON object a line.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Target(Installation):
    """Where users are brought to, and how: the options of all import commands."""

    dry_run: DryRun = False
    refused: RefusedFile = None


class SomeRefused(WatchwordError):
    """The import is through, but not for all; the message says for how many, and why."""

    code = "some_refused"


@import_command.command("jsonl")
@options_of(Target)
def import_jsonl(target: Target, file: File, user_names: UserNames = False) -> None:
    """Import users from a file of JSON objects, one a line.

    Their form is that of SuperTokens' bulk import: see docs/import.md.
    """
    total = sum(1 for _ in jsonlines.read_lines(file))
    bring(target, jsonlines.read_users(file, user_names=user_names), total)


@import_command.command("django")
@options_of(Target)
def import_django(
    target: Target,
    from_url: From,
    table: Annotated[str, typer.Option("--table", help="The table of the user model.")] = "auth_user",
    user_names: UserNames = False,
) -> None:
    """Import the users of a Django application.

    With allauth's addresses and providers, where it has them.
    """
    source = ForeignDatabase(from_url)
    bring(target, django.read_users(source, table, user_names=user_names), partial(source.count, table))


@import_command.command("fastapi-users")
@options_of(Target)
def import_fastapi_users(
    target: Target,
    from_url: From,
    table: Annotated[str, typer.Option("--table", help="The table of users.")] = "user",
    oauth_table: Annotated[str, typer.Option("--oauth-table", help="The table of providers.")] = "oauth_account",
) -> None:
    """Import the users of an application with fastapi-users, with their OAuth accounts."""
    source = ForeignDatabase(from_url)
    bring(target, fastapi_users.read_users(source, table, oauth_table), partial(source.count, table))


@import_command.command("supertokens")
@options_of(Target)
def import_supertokens(
    target: Target,
    from_url: From,
    user_names: UserNames = False,
    firebase_signer_key: SignerKey = None,
) -> None:
    """Import the users of a SuperTokens core, with their roles, from its PostgreSQL."""
    source = ForeignDatabase(from_url)
    users, total = supertokens.read_users(source, user_names=user_names), partial(source.count, "all_auth_recipe_users")
    bring(target, users, total, firebase_signer_key=firebase_signer_key)


@import_command.command("auth0")
@options_of(Target)
def import_auth0(
    target: Target,
    file: File,
    hashes: Annotated[
        Path | None,
        typer.Option("--hashes", help="The file of password hashes that Auth0's support gives.", show_default=False),
    ] = None,
) -> None:
    """Import the users of Auth0, from the NDJSON of its export job."""
    total = sum(1 for _ in jsonlines.read_lines(file))
    bring(target, auth0.read_users(file, hashes), total)


@import_command.command("firebase")
@options_of(Target)
def import_firebase(
    target: Target,
    file: File,
    firebase_signer_key: SignerKey = None,
    rounds: Annotated[int, typer.Option(help="Of the password hash parameters in the console.")] = 8,
    mem_cost: Annotated[int, typer.Option(help="As above.")] = 14,
    salt_separator: Annotated[str, typer.Option(help="As above, in base64.")] = "Bw==",
) -> None:
    """Import the users of Firebase, from the JSON of `firebase auth:export`.

    The application needs the signer key as well.
    """
    parameters = firebase.HashParameters(rounds=rounds, mem_cost=mem_cost, salt_separator=salt_separator)
    users, total = firebase.read_users(file, parameters), len(jsonlines.read_document(file, "users"))
    bring(target, users, total, firebase_signer_key=firebase_signer_key)


@import_command.command("cognito")
@options_of(Target)
def import_cognito(target: Target, file: File) -> None:
    """Import the users of Amazon Cognito, from the JSON of `aws cognito-idp list-users`.

    Without passwords: Cognito gives none.
    """
    bring(target, cognito.read_users(file), len(jsonlines.read_document(file, "Users")))


@options_of(Installation)
def export(
    installation: Installation,
    file: Annotated[Path, typer.Argument(help="The file to write; - for standard output.", show_default=False)],
) -> None:
    """Write all users into a file that `watchword import jsonl` reads.

    With their password hashes, providers and roles.
    """

    async def write(db: Database) -> int:
        number = 0
        log = await open_event_log(db)
        await db.write(lambda tx: log.record(tx, SecurityEvent("users_exported")))  # before: it may be cut off
        with nullcontext(sys.stdout) if str(file) == "-" else _private_file(file) as out:
            async for record in export_users(db, APP_ID):
                out.write(json.dumps(write_record(record), ensure_ascii=False, separators=(",", ":")) + "\n")
                number += 1
        return number

    if file.exists():
        raise NotCurrent(f"{file} exists already; name another, or remove it")
    number = with_current_tables(installation, write)
    typer.echo(f"{number} users written. Their password hashes are in it: keep it as you keep the database.", err=True)


def _private_file(file: Path) -> TextIO:
    """A new file that nobody else on the machine may read: there are password hashes in it."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def with_current_tables(installation: Installation, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do the work on a database that has all tables. Raises `NotCurrent`."""

    async def check_and_work(db: Database) -> T:
        report = await check_migrations(db, known_migrations())
        if report.newer or report.changed:
            raise NotCurrent(
                f"the tables at {installation.place} are not those of this version; see watchword db check"
            )
        if report.missing:  # also of recipes that the application does not list: users of any kind may come
            raise NotCurrent(
                f"{installation.place} has no {report.missing[0].label} yet; make the missing tables: watchword migrate"
            )
        return await work(db)

    return installation.run(check_and_work)


def bring(
    target: Target,
    source: AsyncIterator[Brought],
    total: int | Callable[[], Awaitable[int]],
    *,
    firebase_signer_key: str | None = None,
) -> None:
    """Import all users of a source, tell on standard error how far it is, and say what became of them.

    Args:
        target: Where to.
        source: Where from.
        total: How many there are.
        firebase_signer_key: Where their hashes are Firebase's.

    Raises:
        SomeRefused: Not all could be taken.
    """

    async def run(db: Database) -> Report:
        importer = Importer(
            db=db,
            app_id=APP_ID,
            passwords=PasswordHasher(firebase_signer_key=firebase_signer_key),
            ids=RandomIds(),
            clock=SystemClock(),
            audit=Unlogged() if target.dry_run else await open_event_log(db),
            dry_run=target.dry_run,
        )
        await importer.start()
        number = total if isinstance(total, int) else await total()
        with (
            target.refused.open("w", encoding="utf-8") if target.refused else nullcontext() as file,
            progress("Importing", number) as show,
        ):

            def note(where: str, refusal: RecordRefused) -> None:
                if file is not None:
                    file.write(json.dumps({"place": where, "reason": str(refusal)}, ensure_ascii=False) + "\n")

            return await import_users(source, importer, refused=note, progress=show)

    tell(with_current_tables(target, run), target)


def tell(report: Report, target: Target) -> None:
    """Say what became of all. Raises `SomeRefused`, so that a script notices."""
    done = "could be imported" if target.dry_run else "imported"
    typer.echo(f"{report.read} read: {report.imported} {done} into {target.place}, {report.already_there} were there.")
    if report.refused:
        reasons = ", ".join(f"{member} ({number})" for member, number in sorted(report.reasons.items()))
        more = (
            f"; each with its reason in {target.refused}"
            if target.refused
            else "; --refused FILE tells each with its reason"
        )
        raise SomeRefused(f"{report.refused} were refused, for {reasons}{more}")
