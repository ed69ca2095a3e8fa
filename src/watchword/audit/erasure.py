"""Taking a person out of their events, so that the chain still holds."""

from watchword.audit.marks import ChainKey
from watchword.database.database import Transaction
from watchword.database.statements import Statement


async def erase_user(tx: Transaction, key: ChainKey, app_id: str, user_id: str) -> int:
    """Empty what is about a person in all events of a user; returns how many there were.

    The chain holds a salted hash of what is emptied, and the salt goes with it. Each event gets a mark that we
    did it: whoever only has the database cannot make one.
    """
    rows = await tx.list(LIST_EVENTS_OF_USER, app_id=app_id, user_id=user_id)
    marks = [key.erased(row["event_id"], bytes(row["personal_hash"])) for row in rows]
    await tx.execute_many(
        ERASE_EVENT,
        [
            {"app_id": app_id, "event_id": row["event_id"], "erased_mac": mark}
            for row, mark in zip(rows, marks, strict=True)
        ],
    )
    return len(rows)


LIST_EVENTS_OF_USER = Statement("""
    select event_id, personal_hash from {audit_events}
     where app_id = :app_id and user_id = :user_id
     order by event_id
""")

ERASE_EVENT = Statement("""
    update {audit_events} set user_id = null, address = null, reason = null, salt = null, erased_mac = :erased_mac
     where app_id = :app_id and event_id = :event_id
""")
