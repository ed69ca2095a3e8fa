"""What the database knows of sessions, for whoever looks them up by their handle or their user."""

from dataclasses import dataclass, field
from typing import Any

from watchword.database.database import Row
from watchword.database.statements import Statement
from watchword.http.json import decode_json_object
from watchword.identifiers import is_storable
from watchword.sessions.engine import SessionEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInformation:
    """A session as the database has it. Times are milliseconds since the epoch.

    Attributes:
        jwt_payload: What hooks, application and recipe claims put there, without the reserved claims.
        session_data: Never leaves the server.
        expires_at_ms: When it ends if it is not refreshed again.
        last_used_ms: Its last refresh that was written down, or its start: off by an access token's life and by
            `settle_ms` at most, as nothing else is written.
        device: What it was started with, for example `Firefox on Windows`; `None` when that is not known.
        network_address: Where it was started; `None` when that is not known.
    """

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    jwt_payload: dict[str, Any]
    session_data: dict[str, Any] = field(repr=False)
    time_created_ms: int
    expires_at_ms: int
    last_used_ms: int
    device: str | None = None
    network_address: str | None = None


async def find_session_information(engine: SessionEngine, handle: str) -> SessionInformation | None:
    """The session of a handle, with its data, or `None` when there is none that lives."""
    if not is_storable(handle):
        return None
    row = await engine.db.find(FIND_BY_HANDLE, app_id=engine.app_id, handle=handle, now_ms=engine.clock.now_ms())
    return None if row is None else _information(row)


async def list_session_handles(engine: SessionEngine, user_id: str, tenant_id: str | None) -> list[str]:
    """The handles of a user's living sessions, newest first, in one tenant or in all."""
    if not is_storable(user_id + (tenant_id or "")):
        return []
    rows = await engine.db.list(
        LIST_HANDLES,
        app_id=engine.app_id,
        user_id=user_id,
        tenant_id=tenant_id,
        now_ms=engine.clock.now_ms(),
    )
    return [row["handle"] for row in rows]


async def list_sessions(engine: SessionEngine, user_id: str, tenant_id: str | None) -> list[SessionInformation]:
    """A user's living sessions, newest first, in one tenant or in all."""
    if not is_storable(user_id + (tenant_id or "")):
        return []
    now_ms = engine.clock.now_ms()
    rows = await engine.db.list(
        LIST_SESSIONS, app_id=engine.app_id, user_id=user_id, tenant_id=tenant_id, now_ms=now_ms
    )
    return [_information(row) for row in rows]


def _information(row: Row) -> SessionInformation:
    expires_at_ms, ends_at_ms = row["expires_at_ms"], row["ends_at_ms"]
    return SessionInformation(
        handle=row["handle"],
        user_id=row["user_id"],
        recipe_user_id=row["recipe_user_id"],
        tenant_id=row["tenant_id"],
        jwt_payload=decode_json_object(row["jwt_payload"].encode(), "jwt_payload"),
        session_data=decode_json_object(row["session_data"].encode(), "session_data"),
        time_created_ms=row["created_at_ms"],
        expires_at_ms=expires_at_ms if ends_at_ms is None else min(expires_at_ms, ends_at_ms),
        last_used_ms=row["confirmed_at_ms"],
        device=row["device"],
        network_address=row["network_address"],
    )


FIND_BY_HANDLE = Statement("""
    select handle, tenant_id, user_id, recipe_user_id, jwt_payload, session_data,
           created_at_ms, expires_at_ms, ends_at_ms, confirmed_at_ms, device, network_address
      from {sessions}
     where app_id = :app_id and handle = :handle
       and expires_at_ms > :now_ms and (ends_at_ms is null or ends_at_ms > :now_ms)
""")

# `+ 0` keeps SQLite from the index of the sweeper: it would read all sessions that live to find one user's.
LIST_HANDLES = Statement("""
    select handle
      from {sessions}
     where app_id = :app_id and user_id = :user_id and (tenant_id = :tenant_id or :tenant_id is null)
       and expires_at_ms + 0 > :now_ms and (ends_at_ms is null or ends_at_ms > :now_ms)
     order by created_at_ms desc, handle
""")

LIST_SESSIONS = Statement("""
    select handle, tenant_id, user_id, recipe_user_id, jwt_payload, session_data,
           created_at_ms, expires_at_ms, ends_at_ms, confirmed_at_ms, device, network_address
      from {sessions}
     where app_id = :app_id and user_id = :user_id and (tenant_id = :tenant_id or :tenant_id is null)
       and expires_at_ms + 0 > :now_ms and (ends_at_ms is null or ends_at_ms > :now_ms)
     order by created_at_ms desc, handle
""")
