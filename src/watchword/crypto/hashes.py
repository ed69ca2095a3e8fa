"""SHA-256 of what is stored as a hash only, and the comparison that takes the same time for every input."""

import hashlib
import hmac


def sha256(data: bytes | str) -> bytes:
    """The 32-byte SHA-256 of the data; text is taken as UTF-8.

    For random tokens of 128 bits and more, which nobody can guess; passwords go through `PasswordHasher`.
    """
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


def constant_time_equal(left: bytes | str, right: bytes | str) -> bool:
    """Whether two secrets are equal, in time that does not tell how much of them agrees (security LG-4).

    Text is compared as its UTF-8 bytes; a lone surrogate, which an attacker may send, equals only itself.
    """
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
