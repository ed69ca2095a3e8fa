"""The sweeper: rows that are of no use any more go, in small batches, by one process at a time, without a cron.

Who sweeps holds a lease: a row that is taken by a conditional update, in the very transaction that deletes.
So two never sweep at once, and when a process dies in the middle, its lease runs out and another goes on.
"""

import asyncio
import logging
import random
import secrets

from watchword.background import BackgroundLoop
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.sessions.engine import SessionEngine
from watchword.sessions.feed import CLOCK_MARGIN_MS
from watchword.sessions.revoked_rows import DATABASE_TIME

log = logging.getLogger(__name__)

LEASE = "sweeping sessions"
LEASE_MS = 60_000
#: A session's row stays this long after its end, for clocks that are wrong.
GRACE_MS = 86_400_000

_BATCH_SIZE = 500
_PAUSE_SECONDS = 0.05  # others want to write too: SQLite has one writer at a time


class Sweeper:
    """Removes ended sessions and old revoked handles of one app.

    Args:
        engine: The app's sessions; its settings say how often.
        batch_size: The most rows of each kind in one transaction.
    """

    def __init__(self, engine: SessionEngine, *, batch_size: int = _BATCH_SIZE) -> None:
        self._engine = engine
        self._batch_size = batch_size
        self._holder = secrets.token_hex(8)
        self._loop: BackgroundLoop | None = None

    def start(self) -> None:
        """Sweep again and again from now on, on the running event loop."""
        if self._loop is None and self._engine.settings.sweep_interval_ms is not None:
            self._loop = BackgroundLoop("removing old sessions", self._wait_and_sweep, longest_pause_seconds=60.0)
            self._loop.start()

    async def stop(self) -> None:
        """Stop; a batch that is being removed is removed whole or not at all."""
        loop, self._loop = self._loop, None
        if loop is not None:
            await loop.stop()

    async def sweep(self) -> int:
        """Remove all that is due, unless another process is at it. Returns how many rows went.

        Raises:
            StorageUnavailable: The database does not answer.
            Overloaded: No connection was free.
        """
        removed = 0
        while True:
            gone = await self._engine.db.write(self._remove_batch)
            removed += gone
            self._engine.counts.swept += gone
            if gone == 0:
                return removed
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _wait_and_sweep(self) -> None:
        interval_ms = self._engine.settings.sweep_interval_ms
        assert interval_ms is not None  # noqa: S101  `start` saw to it
        await asyncio.sleep(interval_ms / 1000 * random.SystemRandom().uniform(0.5, 1.5))  # spreads the processes
        removed = await self.sweep()
        if removed:
            log.info("removed %s rows of sessions that have ended", removed)

    async def _remove_batch(self, tx: Transaction) -> int:
        engine = self._engine
        names = {"app_id": engine.app_id, "name": LEASE}
        if not await tx.execute(TAKE_LEASE, **names, holder=self._holder, for_ms=LEASE_MS):
            return 0
        row = await tx.find(DATABASE_TIME)
        assert row is not None  # noqa: S101  a select without a table has one row
        database_ms: int = row["now_ms"]
        # The earlier of two clocks: one that runs ahead, or jumps, must not remove sessions that live.
        ended_by_ms = min(engine.clock.now_ms(), database_ms) - GRACE_MS
        revoked_by_ms = database_ms - engine.revoked.life_ms - 2 * CLOCK_MARGIN_MS
        batch = {"app_id": engine.app_id, "batch_size": self._batch_size}
        gone = await tx.execute(DELETE_ENDED_SESSIONS, **batch, ended_by_ms=ended_by_ms)
        return gone + await tx.execute(DELETE_OLD_REVOKED, **batch, revoked_by_ms=revoked_by_ms)


# Free, run out, one's own, or longer than any: the database's clock was put back.
TAKE_LEASE = Statement("""
    insert into {leases} as lease (app_id, name, holder, until_ms)
    values (:app_id, :name, :holder, {now_ms} + :for_ms)
        on conflict (app_id, name) do update
       set holder = excluded.holder, until_ms = excluded.until_ms
     where lease.until_ms <= {now_ms} or lease.holder = excluded.holder or lease.until_ms > excluded.until_ms
""")

# The end is asked for again, as a session may have been prolonged since it was found; with `+ 0`, so that no index
# is used for it, and a batch never reads all that has ended.
DELETE_ENDED_SESSIONS = Statement("""
    delete from {sessions}
     where app_id = :app_id and expires_at_ms + 0 <= :ended_by_ms
       and handle in (select handle from {sessions}
                       where app_id = :app_id and expires_at_ms <= :ended_by_ms
                       order by expires_at_ms
                       limit :batch_size)
""")

DELETE_OLD_REVOKED = Statement("""
    delete from {revoked_handles}
     where app_id = :app_id
       and (revoked_at_ms, handle) in (select revoked_at_ms, handle from {revoked_handles}
                                        where app_id = :app_id and revoked_at_ms <= :revoked_by_ms
                                        order by revoked_at_ms
                                        limit :batch_size)
""")
