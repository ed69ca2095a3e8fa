"""A clock that many processes of one machine share, and that runs some hundred times faster than the day."""

import asyncio
import time
from dataclasses import dataclass

#: Longest life of a request or an answer, and of a new token on its way to the client's disk (security 4.3).
#: Under the assumed 30 s: the settle age is four of these and the error in reading ages, and every millisecond
#: of a node weighs as much as the clock is fast.
DELTA_MS = 27_500
#: A request older than this is lost before it reaches a node, so that the rest of its life is the node's.
ARRIVES_WITHIN_MS = 20_000
#: Older than this a refresh token is of age at every node: the settle age, and more than clocks are apart.
OF_AGE_MS = 136_000


@dataclass(frozen=True, slots=True)
class FastClock:
    """Tells the time of the race: whoever has the same four numbers has the same time.

    Attributes:
        base_ms: What it said in the beginning, in milliseconds since the epoch.
        origin_ns: The machine's monotonic clock in the beginning; it is one for all its processes.
        speed: How many times faster than the day it runs.
        skew_ms: By how much this one is wrong, constantly.
    """

    base_ms: int
    origin_ns: int
    speed: int
    skew_ms: int = 0

    @classmethod
    def started(cls, speed: int) -> "FastClock":
        """A clock that begins now, with the right time."""
        return cls(time.time_ns() // 1_000_000, time.monotonic_ns(), speed)

    def now_ms(self) -> int:
        """Milliseconds since the epoch, of the race."""
        return self.base_ms + self.skew_ms + (time.monotonic_ns() - self.origin_ns) * self.speed // 1_000_000

    async def sleep(self, milliseconds: float) -> None:
        """Wait for some milliseconds of the race; perhaps longer, never shorter."""
        await asyncio.sleep(milliseconds / 1_000 / self.speed)
