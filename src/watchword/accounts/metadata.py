"""What the application notes about people: one JSON object for each user id."""

from collections.abc import Callable
from typing import Any

from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.http.json import check_json_object, decode_json_object

#: Largest metadata of one person, as JSON in UTF-8.
MAX_METADATA_BYTES = 65_536


async def change_metadata(
    tx: Transaction, app_id: str, user_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Change what is noted, under the row's lock, so that concurrent changes all survive.

    Args:
        tx: The transaction.
        app_id: Whose people.
        user_id: Any text that can be stored; there need be no such user.
        change: From what is there to what shall be there; pure.

    Returns:
        What is there now.

    Raises:
        InvalidPayload: The result has more than `MAX_METADATA_BYTES`; nothing was written.
    """
    row = await tx.find(LOCK_METADATA, app_id=app_id, user_id=user_id)
    assert row is not None  # noqa: S101 - the statement inserts it
    metadata = change(decode_json_object(row["metadata"].encode(), "metadata"))
    text = check_json_object("metadata", metadata, MAX_METADATA_BYTES).decode()
    await tx.execute(UPDATE_METADATA, app_id=app_id, user_id=user_id, metadata=text)
    return metadata


# It writes what is there, so that there is a row to lock.
LOCK_METADATA = Statement("""
    insert into {user_metadata} as m (app_id, user_id, metadata) values (:app_id, :user_id, '{}')
    on conflict (app_id, user_id) do update set metadata = m.metadata
 returning metadata
""")

UPDATE_METADATA = Statement("""
    update {user_metadata} set metadata = :metadata where app_id = :app_id and user_id = :user_id
""")

FIND_METADATA = Statement("select metadata from {user_metadata} where app_id = :app_id and user_id = :user_id")

DELETE_METADATA = Statement("delete from {user_metadata} where app_id = :app_id and user_id = :user_id")
