"""The feed of revoked handles: every process learns what any of them revoked, without asking at each request.

Each revocation is a row, written in the transaction that ended the session. A process reads the rows of one
access-token life when it starts, and from then on what is new: at a signal where the database has such a thing
(LISTEN and NOTIFY on PostgreSQL), otherwise twice a second. Signals only save time and statements. Rows can
become visible later than their stamps, so each look goes back a little further than the last one.
Source: security SE-3; the choices and their price are decision 0011.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Sequence

from watchword.background import BackgroundLoop
from watchword.clock import Clock
from watchword.database.database import Database
from watchword.sessions.revocations import RevokedHandles
from watchword.sessions.revoked_rows import DATABASE_TIME, LIST_REVOKED_AFTER, LIST_REVOKED_SINCE

log = logging.getLogger(__name__)

CHANNEL = "revoked_handles"

_POLL_SECONDS = 0.5
#: While signals arrive, looking is a precaution: a process can die between its commit and its signal.
_LISTENING_POLL_SECONDS = 5.0
#: Signals in quick succession are answered together; with it, a look comes in time for the promised second.
_SHORTEST_PAUSE_SECONDS = 0.4
_SIGNAL_PAUSE_SECONDS = 0.3
_LISTEN_AGAIN_SECONDS = 300.0

#: How far a look goes back behind the last one: a commit takes milliseconds as a rule …
_OVERLAP_MS = 2_000
#: … and now and then much longer: the server ends a transaction that idles for 15 s, a statement after 10 s.
_LONG_OVERLAP_MS = 60_000
_LONG_OVERLAP_EVERY_SECONDS = 30.0
#: The clock of a process may be this far behind the database's, and believe tokens for as much longer.
CLOCK_MARGIN_MS = 600_000

_CLOCK_WENT_BACK_MS = 1_000
_PAGE_SIZE = 2_000


class RevocationFeed:
    """Keeps a process's `RevokedHandles` up to date. `start` and `stop` on one event loop.

    Args:
        db: Where the rows are.
        app_id: Whose sessions.
        clock: Whether it was put back decides when all is read anew.
        revoked: What is kept up to date.
        staleness_ms: How long a process that is cut off from the feed goes by what it knows; `None` for ever.
    """

    def __init__(
        self, *, db: Database, app_id: str, clock: Clock, revoked: RevokedHandles, staleness_ms: int | None
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._revoked = revoked
        self._staleness_seconds = None if staleness_ms is None else staleness_ms / 1000
        self._loops: list[BackgroundLoop] = []
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()
        self._tell = asyncio.Event()
        self._listening = False
        self._cursor_ms = 0  # the database's time at the last look that found something
        self._clock_seen_ms = clock.now_ms()
        self._went_far_back_at: float | None = None
        #: How many sessions were ended here; read by whoever measures.
        self.announced = 0
        self._looked_at: float | None = None  # real time, as a clock that stands still or jumps is no measure

    async def start(self) -> None:
        """Read the handles of one access-token life, and follow from there.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        if self._loops:
            return
        self._event_loop = asyncio.get_running_loop()
        self._look, self._tell = asyncio.Event(), asyncio.Event()
        await self._read_all()
        self._loops = [
            BackgroundLoop("following revoked sessions", self._follow, longest_pause_seconds=2.0),
            BackgroundLoop("listening for revoked sessions", self._listen, longest_pause_seconds=30.0),
            BackgroundLoop("signalling revoked sessions", self._signal, longest_pause_seconds=30.0),
        ]
        for loop in self._loops:
            loop.start()

    async def stop(self) -> None:
        """Follow no longer. What is known stays known."""
        loops, self._loops = self._loops, []
        self._event_loop = self._looked_at = None
        for loop in loops:
            await loop.stop()

    def announce(self, handles: Sequence[str]) -> None:
        """Refuse the access tokens of sessions from now on, here at once; called after the commit.

        Other processes are told in the background: nobody waits for it.
        """
        for handle in handles:
            self._revoked.add(handle)
        self.announced += len(handles)
        loop = self._event_loop
        if handles and loop is not None:
            with contextlib.suppress(RuntimeError):  # that event loop was closed: others look by themselves
                loop.call_soon_threadsafe(self._tell.set)

    def is_stale(self) -> bool:
        """Whether this process has been cut off for longer than it may go by what it knows."""
        looked_at, bound = self._looked_at, self._staleness_seconds
        return looked_at is not None and bound is not None and time.monotonic() - looked_at > bound

    def find_age_seconds(self) -> float | None:
        """How long ago this process last knew all that was revoked anywhere; `None` while it does not follow."""
        return None if self._looked_at is None else time.monotonic() - self._looked_at

    async def look(self) -> None:
        """Read what is new.

        Raises:
            StorageUnavailable: The database does not answer.
            Overloaded: No connection was free.
        """
        now_ms = self._clock.now_ms()
        went_back = now_ms < self._clock_seen_ms - _CLOCK_WENT_BACK_MS
        if went_back:
            log.warning("the clock went back by %s ms: reading all revoked sessions", self._clock_seen_ms - now_ms)
            await self._read_all()  # what was forgotten by a clock that ran ahead counts again
            return
        started_at = time.monotonic()
        far_back_at = self._went_far_back_at
        goes_far_back = far_back_at is None or started_at - far_back_at >= _LONG_OVERLAP_EVERY_SECONDS
        # Until a look succeeds the next one goes far back again: a lost connection leaves a gap.
        self._went_far_back_at = None
        overlap_ms = _LONG_OVERLAP_MS if goes_far_back else _OVERLAP_MS
        await self._read(self._cursor_ms - overlap_ms, overlap_ms)
        self._clock_seen_ms = now_ms
        self._went_far_back_at = started_at if goes_far_back else far_back_at
        self._looked_at = started_at
        self._revoked.forget_old()

    async def _read_all(self) -> None:
        now_ms, started_at = self._clock.now_ms(), time.monotonic()
        row = await self._db.find(DATABASE_TIME)
        assert row is not None  # noqa: S101  a select without a table has one row
        self._cursor_ms = row["now_ms"]
        life_ms = self._revoked.life_ms + CLOCK_MARGIN_MS
        await self._read(self._cursor_ms - life_ms, life_ms)
        self._clock_seen_ms = now_ms
        self._looked_at = self._went_far_back_at = started_at

    async def _read(self, since_ms: int, overlap_ms: int) -> None:
        rows = await self._db.list(
            LIST_REVOKED_SINCE,
            app_id=self._app_id,
            since_ms=since_ms,
            overlap_ms=overlap_ms,
            page_size=_PAGE_SIZE,
        )
        cursor_ms = rows[0]["now_ms"] if rows else self._cursor_ms
        while rows:
            for row in rows:
                self._revoked.add(row["handle"])
            if len(rows) < _PAGE_SIZE:
                break
            last = rows[-1]
            rows = await self._db.list(
                LIST_REVOKED_AFTER,
                app_id=self._app_id,
                revoked_at_ms=last["revoked_at_ms"],
                handle=last["handle"],
                page_size=_PAGE_SIZE,
            )
        self._cursor_ms = cursor_ms

    async def _follow(self) -> None:
        """Wait for a signal or for the next look to be due, and look."""
        await asyncio.sleep(_SHORTEST_PAUSE_SECONDS)
        longest = _LISTENING_POLL_SECONDS if self._listening else _POLL_SECONDS
        if self._staleness_seconds is not None:
            longest = min(longest, self._staleness_seconds / 3)
        wait = max(0.0, longest - _SHORTEST_PAUSE_SECONDS) * random.SystemRandom().uniform(0.9, 1.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._look.wait()
        self._look.clear()
        await self.look()

    async def _listen(self) -> None:
        """Listen until that is lost."""
        listening = await self._db.listen(CHANNEL, self._look.set)
        if listening is None:
            await asyncio.sleep(_LISTEN_AGAIN_SECONDS * random.SystemRandom().uniform(0.9, 1.1))
            return
        try:
            self._listening = True
            self._look.set()  # for whatever was signalled before
            await listening.stay()
        finally:
            self._listening = False
            self._look.set()
            await listening.close()

    async def _signal(self) -> None:
        """Tell the other processes of what was revoked here."""
        await self._tell.wait()
        self._tell.clear()
        try:
            await self._db.signal(CHANNEL)
        except BaseException:
            self._tell.set()
            raise
        await asyncio.sleep(_SIGNAL_PAUSE_SECONDS)
