"""Why a session was refused or ended, in words for those who help people: `watchword why HANDLE`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from watchword.audit.queries import export_events, list_events
from watchword.audit.rows import AuditEvent
from watchword.database.database import Database, Row
from watchword.database.statements import Statement
from watchword.sessions.endings import CAUSES

_MOST_REFUSALS = 5
_SIGNS_IN_AGAIN = "The person signs in again."
_WHY_REFUSED = {
    "ended": "the session had ended by then",
    "too_soon": "an old refresh token came so soon after a new one that it may have been under way; the client was "
    "told to try again, and nothing was lost",
    "anti_csrf": "the anti-CSRF token did not match; nothing was lost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTraces:
    """What is known of a session.

    Attributes:
        handle: Of the session.
        row: Of the sessions table; stays for a day after the end, unless it was ended before its time.
        revoked_at_ms: From the table of revoked handles, where it stands for the life of an access token.
        events: Of the audit log, the oldest first.
        log_begins_at_ms: The oldest event of any session; `None` when the log is empty.
    """

    handle: str
    row: Row | None
    revoked_at_ms: int | None
    events: Sequence[AuditEvent]
    log_begins_at_ms: int | None


async def explain_session(db: Database, app_id: str, handle: str, now_ms: int) -> str:
    """The story of a session, a sentence a line.

    Args:
        db: Where it was.
        app_id: Whose it was.
        handle: As in a token, a log or `auth.sessions.list_handles`.
        now_ms: Milliseconds since the epoch.
    Raises:
        StorageUnavailable: The database does not answer.
    """
    handle = handle.replace("\x00", "")
    newest_first = await list_events(db, app_id, handle=handle, limit=200)
    revoked = await db.find(FIND_REVOKED, app_id=app_id, handle=handle)
    begins = [event.at_ms async for event in export_events(db, app_id, limit=1)]
    traces = SessionTraces(
        handle=handle,
        row=await db.find(FIND_ROW, app_id=app_id, handle=handle),
        revoked_at_ms=None if revoked is None else revoked["revoked_at_ms"],
        events=newest_first[::-1],
        log_begins_at_ms=begins[0] if begins else None,
    )
    return "\n".join(tell(traces, now_ms))


def tell(traces: SessionTraces, now_ms: int) -> list[str]:
    """The sentences: how it stands, how it began, what was refused. Pure."""
    ends = [event for event in traces.events if event.kind in ("session_revoked", "theft_detected")]
    if traces.row is not None:
        told = _of_row(traces.row, now_ms)
    elif ends:
        told = _of_end(ends[-1])
    else:
        told = _without_end(traces, now_ms)
    return [*told, *_beginning(traces), *_refusals(traces.events)]


def _of_row(row: Row, now_ms: int) -> list[str]:
    expires_at_ms, ends_at_ms = row["expires_at_ms"], row["ends_at_ms"]
    proved = f"The last refresh that proved something was at {_time(row['confirmed_at_ms'])}."
    if ends_at_ms is not None and ends_at_ms <= now_ms and ends_at_ms <= expires_at_ms:
        longest = "it had reached the longest life of a session, counted from the sign-in, used or not"
        return [f"It ended at {_time(ends_at_ms)}: {longest}. {_SIGNS_IN_AGAIN}", proved]
    if expires_at_ms <= now_ms:
        return [f"It ended at {_time(expires_at_ms)} because it was not used for so long. {_SIGNS_IN_AGAIN}", proved]
    latest = "" if ends_at_ms is None else f", and at {_time(ends_at_ms)} in any case"
    return [f"It lives. Unused it ends at {_time(expires_at_ms)}{latest}.", proved]


def _of_end(event: AuditEvent) -> list[str]:
    if event.kind == "theft_detected":
        return _of_theft(event)
    cause = next((sentence for name, sentence in CAUSES.items() if name == event.facts.get("cause")), None)
    sentence = f"{cause or 'It was ended'} at {_time(event.at_ms)}{_from(event, ', in a request from ')}."
    return [sentence] if event.reason is None else [sentence, f"The reason given: {event.reason}"]


def _of_theft(event: AuditEvent) -> list[str]:
    presented, current = event.facts.get("presented_generation"), event.facts.get("current_generation")
    proved = _time(event.facts.get("current_proved_at_ms"))
    ended = f"It was ended at {_time(event.at_ms)}{_from(event, ', in a request from ')}, because it looked stolen"
    token = f"a refresh token of generation {presented} came back after it had been replaced"
    clients = "a thief and the owner, or a device that was cloned or restored from an old backup"
    return [
        f"{ended}: {token}; generation {current} was proved at {proved}.",
        f"So two clients held tokens of one session: {clients}.",
        f"{_SIGNS_IN_AGAIN} Look at the sign-ins of this user.",
    ]


def _without_end(traces: SessionTraces, now_ms: int) -> list[str]:
    if traces.revoked_at_ms is not None:
        unknown = "why is not recorded: the audit log was off then, or has lost it (`watchword audit verify` tells)"
        return [f"It was ended before its time, at {_time(traces.revoked_at_ms)}; {unknown}."]
    created = _created(traces)
    if created is not None:
        return _run_out_or_lost(created.facts.get("expires_at_ms"), now_ms)
    if traces.log_begins_at_ms is None:
        return ["Nothing is known of it, and the audit log is empty: it may have ended, or never have been."]
    begins = f"{_time(traces.log_begins_at_ms)}, where the audit log begins"
    return [
        f"Nothing is known of it: it never was, or it left no trace since {begins}.",
        "Is the handle complete, and this the right database?",
    ]


def _run_out_or_lost(first_end_ms: object, now_ms: int) -> list[str]:
    if isinstance(first_end_ms, int) and now_ms < first_end_ms:
        return [
            f"It is gone, although it had until {_time(first_end_ms)} and nothing is recorded that ended it.",
            "Rows were lost, as when a backup is restored or a fail-over loses the last commits, or deleted by hand.",
        ]
    return [
        f"It ran out: nobody used it for so long, or it had reached the longest life of a session. {_SIGNS_IN_AGAIN}",
        f"Unused from the start it would have ended at {_time(first_end_ms)}; each refresh puts that off.",
        "Nothing is recorded that ended it before. The rows of ended sessions are removed a day later.",
    ]


def _created(traces: SessionTraces) -> AuditEvent | None:
    return next((event for event in traces.events if event.kind == "session_created"), None)


def _from(event: AuditEvent, words: str) -> str:
    return "" if event.address is None else f"{words}{event.address}"


def _beginning(traces: SessionTraces) -> list[str]:
    created = _created(traces)
    if created is not None:
        who = "a person who was erased since" if created.is_erased else f"user {created.user_id}"
        return [
            f"It began at {_time(created.at_ms)}{_from(created, ' from ')}, for {who}, in tenant {created.tenant_id}."
        ]
    if traces.row is not None:
        row = traces.row
        return [f"It began at {_time(row['created_at_ms'])}, for user {row['user_id']}, in tenant {row['tenant_id']}."]
    return []


def _refusals(events: Sequence[AuditEvent]) -> list[str]:
    refused = [event for event in events if event.kind == "refresh_refused"]
    lines = [
        f"A refresh was refused at {_time(event.at_ms)}{_from(event, ' from ')}: "
        f"{_WHY_REFUSED.get(str(event.facts.get('why')), 'why is not known')}."
        for event in refused[-_MOST_REFUSALS:]
    ]
    if len(refused) > _MOST_REFUSALS:
        lines.insert(0, f"{len(refused) - _MOST_REFUSALS} refreshes were refused before these:")
    return lines


def _time(ms: object) -> str:
    if not isinstance(ms, int) or not 0 <= ms < 253_402_300_800_000:  # the year 10000
        return "a time that is not known"
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


FIND_ROW = Statement("""
    select tenant_id, user_id, confirmed_at_ms, created_at_ms, expires_at_ms, ends_at_ms
      from {sessions}
     where app_id = :app_id and handle = :handle
""")

FIND_REVOKED = Statement("""
    select max(revoked_at_ms) as revoked_at_ms from {revoked_handles} where app_id = :app_id and handle = :handle
""")
