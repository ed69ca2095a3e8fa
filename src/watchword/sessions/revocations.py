"""The handles revoked within one access-token life, in memory: what lets verification do without a database."""

import threading
from hashlib import sha256

from watchword.clock import Clock

#: A refresh that was being answered while the revocation committed may sign a token this much later (security SE-3).
MARGIN_MS = 60_000

_DIGEST_BYTES = 16


class _Generation:
    """The handles of one span of time: in each of up to 4,096 buckets the digests, one behind the other.

    A set costs up to 110 bytes an entry, this some 17. Digests are found at any byte, so a handle that was not
    revoked would need 128 bits to match by chance.
    """

    __slots__ = ("_buckets", "started_at_ms")

    def __init__(self, started_at_ms: int) -> None:
        self.started_at_ms = started_at_ms
        self._buckets: dict[int, bytes] = {}

    def add(self, digest: bytes) -> None:
        """Keep a digest, once."""
        number = _bucket_of(digest)
        bucket = self._buckets.get(number, b"")
        if digest not in bucket:
            self._buckets[number] = bucket + digest

    def has(self, digest: bytes) -> bool:
        """Whether the digest was added."""
        return digest in self._buckets.get(_bucket_of(digest), b"")


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
            self._generations[0].add(_digest_of(handle))

    def has(self, handle: str) -> bool:
        """Whether the handle was revoked within one access-token life."""
        generations = self._generations
        if not generations:
            return False
        digest = _digest_of(handle)
        return any(generation.has(digest) for generation in generations)

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


def _digest_of(handle: str) -> bytes:
    return sha256(handle.encode()).digest()[:_DIGEST_BYTES]


def _bucket_of(digest: bytes) -> int:
    return digest[0] << 4 | digest[1] >> 4
