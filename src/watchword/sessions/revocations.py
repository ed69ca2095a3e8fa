"""The handles revoked in this process within one access-token life: what lets verification do without a database."""

from watchword.clock import Clock

#: A refresh that was being answered while the revocation committed may sign a token this much later (security SE-3).
_MARGIN_MS = 60_000


class RevokedHandles:
    """Session handles whose access tokens must not be believed any more.

    Args:
        clock: Tells the time.
        access_token_validity_ms: Longest life of an access token; older entries are of no use.
    """

    def __init__(self, clock: Clock, access_token_validity_ms: int) -> None:
        self._clock = clock
        self._life_ms = access_token_validity_ms + _MARGIN_MS
        self._until_ms: dict[str, int] = {}

    def add(self, handle: str) -> None:
        """Remember a revoked handle; called after the revocation has committed."""
        now_ms = self._clock.now_ms()
        self._forget_before(now_ms)
        self._until_ms.pop(handle, None)
        self._until_ms[handle] = now_ms + self._life_ms

    def has(self, handle: str) -> bool:
        """Whether the handle was revoked within one access-token life."""
        return handle in self._until_ms

    def _forget_before(self, now_ms: int) -> None:
        # Insertion order is the order of time, so the oldest are at the front. Never a copy of all of them:
        # ending all sessions of somebody who has thousands would hold the event loop for seconds.
        while self._until_ms:
            oldest = next(iter(self._until_ms))
            if self._until_ms[oldest] > now_ms:
                return
            del self._until_ms[oldest]
