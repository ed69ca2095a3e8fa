"""Giving a user an id from elsewhere, and taking it back: one transaction over every table that names the user.

The id is not translated on the way in and out of each call: the user is moved to it. So sessions, hooks and lists
hold it without a look-up, and nothing gets slower. The sessions from before end, as their tokens name the other id.
"""

from watchword.accounts import directory
from watchword.accounts.bans import LOCK_USER
from watchword.accounts.errors import IdMappingExists, UserIdInUse, UserIdTaken
from watchword.accounts.id_mappings import DELETE_MAPPING, INSERT_MAPPING, IdMapping, find_mapping
from watchword.database.database import Transaction
from watchword.errors import UserNotFound
from watchword.identifiers import is_storable
from watchword.recipes.engine import Engine
from watchword.recipes.users.personal_data import SESSIONS, PersonalData


async def map_user_id(
    engine: Engine, data: PersonalData, user_id: str, external_user_id: str, *, info: str | None, force: bool
) -> IdMapping:
    """Move a user to an id from elsewhere.

    Args:
        engine: The floors below.
        data: Every table with rows of people.
        user_id: The user's id.
        external_user_id: The one to come.
        info: A note about it.
        force: Also where sessions or data of the application are stored under one of the two ids; only data of one
            kind under both stays in the way.

    Raises:
        UserNotFound: There is no such user.
        UserIdTaken: Somebody has that id.
        IdMappingExists: One of the two is part of a mapping.
        UserIdInUse: See `force`; nothing changed.
    """
    mapping = IdMapping(external_user_id=external_user_id, former_user_id=user_id, info=info)

    async def write(tx: Transaction) -> list[str]:
        if not is_storable(user_id) or await tx.find(LOCK_USER, app_id=engine.app_id, user_id=user_id) is None:
            raise UserNotFound
        for id_ in (user_id, external_user_id):
            if await find_mapping(tx, engine.app_id, id_) is not None:
                raise IdMappingExists
        # Ids of login methods are ids of people, too: deleting the one would take the other's password along.
        owner = await directory.find_user_of_login_method(tx, engine.app_id, external_user_id)
        if owner is not None and owner.id != user_id:
            raise UserIdTaken
        gone = await _move(tx, engine, data, user_id, external_user_id, force=force)
        await tx.execute(
            INSERT_MAPPING, app_id=engine.app_id, former_user_id=user_id, user_id=external_user_id, info=info
        )
        return gone

    engine.sessions.remember_revoked(await engine.db.write(write))
    return mapping


async def unmap_user_id(engine: Engine, data: PersonalData, user_id: str, *, force: bool) -> bool:
    """Move a user back to the id from before; returns whether there was a mapping.

    Raises:
        UserIdInUse: Without `force`, sessions or data of the application are stored under the id.
    """

    async def write(tx: Transaction) -> list[str] | None:
        mapping = await find_mapping(tx, engine.app_id, user_id)
        if mapping is None:
            return None
        await tx.find(LOCK_USER, app_id=engine.app_id, user_id=mapping.external_user_id)
        await tx.execute(DELETE_MAPPING, app_id=engine.app_id, former_user_id=mapping.former_user_id)
        return await _move(tx, engine, data, mapping.external_user_id, mapping.former_user_id, force=force)

    gone = await engine.db.write(write)
    engine.sessions.remember_revoked(gone or [])
    return gone is not None


async def _move(tx: Transaction, engine: Engine, data: PersonalData, old: str, new: str, *, force: bool) -> list[str]:
    under_old, under_new = [set(await data.list_in_use(tx, engine.app_id, id_)) for id_ in (old, new)]
    in_the_way = (under_old & under_new) - {SESSIONS} if force else under_old | under_new
    if in_the_way:
        raise UserIdInUse(sorted(in_the_way))
    if not await data.move(tx, engine.app_id, old, new):
        raise UserIdTaken
    return [handle for id_ in (old, new) for handle in await engine.sessions.delete_sessions_of_user(tx, id_)]
