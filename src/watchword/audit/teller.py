"""Calling the application's `on_event`: from the stored log, in the order of the chain, by one process at a time.

So no request waits for it, nothing that was rolled back is told, and what a killed process left untold is told by
another. After a kill in the middle some events are told twice: `event.id` tells which.
"""

import asyncio
import inspect
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

from watchword.audit.rows import EVENT_COLUMNS, AuditEvent
from watchword.database.database import Database
from watchword.database.statements import Statement
from watchword.errors import WatchwordError
from watchword.telemetry.hooks import Hooks

log = logging.getLogger(__name__)

OnEvent = Callable[[AuditEvent], Awaitable[None] | None]
"""What an application gives as `on_event`, sync or async; a sync one runs in a thread."""

LEASE_MS = 60_000
CATCH_UP_MS = 86_400_000
"""What happened longer ago, while no process had an `on_event`, is not told any more."""

_BATCH_SIZE = 50
_BATCH_SECONDS = 15.0  # then it is written down how far we are; far below the lease
_PAUSE_SECONDS = 1.0


class Teller:
    """Tells an app's events to `on_event`.

    Args:
        db: Where they are.
        app_id: Whose they are.
        on_event: The application's function. What it raises is logged, and the event not told again.
        hooks: Calls it: timed, and bounded.
    """

    def __init__(self, db: Database, app_id: str, on_event: OnEvent, hooks: Hooks) -> None:
        self._db = db
        self._app_id = app_id
        self._on_event = on_event
        self._hooks = hooks
        self._holder = secrets.token_hex(8)

    async def begin(self) -> None:
        """Leave untold what stood in the log before the first start with an `on_event`."""
        await self._db.write(lambda tx: tx.execute(BEGIN_TELLING, app_id=self._app_id, teller=self._holder))

    async def wait_and_tell(self) -> None:
        """One round of a background loop."""
        await asyncio.sleep(_PAUSE_SECONDS * random.SystemRandom().uniform(0.5, 1.5))  # spreads the processes
        await self.tell_all()

    async def tell_all(self) -> int:
        """Tell what was not told yet, unless another process is at it; returns how many events were told.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        told = 0
        while True:
            state = await self._db.find(FIND_UNTOLD, app_id=self._app_id)
            if state is None or state["seq"] <= state["told_seq"]:
                return told
            number = await self._tell_batch()
            if not number:
                return told
            told += number

    async def _tell_batch(self) -> int:
        names = {"app_id": self._app_id, "teller": self._holder}
        state = await self._db.write(lambda tx: tx.find(TAKE_TELLING, **names, for_ms=LEASE_MS))
        if state is None:
            return 0
        rows = await self._db.list(LIST_UNTOLD, app_id=self._app_id, told_seq=state["told_seq"], at_most=_BATCH_SIZE)
        ends_at = time.monotonic() + _BATCH_SECONDS
        told, told_seq = 0, state["told_seq"]
        for row in rows:
            if row["chained_at_ms"] >= state["now_ms"] - CATCH_UP_MS:
                await self._tell(AuditEvent.from_row(row))
            told, told_seq = told + 1, row["seq"]
            if time.monotonic() >= ends_at:
                break
        if told:
            await self._db.write(lambda tx: tx.execute(MOVE_TOLD, **names, seq=told_seq))
        return told

    async def _tell(self, event: AuditEvent) -> None:
        try:
            await self._hooks.call("on_event", partial(self._called, event))
        except WatchwordError as error:
            log.error("on_event, called with event %s (%s): %s", event.id, event.kind, error, exc_info=error.__cause__)  # noqa: TRY400 # the cause says where

    def _called(self, event: AuditEvent) -> Awaitable[None] | None:
        call = getattr(self._on_event, "__call__", self._on_event)  # noqa: B004 # an object with an async __call__
        if inspect.iscoroutinefunction(self._on_event) or inspect.iscoroutinefunction(call):
            return self._on_event(event)
        return self._in_thread(event)

    async def _in_thread(self, event: AuditEvent) -> None:
        answer = await asyncio.to_thread(self._on_event, event)
        if inspect.isawaitable(answer):  # a function that returns a coroutine
            await answer


FIND_UNTOLD = Statement("select seq, told_seq from {audit_chains} where app_id = :app_id")

BEGIN_TELLING = Statement("""
    update {audit_chains} set told_seq = seq, teller = :teller where app_id = :app_id and teller = ''
""")

# The lease is as that of the chain.
TAKE_TELLING = Statement("""
    update {audit_chains} set teller = :teller, teller_until_ms = {now_ms} + :for_ms
     where app_id = :app_id
       and (teller_until_ms <= {now_ms} or teller = :teller or teller_until_ms > {now_ms} + :for_ms)
 returning told_seq, {now_ms} as now_ms
""")

# Put together from constants, once.
LIST_UNTOLD = Statement(
    f"select {EVENT_COLUMNS}, chained_at_ms from {{audit_events}}"  # noqa: S608 - our constants
    " where app_id = :app_id and seq > :told_seq order by seq, event_id limit :at_most"
)

MOVE_TOLD = Statement("""
    update {audit_chains} set told_seq = :seq
     where app_id = :app_id and teller = :teller and told_seq < :seq
""")
