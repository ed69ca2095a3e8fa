"""Clocks of several processes that the test moves: all of them together, or one that goes wrong."""

import mmap
import os
import time
from pathlib import Path

_PLACES = 16
_BYTES = 8


class MovableClocks:
    """A file of offsets that every process reads: the first is everybody's, each node has one of its own.

    Args:
        path: Made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(file).st_size < _PLACES * _BYTES:
                os.pwrite(file, bytes(_PLACES * _BYTES), 0)
            self._offsets = memoryview(mmap.mmap(file, _PLACES * _BYTES)).cast("q")
        finally:
            os.close(file)

    def advance(self, milliseconds: int) -> None:
        """Time passes, for everybody."""
        self._offsets[0] += milliseconds

    def jump(self, place: int, milliseconds: int) -> None:
        """The clock of one node goes wrong by so much, against the true time."""
        self._offsets[place] = milliseconds

    def at(self, place: int) -> "MovableClock":
        """The clock of one node, from 1; 0 is always right."""
        return MovableClock(self._offsets, place)


class MovableClock:
    """A `Clock` of the product, as one node reads it."""

    def __init__(self, offsets: "memoryview[int]", place: int) -> None:
        self._offsets = offsets
        self._place = place

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        own = self._offsets[self._place] if self._place else 0
        return time.time_ns() // 1_000_000 + self._offsets[0] + own
