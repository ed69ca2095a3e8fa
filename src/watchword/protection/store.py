"""What the limits ask of the place where they count."""

from collections.abc import Sequence
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
    """What one try to sign in counts on.

    Attributes:
        network: `None` where that is switched off, or not known.
        lanes: The first that is not stopped counts; none where that is switched off. A known device has its own, and
            once that is stopped it is a stranger at the account.
    """

    network: Budget | None
    lanes: tuple[Lane, ...] = ()

    @property
    def lane(self) -> Lane | None:
        """The one that counts as long as it is not stopped."""
        return self.lanes[0] if self.lanes else None


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of a try that was counted.

    Attributes:
        wait_ms: 0 when it may be checked, else how long to wait.
        is_stopped: It may not be checked, however long one waits.
        is_last: It may be checked, and when it fails it was the last one.
        lanes: Those that were asked; where it may be checked, the last one counted it.
    """

    wait_ms: int = 0
    is_stopped: bool = False
    is_last: bool = False
    lanes: tuple[Lane, ...] = ()


class LimitStore(Protocol):
    """Counts. Every method may raise `StorageUnavailable` or `Overloaded`; waits are in milliseconds."""

    async def take(self, budget: Budget, now_ms: int) -> int:
        """Take one request out of a budget; 0 when there was one, else how long until there is."""
        ...

    async def take_all(self, budgets: Sequence[Budget], now_ms: int) -> int | None:
        """Take one request out of each, up to the first that has none; which that is, `None` when all had one."""
        ...

    async def begin(self, keys: SignInKeys, now_ms: int) -> Begun:
        """Count a try before it is checked.

        Of any number at the same moment, no more are let through than the rule allows (security RL-3).
        """
        ...

    async def is_half_used(self, keys: SignInKeys, now_ms: int) -> bool:
        """Whether half of a budget, or half of the failures before there is a wait, is used up; counts nothing."""
        ...

    async def succeed(self, keys: SignInKeys) -> None:
        """The try was right: the lanes start anew, and the network gets its own back."""
        ...

    async def take_back(self, keys: SignInKeys, now_ms: int) -> None:
        """The try was never checked: it does not count."""
        ...
