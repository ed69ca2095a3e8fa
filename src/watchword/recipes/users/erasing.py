"""The part of `auth.users` that goes through every table with rows of people: export and deletion."""

from collections.abc import Sequence
from typing import Any

from watchword.accounts import directory
from watchword.accounts.bans import LOCK_USER
from watchword.accounts.id_mappings import find_mapping
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.errors import UserNotFound
from watchword.identifiers import check_id
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe
from watchword.recipes.users.known_tables import CORE_TABLES
from watchword.recipes.users.personal_data import SESSIONS
from watchword.recipes.users.present_tables import PresentTables
from watchword.recipes.users.reading import UserReading
from watchword.sessions.endings import Ending


class UserErasing(UserReading):
    """Exporting and deleting people. People who are no users of ours, but have sessions or metadata, count as well.

    Args:
        engine: The floors below.
        recipe_list: The recipes of the application: what their tables hold of people is exported and deleted, with
            what recipes of ours stored that were listed before.

    Attributes:
        stored_tables: What the tables hold that this application uses, whose it is and for how long, as
            `docs/data.md`.
    """

    def __init__(self, engine: Engine, recipe_list: Sequence[Recipe]) -> None:
        super().__init__(engine, recipe_list)
        self.stored_tables = (*CORE_TABLES, *(table for recipe in recipe_list for table in recipe.stored_tables))
        self._present = PresentTables(engine.db, self.stored_tables)

    async def export(self, user_id: str) -> dict[str, Any]:
        """All that is stored about somebody, by table, as JSON values; `docs/data.md` says what each column is.

        Hashes and sealed texts are left out: they are of no use to the person, and would be to a thief.

        Raises:
            UserNotFound: Nothing is stored under this id.
        """
        check_id("user_id", user_id)
        ids = await self._ids_of(self._engine.db, user_id)
        tables = await self._present.find()
        data = await tables.export(self._engine.db, self._engine.app_id, ids)
        if not any(data.values()):
            raise UserNotFound
        return {"user_id": ids[0], "exported_at_ms": self._engine.clock.now_ms(), "data": data}

    async def delete(self, user_id: str) -> bool:
        """Delete somebody and all that is stored about them, in one transaction; their sessions end at once.

        The audit log alone still names them, until its events are too old; `erase` goes there as well.

        Returns:
            Whether there was anything.
        """
        return any((await self._remove(user_id, from_the_log=False)).values())

    async def erase(self, user_id: str) -> dict[str, int]:
        """Delete somebody, and take them out of the audit log, whose events stay without a name.

        Returns:
            How many rows went or were emptied, by table, for your record that it was done; all 0 when there was
            nothing.
        """
        return await self._remove(user_id, from_the_log=True)

    async def _remove(self, user_id: str, *, from_the_log: bool) -> dict[str, int]:
        check_id("user_id", user_id)
        engine = self._engine
        if from_the_log:
            await engine.audit.flush()  # what is only noted yet cannot be erased
        tables = await self._present.find()

        async def write(tx: Transaction) -> tuple[dict[str, int], list[str]]:
            present_id = (await self._ids_of(tx, user_id))[0]
            # A sign-in that is about to store a session waits for us, or we for it; so do links and mails.
            await tx.find(LOCK_USER, app_id=engine.app_id, user_id=present_id)
            ids = await self._ids_of(tx, present_id)
            await self._forget_failures(tx, present_id)
            counts = await tables.delete(tx, engine.app_id, ids)
            ending, gone = Ending(cause="user_deleted"), list[str]()
            for id_ in ids:
                gone += await engine.sessions.delete_sessions_of_user(tx, id_, ending=ending)
            counts[SESSIONS] = len(gone)
            if from_the_log:
                counts["audit_events"] = sum([await engine.audit.erase_user(tx, id_) for id_ in ids])
            if any(counts.values()):
                erased = SecurityEvent("user_erased", facts={"events": counts.get("audit_events", 0)})
                deleted = SecurityEvent("user_deleted", user_id=ids[0])
                await engine.audit.record(tx, erased if from_the_log else deleted)
            return counts, gone

        counts, gone = await engine.db.write(write)
        engine.sessions.remember_revoked(gone)
        return counts

    async def _forget_failures(self, tx: Transaction, user_id: str) -> None:
        user = await directory.find_user(tx, self._engine.app_id, user_id)
        for method in () if user is None else user.login_methods:
            for tenant_id in method.tenant_ids if method.email is not None else ():
                await self._engine.limits.forget_failures(tx, tenant_id, method.email or "")

    async def _ids_of(self, reader: directory.Reader, user_id: str) -> list[str]:
        """Every id of a person, the present user id first."""
        app_id = self._engine.app_id
        mapping = await find_mapping(reader, app_id, user_id)
        ids = [user_id] if mapping is None else [mapping.external_user_id, mapping.former_user_id]
        user = await directory.find_user(reader, app_id, ids[0])
        if user is not None:
            ids += [method.recipe_user_id for method in user.login_methods]
        return list(dict.fromkeys(ids))
