"""`auth.users`: people without a request, from scripts, jobs and the application's own admin pages."""

from collections.abc import Mapping
from typing import Any

from watchword.accounts.bans import write_ban
from watchword.accounts.id_mappings import UPDATE_MAPPING_INFO, IdMapping, find_mapping
from watchword.accounts.metadata import (
    DELETE_METADATA,
    FIND_METADATA,
    MAX_METADATA_BYTES,
    change_metadata,
)
from watchword.accounts.users import Ban
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.errors import BadInput, UserNotFound
from watchword.http.json import check_json_object, decode_json_object
from watchword.identifiers import check_id, check_text, is_storable
from watchword.recipes.users.accounts import UserAccounts
from watchword.recipes.users.id_mapping import map_user_id, unmap_user_id
from watchword.sessions.endings import Ending
from watchword.sessions.payloads import merge

_LONGEST_NOTE = 500  # characters


class Users(UserAccounts):
    """Find, ban, change, export and delete people; notes about them; ids from elsewhere.

    Every function takes the present user id or the one from before a mapping.

    Args:
        engine: The floors below.
        recipe_list: The recipes of the application; the one that keeps passwords among them, if any.
    """

    # Bans

    async def ban(self, user_id: str, *, reason: str | None = None, until_ms: int | None = None) -> Ban:
        """Shut somebody out: no session is made for them any more, and those they have end at once, everywhere.

        A ban takes the place of an earlier one. It counts for every way to sign in, and for sessions that the
        application makes itself.

        Args:
            user_id: Whom.
            reason: A sentence that they read when they try to sign in; one of ours when left out.
            until_ms: When it is over by itself, in milliseconds since the epoch; `None`: when `unban` is called.

        Raises:
            UserNotFound: There is no such user.
            BadInput: The reason is empty or over 500 characters, or the time has passed.
        """
        now_ms = self._engine.clock.now_ms()
        if reason is not None:
            check_text("reason", reason, _LONGEST_NOTE)
        if until_ms is not None and until_ms <= now_ms:
            raise BadInput("until_ms", "until_ms has passed; give a time to come, in milliseconds since the epoch")
        ban = Ban(since_ms=now_ms, reason=reason, until_ms=until_ms)
        present_id = (await self.get(user_id)).id

        async def write(tx: Transaction) -> list[str]:
            if not await write_ban(tx, self._engine.app_id, present_id, ban):
                raise UserNotFound
            await self._engine.audit.record(tx, SecurityEvent("user_banned", user_id=present_id, reason=reason))
            ending = Ending(cause="user_banned", reason=reason)
            mapping = await find_mapping(tx, self._engine.app_id, present_id)
            # A sign-in that was under way while the id changed has its session under the one from before.
            ids = [present_id] if mapping is None else [mapping.external_user_id, mapping.former_user_id]
            delete = self._engine.sessions.delete_sessions_of_user
            return [handle for id_ in ids for handle in await delete(tx, id_, ending=ending)]

        self._engine.sessions.remember_revoked(await self._engine.db.write(write))
        return ban

    async def unban(self, user_id: str) -> None:
        """Let somebody sign in again; does nothing for who is not banned. Raises `UserNotFound`."""
        present_id = (await self.get(user_id)).id

        async def write(tx: Transaction) -> None:
            if not await write_ban(tx, self._engine.app_id, present_id, None):
                raise UserNotFound
            await self._engine.audit.record(tx, SecurityEvent("user_unbanned", user_id=present_id))

        await self._engine.db.write(write)

    async def find_ban(self, user_id: str) -> Ban | None:
        """The ban that holds now, or `None`. Raises `UserNotFound`."""
        ban = (await self.get(user_id)).ban
        return ban if ban is not None and ban.holds_at(self._engine.clock.now_ms()) else None

    # Notes of the application

    async def get_metadata(self, user_id: str) -> dict[str, Any]:
        """What the application has noted about somebody; `{}` when nothing. There need be no such user."""
        _check_user_id(user_id)
        present_id = await self._present_id(user_id)
        row = await self._engine.db.find(FIND_METADATA, app_id=self._engine.app_id, user_id=present_id)
        return {} if row is None else decode_json_object(row["metadata"].encode(), "metadata")

    async def merge_into_metadata(self, user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into what is noted, one level deep: a key replaces, `None` removes one; concurrent merges survive.

        Returns:
            What is noted now.

        Raises:
            InvalidPayload: Something JSON cannot hold, or all in all more than 64 KiB; nothing changed.
            BadInput: The user id cannot be one.
        """
        _check_user_id(user_id)
        new = decode_json_object(check_json_object("metadata", changes, MAX_METADATA_BYTES), "metadata")
        present_id = await self._present_id(user_id)

        async def write(tx: Transaction) -> dict[str, Any]:
            return await change_metadata(tx, self._engine.app_id, present_id, lambda stored: merge(stored, new))

        return await self._engine.db.write(write)

    async def clear_metadata(self, user_id: str) -> None:
        """Forget all that is noted about somebody."""
        _check_user_id(user_id)
        present_id = await self._present_id(user_id)

        async def write(tx: Transaction) -> None:
            await tx.execute(DELETE_METADATA, app_id=self._engine.app_id, user_id=present_id)

        await self._engine.db.write(write)

    # Ids from elsewhere

    async def create_id_mapping(
        self, user_id: str, external_user_id: str, *, info: str | None = None, force: bool = False
    ) -> IdMapping:
        """Have a user known by an id from elsewhere: it is the user's id from now on, in sessions, hooks and lists.

        The id from before still finds the user here. Do it before the user signs in for the first time, for
        example in the override of `sign_up`. `LoginMethod.recipe_user_id` stays as it is.

        Args:
            user_id: The user's id.
            external_user_id: The one that other tables refer to; blanks around it are cut.
            info: A note about it, at most 500 characters.
            force: Also when the user has sessions or metadata: the sessions end, the metadata comes along.

        Raises:
            UserNotFound: There is no such user.
            UserIdTaken: Somebody has the id.
            IdMappingExists: One of the two is mapped already.
            UserIdInUse: See `force`.
            BadInput: It cannot be a user id.
        """
        external_user_id = external_user_id.strip()
        check_id("external_user_id", external_user_id)
        if info is not None:
            check_text("info", info, _LONGEST_NOTE)
        tables = await self._present.find()
        return await map_user_id(self._engine, tables, user_id, external_user_id, info=info, force=force)

    async def find_id_mapping(self, user_id: str) -> IdMapping | None:
        """The mapping that either of its two ids names, or `None`."""
        return await find_mapping(self._engine.db, self._engine.app_id, user_id)

    async def update_id_mapping_info(self, user_id: str, info: str | None) -> bool:
        """Replace the note of a mapping, `None` removes it; returns whether there was such a mapping."""
        if info is not None:
            check_text("info", info, _LONGEST_NOTE)
        if not is_storable(user_id):
            return False

        async def write(tx: Transaction) -> bool:
            names = {"app_id": self._engine.app_id, "user_id": user_id}
            return await tx.execute(UPDATE_MAPPING_INFO, **names, info=info) > 0

        return await self._engine.db.write(write)

    async def delete_id_mapping(self, user_id: str, *, force: bool = False) -> bool:
        """Have a user known by the id from before again; returns whether there was a mapping.

        Args:
            user_id: Either id.
            force: Also when the user has sessions or metadata: the sessions end, the metadata comes along.

        Raises:
            UserIdInUse: See `force`.
        """
        return await unmap_user_id(self._engine, await self._present.find(), user_id, force=force)


def _check_user_id(user_id: str) -> None:
    check_id("user_id", user_id)
