"""A circuit breaker: after some failures in a row, fail at once for a while instead of waiting each time."""

from watchword.clock import Clock

_FAILURES_TO_OPEN = 5
_OPEN_MS = 30_000


class CircuitBreaker:
    """Opens after 5 failures in a row; then lets one attempt through every 30 s until one succeeds.

    Only failures to answer count (time-outs, refused connections, 5xx, nonsense): what a client of ours
    can provoke, such as a refused code, must not close a provider to everybody. Source: security SS-3.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_again_at_ms = 0

    def admits(self) -> bool:
        """Whether an attempt may be made now; while open, a yes takes the one attempt of these 30 s."""
        if self._failures < _FAILURES_TO_OPEN:
            return True
        now_ms = self._clock.now_ms()
        # A clock that was set back must not keep the provider away for longer.
        if self._closed_again_at_ms - _OPEN_MS <= now_ms < self._closed_again_at_ms:
            return False
        self._closed_again_at_ms = now_ms + _OPEN_MS
        return True

    def succeeded(self) -> None:
        """The provider answered."""
        self._failures = 0

    def failed(self) -> None:
        """The provider did not answer, or only with nonsense."""
        self._failures += 1
        if self._failures == _FAILURES_TO_OPEN:
            self._closed_again_at_ms = self._clock.now_ms() + _OPEN_MS
