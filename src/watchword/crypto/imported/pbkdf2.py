"""PBKDF2 hashes of Django, passlib and Werkzeug. RFC 8018."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from watchword.crypto.imported.decoding import MAX_PBKDF2_ITERATIONS, decode_base64, decode_hex, whole_number
from watchword.crypto.phc import UnsupportedHash

_DJANGO = re.compile(r"pbkdf2_(?P<digest>sha1|sha256)\$(?P<n>[0-9]+)\$(?P<salt>[^$]+)\$(?P<tag>[A-Za-z0-9+/=]+)")
_PASSLIB = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha256|sha512))?\$(?P<n>[0-9]+)\$(?P<salt>[A-Za-z0-9./]*)\$(?P<tag>[A-Za-z0-9./]+)"
)
_WERKZEUG = re.compile(r"pbkdf2:(?P<digest>sha1|sha256|sha512):(?P<n>[0-9]+)\$(?P<salt>[^$]+)\$(?P<tag>[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash:
    """A digest, iterations, salt and what came out."""

    digest: str
    iterations: int
    salt: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password."""
        tag = hashlib.pbkdf2_hmac(self.digest, password, self.salt, self.iterations, len(self.tag))
        return hmac.compare_digest(tag, self.tag)


def parse(password_hash: str) -> Pbkdf2Hash:
    """Read `pbkdf2_sha256$n$salt$tag`, `$pbkdf2-sha256$n$salt$tag` or `pbkdf2:sha256:n$salt$tag`.

    Raises:
        UnsupportedHash: Malformed, or over the ceiling.
    """
    if match := _DJANGO.fullmatch(password_hash):
        salt, tag = match["salt"].encode(), decode_base64(match["tag"])
    elif match := _PASSLIB.fullmatch(password_hash):
        salt, tag = _decode_passlib(match["salt"]), _decode_passlib(match["tag"])
    elif match := _WERKZEUG.fullmatch(password_hash):
        salt, tag = match["salt"].encode(), decode_hex(match["tag"])
    else:
        raise UnsupportedHash("it is not a PBKDF2 hash of Django, passlib or Werkzeug")
    digest = match["digest"] or "sha1"
    iterations = whole_number(match["n"], MAX_PBKDF2_ITERATIONS)
    if not 16 <= len(tag) <= 128:
        raise UnsupportedHash("its length is out of range")
    blocks = -(-len(tag) // hashlib.new(digest).digest_size)
    if iterations * blocks > MAX_PBKDF2_ITERATIONS:
        raise UnsupportedHash(
            f"its cost ({iterations} iterations for each of {blocks} blocks) is over the ceiling of "
            f"{MAX_PBKDF2_ITERATIONS} in all"
        )
    return Pbkdf2Hash(digest, iterations, salt, tag)


def _decode_passlib(text: str) -> bytes:
    """Base64 with a dot in place of the plus."""
    return decode_base64(text.replace(".", "+"))
