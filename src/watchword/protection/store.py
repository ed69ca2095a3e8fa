"""What the limits ask of the place where they count."""

from dataclasses import dataclass
from typing import Protocol

from watchword.protection.settings import FailureRule, Limit


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of one limit of one network, or of one mailbox; the key tells nothing to whom who reads it."""

    key: bytes
    limit: Limit

    def is_half_used(self, full_at_ms: int, now_ms: int) -> bool:
        """Whether half of the requests are used up."""
        return 2 * (full_at_ms - now_ms) >= self.limit.period_ms

    def too_late_ms(self, now_ms: int) -> int:
        """A budget said to be full later than this was counted by a clock that ran ahead: it is full now.

        Without that, one node whose clock was wrong for a moment would lock everybody out for as long as it was ahead.
        Twice what can be, so that clocks a little apart change nothing.
        """
        return now_ms + 2 * self.limit.period_ms

    def wait_ms(self, full_at_ms: int, now_ms: int) -> int:
        """How long until there is one request in the budget again; 0 when there is one."""
        return max(0, max(full_at_ms, now_ms) + self.limit.cost_ms - self.limit.period_ms - now_ms)


@dataclass(frozen=True, slots=True)
class Lane:
    """The failures in a row of one account, or of one known device at it."""

    key: bytes
    rule: FailureRule

    def is_half_used(self, failures: int) -> bool:
        """Whether half of the failures before there is a wait have happened."""
        return 2 * failures >= self.rule.free


@dataclass(frozen=True, slots=True)
class SignInKeys:
    """What one try to sign in counts on; `None` where that is switched off, or not known."""

    network: Budget | None
    lane: Lane | None


class LimitStore(Protocol):
    """Counts. Every method may raise `StorageUnavailable` or `Overloaded`; waits are in milliseconds."""

    async def take(self, budget: Budget, now_ms: int) -> int:
        """Take one request out of a budget; 0 when there was one, else how long until there is."""
        ...

    async def begin(self, keys: SignInKeys, now_ms: int) -> int:
        """Count a try before it is checked: 0 when it may be checked, else how long to wait.

        Of any number at the same moment, no more are let through than the rule allows (security RL-3).
        """
        ...

    async def is_half_used(self, keys: SignInKeys, now_ms: int) -> bool:
        """Whether half of a budget, or half of the failures before there is a wait, is used up; counts nothing."""
        ...

    async def succeed(self, keys: SignInKeys) -> None:
        """The try was right: the lane starts anew, and the network gets its own back."""
        ...

    async def take_back(self, keys: SignInKeys, now_ms: int) -> None:
        """The try was never checked: it does not count."""
        ...
