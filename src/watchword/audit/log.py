"""The log of one app in one process: recording in transactions, noting beside them, and the work behind that."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from watchword.audit.chain import ChainWriter, open_chain
from watchword.audit.erasure import erase_user
from watchword.audit.events import SecurityEvent
from watchword.audit.marks import ChainKey
from watchword.audit.rows import INSERT_EVENT, EventIds, new_row
from watchword.audit.settings import AuditSettings
from watchword.audit.teller import OnEvent, Teller
from watchword.audit.verification import get_anchor
from watchword.background import BackgroundLoop
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable
from watchword.signatures import check_callable
from watchword.telemetry.hooks import Hooks

log = logging.getLogger(__name__)

MOST_NOTED = 10_000  # some megabytes; what comes then is counted and dropped
_FLUSH_SIZE = 200
_FLUSH_SECONDS = 0.5
_CHAIN_SECONDS = 1.0
_NEWS_SECONDS = 15.0  # longer than the lease of a process that dies before it has chained them
_LOOK_SECONDS = 15.0  # a process without news of its own looks for what others left
_REMOVE_SECONDS = 600.0
_STOP_SECONDS = 5.0
_DAY_MS = 86_400_000
_MOST_QUIET = 10_000


class AuditLog:
    """Keeps an app's events; an `EventLog`. `start` before use, `stop` at the end.

    Args:
        db: Where they are kept.
        app_id: Whose they are.
        clock: Tells the time.
        secrets: Seals the key of the chain.
        settings: What is kept.
        on_event: See `Teller`.
        hooks: Calls it.
    """

    def __init__(
        self,
        *,
        db: Database,
        app_id: str,
        clock: Clock,
        secrets: SecretRing,
        settings: AuditSettings,
        on_event: OnEvent | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._secrets = secrets
        self._settings = settings
        self._teller = None if on_event is None else Teller(db, app_id, on_event, hooks or Hooks())
        self._ids = EventIds()
        self._key: ChainKey | None = None
        self._news_until = 0.0  # of time.monotonic, seconds
        self._look_again_at = 0.0
        self._noted: deque[tuple[str, int, SecurityEvent]] = deque()
        self._dropped = 0
        self._quiet: dict[tuple[Any, ...], int] = {}
        self._flushing = asyncio.Lock()
        self._loops: list[BackgroundLoop] = []

    async def start(self) -> None:
        """Open the chain, or make it, and begin the work in the background.

        Raises:
            ConfigurationError: The configured secret does not open the chain's key.
            StorageUnavailable: The database does not answer.
        """
        writer = await self.open()
        self._begin("storing security events", self._wait_and_flush)
        self._begin("chaining security events", partial(self._wait_and_chain, writer))
        self._begin("removing old security events", partial(self._wait_and_remove, writer))
        if self._teller is not None:
            await self._teller.begin()
            self._begin("telling security events", self._teller.wait_and_tell)

    async def open(self) -> ChainWriter:
        """Open the chain, or make it, so that events can be recorded; without any work in the background.

        Raises: as `start`.
        """
        self._key = await open_chain(self._db, self._app_id, self._secrets)
        self._flushing = asyncio.Lock()
        return ChainWriter(self._db, self._app_id, self._key, self.note)

    async def stop(self) -> None:
        """Store what was noted, for a few seconds at most, and end the work in the background."""
        loops, self._loops = self._loops, []
        for loop in loops:
            await loop.stop()
        if self._key is None:
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.flush()
        except (TimeoutError, StorageUnavailable, Overloaded):
            log.error("%d security events are lost: the database did not answer before the stop", len(self._noted))  # noqa: TRY400 - the sentence says the cause

    async def record(self, tx: Transaction, *events: SecurityEvent) -> None:
        """Store events in the caller's transaction; see `EventLog`."""
        self._news_until = time.monotonic() + _NEWS_SECONDS
        now_ms = self._clock.now_ms()
        rows = [self._row(self._ids.make(now_ms), now_ms, event) for event in events]
        if len(rows) == 1:
            await tx.execute(INSERT_EVENT, **rows[0])
        else:
            await tx.execute_many(INSERT_EVENT, rows)

    def note(self, *events: SecurityEvent, quiet_ms: int = 0) -> None:
        """Take events that go with no write; see `EventLog`."""
        now_ms = self._clock.now_ms()
        for event in events:
            if quiet_ms and self._was_just_noted(event, now_ms, quiet_ms):
                continue
            if len(self._noted) >= MOST_NOTED:
                self._dropped += 1
                continue
            self._noted.append((self._ids.make(now_ms), now_ms, event))

    async def flush(self) -> None:
        """Store what was noted so far; see `EventLog`."""
        async with self._flushing:
            for _ in range(len(self._noted) // _FLUSH_SIZE + 1):
                # Taken out after the commit only; an id makes it harmless to store one twice.
                batch = [self._noted[index] for index in range(min(_FLUSH_SIZE, len(self._noted)))]
                dropped = self._dropped
                if dropped:
                    now_ms = self._clock.now_ms()
                    event = SecurityEvent("events_dropped", facts={"number": dropped})
                    batch.append((self._ids.make(now_ms), now_ms, event))
                if not batch:
                    return
                rows = [row for noted in batch if (row := self._row_if_it_can_be(*noted)) is not None]
                await self._db.write(lambda tx, rows=rows: tx.execute_many(INSERT_EVENT, rows))
                self._news_until = time.monotonic() + _NEWS_SECONDS
                for _ in range(len(batch) - bool(dropped)):
                    self._noted.popleft()
                if dropped:
                    self._dropped -= dropped
                    log.error("%d security events were dropped: more came than could be stored", dropped)

    async def erase_user(self, tx: Transaction, user_id: str) -> int:
        """Take a person out of their events; see `EventLog`."""
        return await erase_user(tx, self._opened(), self._app_id, user_id)

    def _opened(self) -> ChainKey:
        if self._key is None:
            raise RuntimeError("the audit log was not started")
        return self._key

    def _row(self, event_id: str, at_ms: int, event: SecurityEvent) -> dict[str, Any]:
        stored = replace(event, address=self._settings.address_to_store(event.address))
        return new_row(self._opened(), self._app_id, event_id, at_ms, stored)

    def _row_if_it_can_be(self, event_id: str, at_ms: int, event: SecurityEvent) -> dict[str, Any] | None:
        try:
            return self._row(event_id, at_ms, event)
        except Exception:  # one that holds what it may not must not keep all others from being stored
            log.exception("a security event of kind %s cannot be stored, and is dropped", event.kind)
            return None

    def _was_just_noted(self, event: SecurityEvent, now_ms: int, quiet_ms: int) -> bool:
        key = (event.kind, event.tenant_id, event.user_id, event.handle, event.address, *event.facts.values())
        noted_at_ms = self._quiet.get(key)
        # The distance, not the difference: a clock that was ahead for a moment must not silence for as long.
        if noted_at_ms is not None and abs(now_ms - noted_at_ms) < quiet_ms:
            return True
        if len(self._quiet) >= _MOST_QUIET:
            self._quiet.clear()
        self._quiet[key] = now_ms
        return False

    def _begin(self, what: str, round_: Callable[[], Awaitable[None]]) -> None:
        loop = BackgroundLoop(what, round_, longest_pause_seconds=30.0)
        self._loops.append(loop)
        loop.start()

    async def _wait_and_flush(self) -> None:
        await asyncio.sleep(_FLUSH_SECONDS)
        if self._noted or self._dropped:
            await self.flush()

    async def _wait_and_chain(self, writer: ChainWriter) -> None:
        await asyncio.sleep(_CHAIN_SECONDS * random.SystemRandom().uniform(1, 2))  # spreads the processes
        if self._news_until < time.monotonic() < self._look_again_at:
            return
        await writer.chain_all()
        self._look_again_at = time.monotonic() + _LOOK_SECONDS

    async def _wait_and_remove(self, writer: ChainWriter) -> None:
        await asyncio.sleep(_REMOVE_SECONDS * random.SystemRandom().uniform(0.5, 1.5))
        log.info("the audit log ends at %s", await get_anchor(self._db, self._app_id))
        if self._settings.keep_days is not None:
            await writer.remove_old(self._settings.keep_days * _DAY_MS, self._clock.now_ms())


def make_event_log(
    settings: AuditSettings,
    on_event: OnEvent | None,
    *,
    db: Database,
    app_id: str,
    clock: Clock,
    secrets: SecretRing,
    hooks: Hooks,
) -> AuditLog | None:
    """The log that the settings ask for; `None` when it is off.

    Raises:
        ConfigurationError: `on_event` takes other arguments, or would never be called.
    """
    check_callable("on_event", on_event, "event")
    if settings.on:
        return AuditLog(
            db=db, app_id=app_id, clock=clock, secrets=secrets, settings=settings, on_event=on_event, hooks=hooks
        )
    if on_event is not None:
        raise ConfigurationError("on_event", "is called from the audit log, which audit.on switches off; leave that on")
    return None
