"""A session ends before its time: deleted, recorded and remembered as revoked, in one transaction."""

from collections.abc import Sequence

from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.identifiers import is_storable
from watchword.sessions.endings import Ending
from watchword.sessions.engine import SessionEngine
from watchword.sessions.revoked_rows import record_revoked

_BY_APPLICATION = Ending()


async def revoke_sessions(engine: SessionEngine, handles: Sequence[str], ending: Ending = _BY_APPLICATION) -> list[str]:
    """End sessions. Returns the handles of those that were there."""
    # In one order everywhere, so that two such transactions cannot wait for each other.
    wanted = sorted({handle for handle in handles if is_storable(handle)})

    async def body(tx: Transaction) -> list[str]:
        rows = [await tx.find(DELETE_SESSION, app_id=engine.app_id, handle=handle) for handle in wanted]
        return await _record_ended(tx, engine, [row for row in rows if row is not None], ending)

    gone = await engine.db.write(body)
    for handle in wanted:  # also those that another process had ended: their access tokens die here too
        engine.revoked.add(handle)
    engine.feed.announce(gone)
    return gone


async def revoke_all_sessions_for_user(
    engine: SessionEngine, user_id: str, tenant_id: str | None, ending: Ending = _BY_APPLICATION
) -> list[str]:
    """End all sessions of a user, in one tenant or in all. Returns their handles."""

    async def body(tx: Transaction) -> list[str]:
        return await delete_sessions_of_user(tx, engine, user_id, tenant_id, ending=ending)

    if not is_storable(user_id + (tenant_id or "")):
        return []
    gone = await engine.db.write(body)
    remember_revoked(engine, gone)
    return gone


async def delete_sessions_of_user(
    tx: Transaction,
    engine: SessionEngine,
    user_id: str,
    tenant_id: str | None = None,
    *,
    recipe_user_id: str | None = None,
    except_handle: str | None = None,
    ending: Ending = _BY_APPLICATION,
) -> list[str]:
    """End the sessions of a user within a transaction of the caller's, such as a change of password.

    To be called last in it. After the commit, give what it returns to `remember_revoked`.

    Args:
        tx: The caller's transaction.
        engine: Whose sessions.
        user_id: Any text that can be stored.
        tenant_id: `None` means all tenants.
        recipe_user_id: Only those that were started with this login method; `None` means all.
        except_handle: A session that goes on.
        ending: Why.
    """
    rows = await tx.list(
        DELETE_SESSIONS_OF_USER,
        app_id=engine.app_id,
        user_id=user_id,
        tenant_id=tenant_id,
        recipe_user_id=recipe_user_id,
        except_handle=except_handle,
    )
    return await _record_ended(tx, engine, rows, ending)


async def delete_sessions_of_tenant(
    tx: Transaction, engine: SessionEngine, tenant_id: str, *, ending: Ending = _BY_APPLICATION
) -> list[str]:
    """End all sessions of a tenant within a transaction of the caller's; as `delete_sessions_of_user`."""
    rows = await tx.list(DELETE_SESSIONS_OF_TENANT, app_id=engine.app_id, tenant_id=tenant_id)
    return await _record_ended(tx, engine, rows, ending)


async def _record_ended(tx: Transaction, engine: SessionEngine, rows: Sequence[Row], ending: Ending) -> list[str]:
    """Write down, in the transaction that deleted these sessions, that and why; returns their handles."""
    gone = [row["handle"] for row in rows]
    if gone:
        events = [ending.event(row["handle"], row["tenant_id"], row["user_id"]) for row in rows]
        await engine.audit.record(tx, *events)
        await record_revoked(tx, engine.app_id, gone)
    return gone


def remember_revoked(engine: SessionEngine, handles: Sequence[str]) -> None:
    """Refuse the access tokens of sessions whose end has been committed; in this process, and soon in all others."""
    engine.feed.announce(handles)


DELETE_SESSION = Statement("""
    delete from {sessions} where app_id = :app_id and handle = :handle
 returning handle, tenant_id, user_id
""")

DELETE_SESSIONS_OF_USER = Statement("""
    delete from {sessions}
     where app_id = :app_id and user_id = :user_id and (tenant_id = :tenant_id or :tenant_id is null)
       and (recipe_user_id = :recipe_user_id or :recipe_user_id is null)
       and (handle <> :except_handle or :except_handle is null)
 returning handle, tenant_id, user_id
""")

# Reads all sessions of the app: an operator's call, and no index of every sign-in's is worth it.
DELETE_SESSIONS_OF_TENANT = Statement(
    "delete from {sessions} where app_id = :app_id and tenant_id = :tenant_id returning handle, tenant_id, user_id"
)
