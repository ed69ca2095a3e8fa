"""`watchword audit` and `watchword why`: the log of security events read, taken along, and proved."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from watchword.audit.chain import read_chain_key
from watchword.audit.queries import LARGEST_PAGE, export_events, list_events
from watchword.audit.rows import AuditEvent
from watchword.audit.verification import Anchor, Verification, get_anchor, verify_log
from watchword.cli.connection import Installation, typer
from watchword.cli.options import options_of
from watchword.cli.progress import progress
from watchword.clock import SystemClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.errors import WatchwordError
from watchword.http.json import encode_json
from watchword.sessions.story import explain_session

APP_ID = "public"
T = TypeVar("T")

Secret = Annotated[
    str,
    typer.Option(
        "--secret",
        envvar="WATCHWORD_SECRET",
        help="The newest secret of the application. The variable keeps it out of ps.",
        show_default=False,
        show_envvar=True,
    ),
]
Since = Annotated[str | None, typer.Option(help="From this moment on, like 2026-11-24 or 2026-11-24T09:30.")]
Until = Annotated[str | None, typer.Option(help="Before this moment.")]
User = Annotated[str | None, typer.Option("--user", help="Whom they concern: a user id.")]
OfSession = Annotated[str | None, typer.Option("--handle", help="Which session they concern.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="In this tenant only.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Of this kind only; may be given several times.")]
Limit = Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="At most so many.")]
Handle = Annotated[str, typer.Argument(help="The handle of the session, as in logs and lists.", show_default=False)]
AnchorText = Annotated[
    str | None, typer.Option("--anchor", help="An end of the chain from before, kept elsewhere: shows a cut off end.")
]

audit_command = typer.Typer(no_args_is_help=True, help="Read the log of security events, and prove it whole.")


class LogNotWhole(WatchwordError):
    """The log is not as it was recorded; the message lists the first differences."""

    code = "log_not_whole"


@audit_command.command("list")
@options_of(Installation)
def list_command(
    installation: Installation,
    user: User = None,
    handle: OfSession = None,
    kind: Kinds = None,
    tenant: Tenant = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
) -> None:
    """Print the newest events, one a line, newest first."""

    async def read(db: Database) -> list[AuditEvent]:
        return await list_events(
            db,
            APP_ID,
            user_id=user,
            handle=handle,
            kinds=kind or None,
            tenant_id=tenant,
            since_ms=parse_moment("--since", since),
            until_ms=parse_moment("--until", until),
            limit=limit,
        )

    for event in installation.run(read):
        typer.echo(event_line(event))


@audit_command.command("export")
@options_of(Installation)
def export_command(installation: Installation, since: Since = None, until: Until = None) -> None:
    """Print all events as JSON, one a line, oldest first."""

    async def write(db: Database) -> None:
        since_ms, until_ms = parse_moment("--since", since), parse_moment("--until", until)
        async for event in export_events(db, APP_ID, since_ms=since_ms, until_ms=until_ms):
            typer.echo(encode_json(event).decode())

    installation.run(write)


@audit_command.command("anchor")
@options_of(Installation)
def anchor_command(installation: Installation) -> None:
    """Print the end of the chain, to be kept elsewhere and given to `verify` later."""
    typer.echo(str(installation.run(lambda db: get_anchor(db, APP_ID))))


@audit_command.command("verify")
@options_of(Installation)
def verify_command(installation: Installation, secret: Secret, anchor: AnchorText = None) -> None:
    """Prove that the log is whole, or name what was changed in it.

    That is the first event that was changed, moved, inserted or deleted.
    """
    known = None if anchor is None else Anchor.parse(anchor)
    ring = SecretRing(secret)

    async def check(db: Database) -> Verification:
        key = await read_chain_key(db, APP_ID, ring)
        end = await get_anchor(db, APP_ID)
        with progress("Verifying", end.seq) as show:
            return await verify_log(db, APP_ID, key, anchor=known, show=show)

    found = installation.run(check)
    if not found.is_whole:
        raise LogNotWhole("\n  ".join(["the audit log is not whole:", *map(str, found.problems)]))
    typer.echo(f"The audit log is whole: {found.checked} events, each as it was recorded and in its place.")
    if found.removed_seq:
        typer.echo(f"Before them, {found.removed_seq} were removed by age.")
    if found.erased:
        typer.echo(f"From {found.erased} of them a person was erased.")
    if found.waiting:
        typer.echo(f"{found.waiting} more wait for their place; none of them was changed.")
    if known is None:
        typer.echo("Whether the end was cut off, an anchor from before can show; the one of now is")
    elif found.anchor_is_removed:
        typer.echo("The anchor is older than what is kept: nothing can be said of it. The one of now is")
    else:
        typer.echo("It holds all that it held when the anchor was taken; the one of now is")
    typer.echo(f"  {found.anchor}")


@options_of(Installation)
def why(installation: Installation, handle: Handle) -> None:
    """Tell in words why a session was refused or ended."""
    now_ms = SystemClock().now_ms()
    typer.echo(installation.run(lambda db: explain_session(db, APP_ID, handle, now_ms)))


def event_line(event: AuditEvent) -> str:
    """An event for the eye, on one line whatever stands in it (security LG-3)."""
    parts = {"user": event.user_id, "session": event.handle, "from": event.address, "reason": event.reason}
    facts = {name: value for name, value in event.facts.items() if value is not None}
    words = [f"{name}={_shown(value)}" for name, value in {**parts, **facts}.items() if value is not None]
    when = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    tenant = [] if event.tenant_id == "public" else [f"tenant={_shown(event.tenant_id)}"]
    return " ".join([when, event.kind, *tenant, *words])


def parse_moment(option: str, text: str | None) -> int | None:
    """Milliseconds since the epoch of a moment in ISO 8601; without an offset it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; write it like 2026-11-24T09:30", param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _shown(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text.isascii() and not any(letter in text for letter in ' "=\\')
    return text if plain and text else encode_json(text).decode() if text.isprintable() else ascii(text)
