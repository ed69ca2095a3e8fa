"""When a signing key is made, signs, and is withdrawn: pure functions of the keys there are and the time."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from watchword.crypto.jwt import SigningAlgorithm

KeyKind = Literal["dynamic", "static"]

#: A key is in JWKS this long before it signs: server-side rendering keeps JWKS for ten minutes and asks
#: for no unknown key (FDI 5.4).
HEAD_START_MS = 900_000
_LOOK_EVERY_MS = 60_000


def new_kid(kind: KeyKind) -> str:
    """A new key id; the prefix tells a rotating key from a static one (FDI 5.1). Always of one length."""
    return f"{kind[0]}-{secrets.token_hex(11)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """Where a key stands in the row of its kind and algorithm.

    Attributes:
        slot: Counts up from 0.
        signs_from_ms: Until then it is published only.
        token_validity_ms: Longest life of the tokens it signs.
    """

    kid: str
    kind: KeyKind
    algorithm: SigningAlgorithm
    slot: int
    signs_from_ms: int
    token_validity_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchedule:
    """The rules of an app's keys.

    Attributes:
        kind: Which keys sign.
        algorithm: Of the keys that are made from now on.
        rotation_ms: How long a rotating key signs.
        token_validity_ms: Life of an access token.
    """

    kind: KeyKind
    algorithm: SigningAlgorithm
    rotation_ms: int
    token_validity_ms: int

    @property
    def head_start_ms(self) -> int:
        """How long a key is published before it signs; shorter where keys sign for minutes only."""
        return min(HEAD_START_MS, self.rotation_ms // 2)

    @property
    def look_every_ms(self) -> int:
        """How often each process looks for new keys; within the head start, so that none is late."""
        return min(_LOOK_EVERY_MS, self.head_start_ms)

    def candidates(self, keys: Sequence[KeyPlace], now_ms: int) -> list[KeyPlace]:
        """The keys that may sign now, best first: of our algorithm before others, newer before older.

        A key whose time has not come is the last resort, for a clock that runs behind the one that made
        the first key of an app.
        """

        def rank(key: KeyPlace) -> tuple[int, bool, int]:
            return max(0, key.signs_from_ms - now_ms), key.algorithm != self.algorithm, -key.slot

        return sorted((key for key in keys if key.kind == self.kind), key=rank)

    def due(self, keys: Sequence[KeyPlace], now_ms: int) -> KeyPlace | None:
        """The key that must be made now, or `None`.

        The first key of an app signs at once: nobody has its JWKS yet. So does the first one of a kind,
        as tokens of the other kind are refused. Any other one is published ahead. One that is to sign later than
        after a whole rotation was made by a clock that ran ahead, and puts nothing off: its slot is passed over.
        """
        of_kind = [key for key in keys if key.kind == self.kind]
        ours = [key for key in of_kind if key.algorithm == self.algorithm]
        slot = max((key.slot + 1 for key in ours), default=0)
        in_time = [key for key in ours if self.kind == "static" or key.signs_from_ms <= now_ms + self.rotation_ms]
        latest = max(in_time, key=lambda key: key.slot, default=None)
        if latest is None:
            return self._place(slot, now_ms + self.head_start_ms if of_kind else now_ms)
        ends_ms = latest.signs_from_ms + self.rotation_ms
        if self.kind == "static" or now_ms < ends_ms - self.head_start_ms:
            return None
        return self._place(slot, max(ends_ms, now_ms + self.head_start_ms))

    def _place(self, slot: int, signs_from_ms: int) -> KeyPlace:
        return KeyPlace(
            kid=new_kid(self.kind),
            kind=self.kind,
            algorithm=self.algorithm,
            slot=slot,
            signs_from_ms=signs_from_ms,
            token_validity_ms=self.token_validity_ms,
        )

    def withdrawn_at_ms(self, key: KeyPlace, keys: Sequence[KeyPlace]) -> int | None:
        """When every token that the key can have signed has expired; `None` while it has no successor."""
        successor = next((k for k in keys if _is_successor(k, key)), None)
        if successor is None:
            return None
        # A process that looked just before the successor was made signs with the old key until it looks again.
        last_signed_ms = successor.signs_from_ms + self.look_every_ms
        return last_signed_ms + max(key.token_validity_ms, self.token_validity_ms)


def _is_successor(candidate: KeyPlace, key: KeyPlace) -> bool:
    return (candidate.kind, candidate.algorithm, candidate.slot) == (key.kind, key.algorithm, key.slot + 1)
