"""`auth.audit`: what was recorded, read and proved by the application."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from watchword.audit.chain import read_chain_key
from watchword.audit.events import EventKind, EventLog
from watchword.audit.queries import export_events, list_events
from watchword.audit.rows import AuditEvent
from watchword.audit.verification import Anchor, Verification, get_anchor, verify_log
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.errors import Overloaded, StorageUnavailable


class Audit:
    """The audit log of one app, for reading. It can be read also when recording is switched off.

    Args:
        db: Where events are.
        app_id: Whose they are.
        secrets: Open the key of the chain.
        log: Holds what was noted a moment ago; it is stored before anything is read.
    """

    def __init__(self, db: Database, app_id: str, secrets: SecretRing, log: EventLog) -> None:
        self._secrets = secrets
        self._db = db
        self._app_id = app_id
        self._log = log

    async def list(
        self,
        *,
        user_id: str | None = None,
        handle: str | None = None,
        kinds: Sequence[EventKind] | None = None,
        tenant_id: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[AuditEvent]:
        """Events that fulfil all conditions, the newest first; for the next page set `before` to the last one's id.

        Args:
            user_id: Whom they concern.
            handle: Which session they concern.
            kinds: Of these kinds only.
            tenant_id: In this tenant only.
            since_ms: From this moment on, in milliseconds since the epoch.
            until_ms: Before this moment.
            before: The id of the last event of the page before; what happens meanwhile moves no page.
            limit: At most so many, 1 to 1000.
        Raises:
            BadInput: The limit, or a text for the kinds.
            StorageUnavailable: The database does not answer.
        """
        await self._store_noted()
        return await list_events(
            self._db,
            self._app_id,
            user_id=user_id,
            handle=handle,
            kinds=kinds,
            tenant_id=tenant_id,
            since_ms=since_ms,
            until_ms=until_ms,
            before=before,
            limit=limit,
        )

    async def export(self, *, since_ms: int | None = None, until_ms: int | None = None) -> AsyncGenerator[AuditEvent]:
        """All events of a span of time, the oldest first, read in pages."""
        await self._store_noted()
        async for event in export_events(self._db, self._app_id, since_ms=since_ms, until_ms=until_ms):
            yield event

    async def _store_noted(self) -> None:
        with suppress(StorageUnavailable, Overloaded):  # where nothing can be written, what is there can be read
            await self._log.flush()

    async def get_anchor(self) -> Anchor:
        """The end of the chain now. Keep its text elsewhere: it shows later whether the end was cut off.

        Raises:
            BadInput: Nothing was ever recorded in this database.
        """
        return await get_anchor(self._db, self._app_id)

    async def verify(self, anchor: Anchor | str | None = None) -> Verification:
        """Whether the log is whole; reads all of it, so call it in a job and not in a request.

        Args:
            anchor: An end that the chain had before, from `get_anchor`, the command line or the log's lines.
        Raises:
            BadInput: The anchor is none, or there is no log.
            ConfigurationError: The configured secret does not open its key.
        """
        known = Anchor.parse(anchor) if isinstance(anchor, str) else anchor
        key = await read_chain_key(self._db, self._app_id, self._secrets)
        return await verify_log(self._db, self._app_id, key, anchor=known)
