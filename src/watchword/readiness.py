"""Whether this process can serve requests now: what `/health/ready` asks."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from watchword.database.database import Database
from watchword.database.migrations import Migration, list_missing
from watchword.delivery.outbox import Outbox
from watchword.errors import ConfigurationError, WatchwordError
from watchword.sessions.engine import SessionEngine
from watchword.sessions.revoked_rows import DATABASE_TIME

log = logging.getLogger(__name__)

#: For the whole look; probes wait one second by default, and some a little longer.
_LONGEST_SECONDS = 2.0
#: What was found counts for so long, so that nobody can have the database asked a thousand times a second.
_COUNTS_FOR_SECONDS = 1.0
#: Tokens would begin or end at the wrong time. Source: security SC-14.
_CLOCK_OFF_MS = 30_000
#: The feed looks twice a second, or every five seconds beside signals. A longer bound of the application's counts.
_FEED_AGE_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Readiness:
    """Looks at what every request needs.

    Attributes:
        db: Must answer.
        migrations: Those of this version; all must be applied. A database that is newer is none of this: in a
            rolling update the older processes serve until they are replaced.
        sessions: Must have a key to sign with, a feed that is not cut off, and the time of the database.
        outbox: Its worker must work. Mail that a mail system does not take is for an alarm, not for this.
    """

    db: Database
    migrations: Callable[[], Sequence[Migration]]
    sessions: SessionEngine
    outbox: Outbox
    _problems: tuple[str, ...] = ()
    _looked_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find_problems(self) -> tuple[str, ...]:
        """The names of what is wrong, at most a second old; none when all is well.

        They are `database`, `clock`, `migrations`, `signing_keys`, `revocations` and `outbox`.
        """
        async with self._lock:  # many that ask at once have one answer
            if self._looked_at is None or time.monotonic() - self._looked_at >= _COUNTS_FOR_SECONDS:
                found = await self._look()
                self._tell(found)
                self._problems, self._looked_at = found, time.monotonic()
            return self._problems

    async def _look(self) -> tuple[str, ...]:
        problems: list[str] = []
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                if await self._is_clock_off():
                    problems.append("clock")
                if await list_missing(self.db, self.migrations()):
                    problems.append("migrations")
                if not await self._can_sign():
                    problems.append("signing_keys")
        except (WatchwordError, TimeoutError):
            problems.append("database")
        if self._is_cut_off():
            problems.append("revocations")
        if self.outbox.is_stuck():
            problems.append("outbox")
        return tuple(problems)

    async def _is_clock_off(self) -> bool:
        row = await self.db.find(DATABASE_TIME)
        assert row is not None  # noqa: S101  a select without a table has one row
        return abs(self.sessions.clock.now_ms() - row["now_ms"]) > _CLOCK_OFF_MS

    def _is_cut_off(self) -> bool:
        bound_ms = self.sessions.settings.revocation_staleness_ms
        age_seconds = self.sessions.feed.find_age_seconds()
        return age_seconds is None or age_seconds > max(_FEED_AGE_SECONDS, (bound_ms or 0) / 1000)

    async def _can_sign(self) -> bool:
        try:
            await self.sessions.keys.get_signing_key()
        except ConfigurationError:
            return False
        return True

    def _tell(self, found: tuple[str, ...]) -> None:
        """A line for each change, and none for each probe."""
        if found == self._problems:
            return
        if found:
            log.warning("not ready: %s", ", ".join(found))
        else:
            log.info("ready again")
