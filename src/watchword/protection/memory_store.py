"""Counting in this process: for what need not be shared, and while the database is away."""

from dataclasses import dataclass

from watchword.protection.store import Budget, Lane, SignInKeys

MOST_KEYS = 20_000  # some megabytes; of more, the oldest are forgotten


@dataclass(slots=True)
class _Failures:
    count: int
    next_ms: int
    expires_ms: int


class MemoryStore:
    """A `LimitStore` in memory, bounded."""

    def __init__(self) -> None:
        self._full_at: dict[bytes, int] = {}
        self._failures: dict[bytes, _Failures] = {}

    async def take(self, budget: Budget, now_ms: int) -> int:
        """Take one request out of a budget; 0 when there was one, else the wait in ms."""
        return self.take_now(budget, now_ms)

    def take_now(self, budget: Budget, now_ms: int) -> int:
        """`take` for callers that do not wait."""
        full_at_ms = self._full_at.pop(budget.key, 0)
        if full_at_ms > budget.too_late_ms(now_ms):
            full_at_ms = now_ms
        wait_ms = budget.wait_ms(full_at_ms, now_ms)
        self._full_at[budget.key] = full_at_ms if wait_ms else max(full_at_ms, now_ms) + budget.limit.cost_ms
        if len(self._full_at) > MOST_KEYS:
            del self._full_at[next(iter(self._full_at))]
        return wait_ms

    async def begin(self, keys: SignInKeys, now_ms: int) -> int:
        """Count a try before it is checked: 0, or the wait in ms."""
        wait_ms = 0 if keys.network is None else self.take_now(keys.network, now_ms)
        return wait_ms if wait_ms or keys.lane is None else self._count(keys.lane, now_ms)

    def _count(self, lane: Lane, now_ms: int) -> int:
        failures = self._failures.pop(lane.key, None)
        if failures is None or failures.expires_ms <= now_ms:
            failures = _Failures(0, 0, 0)
        self._failures[lane.key] = failures
        if len(self._failures) > MOST_KEYS:
            del self._failures[next(iter(self._failures))]
        if now_ms < failures.next_ms <= lane.rule.too_late_ms(now_ms):
            return failures.next_ms - now_ms
        failures.count += 1
        failures.next_ms = now_ms + lane.rule.delay_ms(failures.count)
        failures.expires_ms = now_ms + lane.rule.kept_ms(failures.count)
        return 0

    async def is_half_used(self, keys: SignInKeys, now_ms: int) -> bool:
        """Whether half of a budget or of the free failures is used up."""
        if keys.network is not None and keys.network.is_half_used(self._full_at.get(keys.network.key, 0), now_ms):
            return True
        failures = None if keys.lane is None else self._failures.get(keys.lane.key)
        if keys.lane is None or failures is None or failures.expires_ms <= now_ms:
            return False
        return keys.lane.is_half_used(failures.count)

    async def succeed(self, keys: SignInKeys) -> None:
        """The try was right."""
        self._give_back(keys.network)
        if keys.lane is not None:
            self._failures.pop(keys.lane.key, None)

    async def take_back(self, keys: SignInKeys, now_ms: int) -> None:
        """The try was never checked."""
        self._give_back(keys.network)
        failures = None if keys.lane is None else self._failures.get(keys.lane.key)
        if failures is not None and failures.count > 0:
            failures.count -= 1
            failures.next_ms = min(failures.next_ms, now_ms)

    def _give_back(self, budget: Budget | None) -> None:
        if budget is not None and budget.key in self._full_at:
            self._full_at[budget.key] -= budget.limit.cost_ms
