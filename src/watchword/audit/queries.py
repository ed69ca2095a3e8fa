"""Reading the log: the newest events first, filtered, page by page; or all of it from the oldest on."""

# ruff: noqa: S608 - every part of a statement is a constant of this package

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from watchword.audit.rows import EVENT_COLUMNS, AuditEvent, first_event_id
from watchword.database.database import Database
from watchword.database.statements import Statement
from watchword.errors import BadInput
from watchword.http.json import encode_json
from watchword.identifiers import is_storable

LARGEST_PAGE = 1_000

_BEHIND_ALL = "g"  # ids are hexadecimal


async def list_events(
    db: Database,
    app_id: str,
    *,
    user_id: str | None = None,
    handle: str | None = None,
    kinds: Sequence[str] | None = None,
    tenant_id: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    before: str | None = None,
    limit: int = 100,
) -> list[AuditEvent]:
    """Events that fulfil all conditions, the newest first; the arguments are those of `Audit.list`.

    Raises:
        BadInput: The limit, or a text for the kinds.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise BadInput("limit", f"limit is {limit}; set 1 to {LARGEST_PAGE}")
    if isinstance(kinds, str):
        raise BadInput("kinds", f"kinds is one text; write a list: [{kinds!r}]")
    if not all(map(is_storable, filter(None, (user_id, handle, tenant_id, before, *(kinds or ()))))):
        return []
    ends = [_BEHIND_ALL if until_ms is None else first_event_id(until_ms), _BEHIND_ALL if before is None else before]
    names: dict[str, Any] = {
        "app_id": app_id,
        "tenant_id": tenant_id,
        "kinds": None if kinds is None else encode_json(list(kinds)).decode(),
        "since_id": "" if since_ms is None else first_event_id(since_ms),
        "before_id": min(ends),
        "at_most": limit,
    }
    if handle is not None:
        rows = await db.list(LIST_OF_HANDLE, handle=handle, user_id=user_id, **names)
    elif user_id is not None:
        rows = await db.list(LIST_OF_USER, user_id=user_id, **names)
    else:
        rows = await db.list(LIST_ALL, **names)
    return [AuditEvent.from_row(row) for row in rows]


async def export_events(
    db: Database,
    app_id: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    limit: int | None = None,
) -> AsyncGenerator[AuditEvent]:
    """All events of a span of time, the oldest first, read in pages; with a limit, the first ones of it."""
    after = "" if since_ms is None else first_event_id(since_ms)
    before = _BEHIND_ALL if until_ms is None else first_event_id(until_ms)
    while True:
        page = LARGEST_PAGE if limit is None else min(limit, LARGEST_PAGE)
        rows = await db.list(LIST_FORWARD, app_id=app_id, after_id=after, before_id=before, at_most=page)
        for row in rows:
            yield AuditEvent.from_row(row)
        limit = None if limit is None else limit - len(rows)
        if len(rows) < page or limit == 0:
            return
        after = rows[-1]["event_id"]


_REST = """
       and event_id >= :since_id and event_id < :before_id
       and (tenant_id = :tenant_id or :tenant_id is null)
       and (kind in (select value from {json_each}(:kinds)) or :kinds is null)
     order by event_id desc
     limit :at_most
"""

# Put together from constants, once.
LIST_ALL = Statement(f"select {EVENT_COLUMNS} from {{audit_events}} where app_id = :app_id {_REST}")

LIST_OF_USER = Statement(
    f"select {EVENT_COLUMNS} from {{audit_events}} where app_id = :app_id and user_id = :user_id {_REST}"
)

LIST_OF_HANDLE = Statement(
    f"select {EVENT_COLUMNS} from {{audit_events}} where app_id = :app_id and handle = :handle"
    f" and (user_id = :user_id or :user_id is null) {_REST}"
)

LIST_FORWARD = Statement(
    f"select {EVENT_COLUMNS} from {{audit_events}}"
    " where app_id = :app_id and event_id > :after_id and event_id < :before_id order by event_id limit :at_most"
)
