"""What the families share: strict base64 and numbers, and the ceilings of what a stored hash may cost."""

from watchword.crypto import phc
from watchword.crypto.phc import UnsupportedHash

MAX_PBKDF2_ITERATIONS = 10_000_000
"""Ten times what Django uses today: some seconds on one processor (security PW-5). All blocks of the result count:
each further one, as long as the digest, costs all iterations once more (RFC 8018, section 5.2)."""

MAX_SCRYPT_BYTES = 134_217_728
"""128 MiB of memory: 128·N·r, four times what Werkzeug and Django use (security PW-5)."""

MAX_SCRYPT_WORK_BYTES = 4 * MAX_SCRYPT_BYTES
"""As much is filled in all: 128·N·r·p, six times what Django uses (security PW-5)."""

MAX_BCRYPT_ROUNDS = 16
"""2 to the 16th: some seconds (security PW-5)."""


def decode_base64(text: str) -> bytes:
    """Standard base64, with padding or without, one spelling per value; raises `UnsupportedHash` otherwise."""
    return phc.decode_base64(text.rstrip("="))


def decode_hex(text: str) -> bytes:
    """Raises `UnsupportedHash` when malformed."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UnsupportedHash("its hexadecimal digits are malformed") from None


def whole_number(text: str, most: int) -> int:
    """A number from 1 to `most`; raises `UnsupportedHash` otherwise."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 1 <= int(text) <= most):
        raise UnsupportedHash(f"a parameter of it is not a number from 1 to {most}")
    return int(text)
