"""Argon2 hashes that libsodium cannot compute: other variants, several lanes, salts of other lengths. RFC 9106."""

import hmac
import re
from dataclasses import dataclass, field
from types import ModuleType

from watchword.crypto.imported.decoding import decode_base64
from watchword.crypto.phc import MAX_ITERATIONS, MAX_MEMORY_KIB, UnsupportedHash

_FORM = re.compile(
    r"\$(?P<variant>argon2(?:id|i|d))(?:\$v=(?P<version>16|19))?"
    r"\$m=(?P<m>[1-9][0-9]{0,9}),t=(?P<t>[1-9][0-9]{0,9}),p=(?P<p>[1-9][0-9]{0,9})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<tag>[A-Za-z0-9+/]+)",
    re.ASCII,
)
_MAX_LANES = 64


@dataclass(frozen=True, slots=True)
class Argon2Hash:
    """What the PHC string says; `memory_kib` in KiB."""

    variant: str
    version: int
    memory_kib: int
    iterations: int
    lanes: int
    salt: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password."""
        low_level = _library()
        tag: bytes = low_level.hash_secret_raw(
            password,
            self.salt,
            time_cost=self.iterations,
            memory_cost=self.memory_kib,
            parallelism=self.lanes,
            hash_len=len(self.tag),
            type={"argon2i": low_level.Type.I, "argon2d": low_level.Type.D, "argon2id": low_level.Type.ID}[
                self.variant
            ],
            version=self.version,
        )
        return hmac.compare_digest(tag, self.tag)


def parse(password_hash: str) -> Argon2Hash:
    """Read a PHC string, also behind Django's `argon2`. Raises `UnsupportedHash`."""
    match = _FORM.fullmatch(password_hash.removeprefix("argon2") if password_hash[0] == "a" else password_hash)
    if match is None:
        raise UnsupportedHash("it is not an Argon2 hash in PHC form")
    memory_kib, iterations, lanes = int(match["m"]), int(match["t"]), int(match["p"])
    salt, tag = decode_base64(match["salt"]), decode_base64(match["tag"])
    if memory_kib > MAX_MEMORY_KIB or iterations > MAX_ITERATIONS:
        raise UnsupportedHash(f"its cost (m={memory_kib}, t={iterations}) is over the ceiling")
    if lanes > _MAX_LANES or memory_kib < 8 * lanes or len(salt) < 8 or not 16 <= len(tag) <= 128:
        raise UnsupportedHash("its parameters are out of range")
    _library()
    return Argon2Hash(match["variant"], int(match["version"] or 16), memory_kib, iterations, lanes, salt, tag)


def _library() -> ModuleType:
    """Imported when the first such hash is seen: few installations have any, and it is an extra."""
    try:
        from argon2 import low_level  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        raise UnsupportedHash("it needs an extra: pip install 'watchword[import-hashes]'") from None
    return low_level
