"""The key of an audit log, and the marks that nobody can make who has only the database.

A mark is HMAC-SHA256 over a JSON list that begins with the mark's purpose, so that no two lists look alike and no
mark serves as another.
"""

import hmac
import secrets as randomness
from typing import Any

from watchword.crypto.hashes import constant_time_equal, sha256
from watchword.http.json import encode_json

SALT_BYTES = 16


class ChainKey:
    """Makes the marks of one app's log.

    Args:
        chain_id: Names the chain, in anchors.
        key: 32 random bytes.
    """

    def __init__(self, chain_id: str, key: bytes) -> None:
        self.chain_id = chain_id
        self._key = key

    def __repr__(self) -> str:
        return f"ChainKey({self.chain_id}, key not shown)"

    def mark(self, purpose: str, *parts: Any) -> bytes:
        """The 32-byte mark of some parts: text, numbers, bytes or `None`."""
        return hmac.digest(self._key, encode_json([purpose, *parts]), "sha256")

    def origin(self) -> bytes:
        """The link before the first event."""
        return self.mark("origin", self.chain_id)

    def link(self, before: bytes, seq: int, chained_at_ms: int, mac: bytes) -> bytes:
        """The link of an event at a place: it stands for all events up to there."""
        return self.mark("link", before, seq, chained_at_ms, mac)

    def head(self, seq: int, link: bytes) -> bytes:
        """That the chain ends here."""
        return self.mark("head", self.chain_id, seq, link)

    def removed(self, seq: int, link: bytes) -> bytes:
        """That we have removed the events up to here, by age."""
        return self.mark("removed", self.chain_id, seq, link)

    def erased(self, event_id: str, personal_hash: bytes) -> bytes:
        """That we have taken the person out of an event."""
        return self.mark("erased", event_id, personal_hash)

    def holds(self, mark: bytes | None, expected: bytes) -> bool:
        """Whether a stored mark is the one that we would have made."""
        return mark is not None and constant_time_equal(bytes(mark), expected)


def new_salt() -> bytes:
    """What keeps anybody from finding the user id of an erased event by trying all there are."""
    return randomness.token_bytes(SALT_BYTES)


def personal_hash(salt: bytes, user_id: str | None, address: str | None, reason: str | None) -> bytes:
    """What the chain holds instead of the fields about a person."""
    return sha256(encode_json([salt, user_id, address, reason]))
