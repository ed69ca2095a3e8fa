"""Counting in this process: for what need not be shared, and while the database is away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from watchword.protection.store import Begun, Budget, Lane, SignInKeys

MOST_KEYS = 20_000  # some megabytes; of more, the oldest are forgotten


@dataclass(slots=True)
class _Failures:
    count: int = 0
    next_ms: int = 0
    expires_ms: int = 0
    in_a_row: int = 0
    kept_until_ms: int = 0


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

    async def take_all(self, budgets: Sequence[Budget], now_ms: int) -> int | None:
        """Take one request out of each, up to the first that has none; which that is, `None` when all had one."""
        return next((n for n, budget in enumerate(budgets) if self.take_now(budget, now_ms) > 0), None)

    async def begin(self, keys: SignInKeys, now_ms: int) -> Begun:
        """Count a try before it is checked."""
        wait_ms = 0 if keys.network is None else self.take_now(keys.network, now_ms)
        if wait_ms:
            return Begun(wait_ms)
        begun = Begun()
        for asked, lane in enumerate(keys.lanes, start=1):
            begun = replace(self._count(lane, now_ms), lanes=keys.lanes[:asked])
            if not begun.is_stopped:
                break
        return begun

    def _count(self, lane: Lane, now_ms: int) -> Begun:
        rule = lane.rule
        failures = self._failures.pop(lane.key, None) or _Failures()
        self._failures[lane.key] = failures
        if len(self._failures) > MOST_KEYS:
            del self._failures[next(iter(self._failures))]
        if failures.expires_ms <= now_ms:
            failures.count = failures.next_ms = 0
        if failures.kept_until_ms <= now_ms:
            failures.in_a_row = 0
        if rule.is_stopped(failures.in_a_row):
            return Begun(is_stopped=True)
        if now_ms < failures.next_ms <= rule.too_late_ms(now_ms):
            return Begun(failures.next_ms - now_ms)
        failures.count += 1
        failures.in_a_row += 1
        failures.next_ms = now_ms + rule.delay_ms(failures.count)
        failures.expires_ms = now_ms + rule.kept_ms(failures.count)
        failures.kept_until_ms = rule.kept_until_ms(failures.in_a_row, now_ms)
        return Begun(is_last=rule.is_stopped(failures.in_a_row))

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
        for lane in keys.lanes:
            self._failures.pop(lane.key, None)

    async def take_back(self, keys: SignInKeys, now_ms: int) -> None:
        """The try was never checked."""
        self._give_back(keys.network)
        for lane in keys.lanes:
            failures = self._failures.get(lane.key)
            if failures is not None and failures.count > 0:
                failures.count -= 1
                failures.in_a_row -= 1
                failures.next_ms = min(failures.next_ms, now_ms)
                failures.kept_until_ms = lane.rule.kept_until_ms(failures.in_a_row, now_ms)

    def _give_back(self, budget: Budget | None) -> None:
        if budget is not None and budget.key in self._full_at:
            self._full_at[budget.key] -= budget.limit.cost_ms
