"""Bans: noted beside the user, looked at under the lock of that row whenever a session is made."""

from watchword.accounts.directory import ban_from_row
from watchword.accounts.errors import AccountBanned
from watchword.accounts.id_mappings import find_mapping
from watchword.accounts.users import Ban
from watchword.database.database import Transaction
from watchword.database.statements import Statement


async def require_not_banned(tx: Transaction, app_id: str, user_id: str, now_ms: int) -> None:
    """Return if this person may have a session, in the transaction that stores it and before it does.

    The lock orders the two: a ban that is being written is waited for; one that comes later finds the
    session and ends it. Whoever is no user of ours has no row, and no ban; the id from before a mapping is nobody's,
    but the ban of whom it still finds holds for it.

    Args:
        tx: The transaction.
        app_id: Whose users.
        user_id: Any text that can be stored.
        now_ms: Milliseconds since the epoch.

    Raises:
        AccountBanned: There is a ban that holds now.

    Source: security SE-5.
    """
    row = await tx.find(LOCK_USER, app_id=app_id, user_id=user_id)
    if row is None and (mapping := await find_mapping(tx, app_id, user_id)) is not None:
        row = await tx.find(LOCK_USER, app_id=app_id, user_id=mapping.external_user_id)
    ban = None if row is None else ban_from_row(row)
    if ban is not None and ban.holds_at(now_ms):
        raise AccountBanned(ban)


async def write_ban(tx: Transaction, app_id: str, user_id: str, ban: Ban | None) -> bool:
    """Note a ban in place of any other, or take it back; returns whether there is such a user.

    To be called before the user's sessions are deleted in the same transaction.
    """
    changed = await tx.execute(
        UPDATE_BAN,
        app_id=app_id,
        user_id=user_id,
        banned_at_ms=None if ban is None else ban.since_ms,
        banned_until_ms=None if ban is None else ban.until_ms,
        ban_reason=None if ban is None else ban.reason,
    )
    return changed > 0


LOCK_USER = Statement("""
    select banned_at_ms, banned_until_ms, ban_reason
      from {users}
     where app_id = :app_id and user_id = :user_id
       {for_update}
""")

UPDATE_BAN = Statement("""
    update {users} set banned_at_ms = :banned_at_ms, banned_until_ms = :banned_until_ms, ban_reason = :ban_reason
     where app_id = :app_id and user_id = :user_id
""")
