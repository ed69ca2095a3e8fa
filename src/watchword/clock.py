"""Injected time: milliseconds since the epoch, from one object that tests can replace."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Every moment in Watchword comes from one of these, never from `time` itself."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000
