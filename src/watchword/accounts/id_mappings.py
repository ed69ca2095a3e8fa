"""Ids from elsewhere: which user was known under which id before. Source: CDI 15."""

from dataclasses import dataclass

from watchword.accounts.directory import Reader
from watchword.database.statements import Statement
from watchword.identifiers import is_storable


@dataclass(frozen=True, slots=True, kw_only=True)
class IdMapping:
    """A user who is known under an id from elsewhere.

    Attributes:
        external_user_id: The user's id, everywhere.
        former_user_id: The one from before, which still finds the user.
        info: A note of the application's, for example where the id comes from.
    """

    external_user_id: str
    former_user_id: str
    info: str | None = None


async def find_mapping(reader: Reader, app_id: str, user_id: str) -> IdMapping | None:
    """The mapping that either of its ids names, or `None`."""
    rows = await reader.list(FIND_MAPPING, app_id=app_id, user_id=user_id) if is_storable(user_id) else []
    if not rows:
        return None
    row = rows[0]
    return IdMapping(external_user_id=row["user_id"], former_user_id=row["former_user_id"], info=row["info"])


FIND_MAPPING = Statement("""
    select user_id, former_user_id, info from {user_id_mappings} where app_id = :app_id and user_id = :user_id
     union all
    select user_id, former_user_id, info from {user_id_mappings} where app_id = :app_id and former_user_id = :user_id
""")

INSERT_MAPPING = Statement("""
    insert into {user_id_mappings} (app_id, former_user_id, user_id, info)
    values (:app_id, :former_user_id, :user_id, :info)
""")

UPDATE_MAPPING_INFO = Statement("""
    update {user_id_mappings} set info = :info
     where app_id = :app_id and (user_id = :user_id or former_user_id = :user_id)
""")

DELETE_MAPPING = Statement("""
    delete from {user_id_mappings} where app_id = :app_id and former_user_id = :former_user_id
""")
