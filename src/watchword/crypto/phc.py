"""Reading stored password hashes: the PHC string of Argon2id, strictly. Source: PHC string format; RFC 9106."""

import base64
import re
from dataclasses import dataclass, field

_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=(?P<m>[1-9][0-9]{0,9}),t=(?P<t>[1-9][0-9]{0,9}),p=(?P<p>[1-9][0-9]{0,9})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<tag>[A-Za-z0-9+/]+)",
    re.ASCII,
)
_MAX_CHARACTERS = 512
_SALT_BYTES = 16
_MIN_TAG_BYTES, _MAX_TAG_BYTES = 16, 128
_MIN_MEMORY_KIB = 8

MAX_MEMORY_KIB = 1_048_576
"""1 GiB: no stored hash, whoever made it, may cost more (security PW-5)."""

MAX_ITERATIONS = 16
"""Passes; likewise."""


class UnsupportedHash(Exception):
    """A stored hash that is malformed or of a kind that is not built in; the text holds no part of it."""


@dataclass(frozen=True, slots=True)
class Argon2idHash:
    """What an Argon2id PHC string says. `memory_kib` in KiB; `salt` has 16 bytes."""

    memory_kib: int
    iterations: int
    salt: bytes = field(repr=False)
    tag: bytes = field(repr=False)


def parse_argon2id(phc: str) -> Argon2idHash:
    """Read `$argon2id$v=19$m=…,t=…,p=1$salt$tag`.

    Raises:
        UnsupportedHash: Malformed, too costly, or more than one lane or a salt of another length, which
            libsodium cannot compute.
    """
    match = _ARGON2ID.fullmatch(phc) if len(phc) <= _MAX_CHARACTERS else None
    if match is None:
        raise UnsupportedHash("it is not an Argon2id hash in PHC form")
    if match["p"] != "1":
        raise UnsupportedHash(f"it has p={match['p']} lanes, which libsodium cannot compute")
    salt, tag = decode_base64(match["salt"]), decode_base64(match["tag"])
    if len(salt) != _SALT_BYTES:
        raise UnsupportedHash(f"its salt has {len(salt)} bytes, not {_SALT_BYTES}")
    memory_kib, iterations = int(match["m"]), int(match["t"])
    if memory_kib > MAX_MEMORY_KIB or iterations > MAX_ITERATIONS:
        raise UnsupportedHash(f"its cost (m={memory_kib}, t={iterations}) is over the ceiling")
    if memory_kib < _MIN_MEMORY_KIB or not _MIN_TAG_BYTES <= len(tag) <= _MAX_TAG_BYTES:
        raise UnsupportedHash("its parameters are out of range")
    return Argon2idHash(memory_kib, iterations, salt, tag)


def decode_base64(text: str) -> bytes:
    """Standard base64 without padding, one spelling per value; raises `UnsupportedHash` otherwise."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode().rstrip("=") != text:
        raise UnsupportedHash("its base64 is malformed")
    return data
