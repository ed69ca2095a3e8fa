"""scrypt hashes of Django and Werkzeug. RFC 7914."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from watchword.crypto.imported.decoding import (
    MAX_SCRYPT_BYTES,
    MAX_SCRYPT_WORK_BYTES,
    decode_base64,
    decode_hex,
    whole_number,
)
from watchword.crypto.phc import UnsupportedHash

_DJANGO = re.compile(r"scrypt\$(?P<n>[0-9]+)\$(?P<salt>[^$]+)\$(?P<r>[0-9]+)\$(?P<p>[0-9]+)\$(?P<tag>[A-Za-z0-9+/=]+)")
_WERKZEUG = re.compile(r"scrypt:(?P<n>[0-9]+):(?P<r>[0-9]+):(?P<p>[0-9]+)\$(?P<salt>[^$]+)\$(?P<tag>[0-9a-f]+)")
_MAX_R, _MAX_P = 32, 16


@dataclass(frozen=True, slots=True)
class ScryptHash:
    """N, r, p, salt and what came out."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password."""
        return hmac.compare_digest(derive(password, self.salt, self.n, self.r, self.p, len(self.tag)), self.tag)


def parse(password_hash: str) -> ScryptHash:
    """Read `scrypt$N$salt$r$p$tag` (Django) or `scrypt:N:r:p$salt$tag` (Werkzeug). Raises `UnsupportedHash`."""
    if match := _DJANGO.fullmatch(password_hash):
        tag = decode_base64(match["tag"])
    elif match := _WERKZEUG.fullmatch(password_hash):
        tag = decode_hex(match["tag"])
    else:
        raise UnsupportedHash("it is not a scrypt hash of Django or Werkzeug")
    r, p = whole_number(match["r"], _MAX_R), whole_number(match["p"], _MAX_P)
    n = whole_number(match["n"], MAX_SCRYPT_BYTES // (128 * r))
    if n < 2 or n & (n - 1) or not 16 <= len(tag) <= 128:
        raise UnsupportedHash("its parameters are out of range")
    if 128 * n * r * p > MAX_SCRYPT_WORK_BYTES:
        raise UnsupportedHash(f"its cost (N={n}, r={r}, p={p}) is over the ceiling")
    return ScryptHash(n, r, p, match["salt"].encode(), tag)


def derive(password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    """The key of scrypt. The library refuses what it was not told beforehand that it may take."""
    most_bytes = 128 * r * (n + p + 2) + 1_048_576
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=most_bytes, dklen=length)
