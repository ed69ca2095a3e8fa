"""The handles revoked within one access-token life, in memory: what lets verification do without a database."""

import threading
from hashlib import sha256

from watchword.clock import Clock

#: A refresh that was being answered while the revocation committed may sign a token this much later (security SE-3).
MARGIN_MS = 60_000


_BUCKETS = 65_536
_MARKS = 1 << 21


class _Generation:
    """The handles of one span of time: in 65,536 buckets the digests, one behind the other.

    A set of them costs up to 110 bytes an entry, this 20 to 30. Digests are found at any byte, so a handle that
    was not revoked would need some 120 bits to match by chance. Most handles were not, and the marks say so
    without a digest.
    """

    __slots__ = ("_buckets", "marks", "started_at_ms")

    def __init__(self, started_at_ms: int) -> None:
        self.started_at_ms = started_at_ms
        self._buckets = [b""] * _BUCKETS
        self.marks = bytearray(_MARKS)  # memory that nobody touched costs nothing

    def add(self, handle: str) -> None:
        """Keep a handle, once."""
        number, digest = _place_of(handle)
        if digest not in self._buckets[number]:
            self._buckets[number] += digest
            self.marks[hash(handle) % _MARKS] = 1

    def has(self, handle: str) -> bool:
        """Whether the handle was added."""
        number, digest = _place_of(handle)
        return digest in self._buckets[number]


class RevokedHandles:
    """Session handles whose access tokens must not be believed any more.

    An entry is kept for one access-token life and a margin, and for up to half as long again, as whole
    generations are forgotten at once. Event loops of several threads may share this object.

    Args:
        clock: Tells the time.
        access_token_validity_ms: Longest life of an access token; older entries are of no use.
    """

    def __init__(self, clock: Clock, access_token_validity_ms: int) -> None:
        self._clock = clock
        self.life_ms = access_token_validity_ms + MARGIN_MS
        self._generations: tuple[_Generation, ...] = ()  # newest first; replaced, never changed
        self._lock = threading.Lock()

    def add(self, handle: str) -> None:
        """Remember a revoked handle; called after the revocation has committed. Adding it again does no harm."""
        now_ms = self._clock.now_ms()
        with self._lock:
            generations = self._generations
            if not generations or now_ms >= generations[0].started_at_ms + self.life_ms // 2:
                generations = (_Generation(now_ms), *generations)
            self._generations = self._living(generations, now_ms)
            self._generations[0].add(handle)

    def has(self, handle: str) -> bool:
        """Whether the handle was revoked within one access-token life."""
        mark = hash(handle) % _MARKS
        for generation in self._generations:  # noqa: SIM110  a generator costs more than all the rest
            if generation.marks[mark] and generation.has(handle):
                return True
        return False

    def keep_longer(self, access_token_validity_ms: int) -> None:
        """Tokens may live longer than the settings say, as when those were changed: so do entries."""
        self.life_ms = max(self.life_ms, access_token_validity_ms + MARGIN_MS)

    def forget_old(self) -> None:
        """Let go what is of no use any more."""
        with self._lock:
            now_ms = self._clock.now_ms()
            self._generations = self._living(self._generations, now_ms)

    def _living(self, generations: tuple[_Generation, ...], now_ms: int) -> tuple[_Generation, ...]:
        living: list[_Generation] = []
        ended_at_ms = now_ms  # when the generation took its last entry
        for generation in generations:
            # A clock that was put back must not keep a generation open for ever.
            generation.started_at_ms = min(generation.started_at_ms, now_ms)
            ends_at_ms = min(ended_at_ms, generation.started_at_ms + self.life_ms // 2)
            if now_ms < ends_at_ms + self.life_ms:
                living.append(generation)
            ended_at_ms = generation.started_at_ms
        return tuple(living)


def _place_of(handle: str) -> tuple[int, bytes]:
    """The number of a handle's bucket, and what is kept in it."""
    digest = sha256(handle.encode()).digest()
    return int.from_bytes(digest[:2], "big") % _BUCKETS, digest[2:16]
