"""Where is counted: in the database, and in this process while that is away (security RL-4)."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from watchword.clock import Clock
from watchword.database.database import Body, Database, Transaction
from watchword.errors import Overloaded, StorageUnavailable
from watchword.protection.database_store import DatabaseStore
from watchword.protection.memory_store import MemoryStore
from watchword.protection.store import Lane, LimitStore, SignInKeys

T = TypeVar("T")

log = logging.getLogger(__name__)

ASK_AGAIN_MS = 1_000  # after the database failed; until then this process counts by itself


class Counting:
    """Asks the store that all nodes share, or the one of this process.

    Args:
        db: Where nodes count together.
        app_id: Whose limits they are.
        clock: Tells the time.
    """

    def __init__(self, db: Database, app_id: str, clock: Clock) -> None:
        self._clock = clock
        self._shared = DatabaseStore(db, app_id)
        self._alone = MemoryStore()
        self._away_until_ms = 0

    async def count(self, ask: Callable[[LimitStore], Awaitable[T]]) -> T:
        """Count once, where it can be."""
        now_ms = self._clock.now_ms()
        if not self._is_away(now_ms):
            try:
                return await ask(self._shared)
            except (StorageUnavailable, Overloaded) as error:
                self._away_until_ms = now_ms + ASK_AGAIN_MS
                log.warning("limits are counted by this process alone for now: %s", error)
        return await ask(self._alone)

    async def settle(self, tell: Callable[[LimitStore], Awaitable[None]]) -> None:
        """Correct a count where it may be; an outage in between leaves it as it is, on the strict side."""
        await tell(self._alone)
        if not self._is_away(self._clock.now_ms()):
            try:
                await tell(self._shared)
            except (StorageUnavailable, Overloaded) as error:
                log.warning("a count of sign-ins stays as it is: %s", error)

    async def succeed(self, keys: SignInKeys) -> Body[None]:
        """Note that a try was right; what is returned does so for all nodes, in a transaction of somebody else's."""
        await self._alone.succeed(keys)
        return lambda tx: self._shared.succeed_in(tx, keys)

    async def forget(self, tx: Transaction, lane: Lane) -> None:
        """Forget the failures of a lane, in a transaction of somebody else's."""
        await self._alone.succeed(SignInKeys(None, (lane,)))
        await self._shared.forget(tx, lane)

    def _is_away(self, now_ms: int) -> bool:
        """Whether the database failed a moment ago; by a clock that was put back since, it did not."""
        return 0 < self._away_until_ms - now_ms <= ASK_AGAIN_MS
