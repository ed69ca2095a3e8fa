"""bcrypt hashes: plain ones, and the two forms of Django."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from types import ModuleType

from watchword.crypto.imported.decoding import MAX_BCRYPT_ROUNDS
from watchword.crypto.phc import UnsupportedHash

_FORM = re.compile(r"\$2[aby]\$(?P<rounds>[0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
_MAX_PASSWORD_BYTES = 72  # what is behind them no bcrypt has ever looked at (security PW-4)


@dataclass(frozen=True, slots=True)
class BcryptHash:
    """A modular crypt string; `digested` when it was made from the SHA-256 of the password in hexadecimal digits."""

    text: bytes = field(repr=False)
    digested: bool

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password, of which plain bcrypt reads 72 bytes."""
        data = hashlib.sha256(password).hexdigest().encode() if self.digested else password[:_MAX_PASSWORD_BYTES]
        try:
            made: bytes = _library().hashpw(data, self.text)
        except ValueError:  # its salt uses bits that mean nothing
            return False
        return hmac.compare_digest(made, self.text)


def parse(password_hash: str) -> BcryptHash:
    """Read `$2b$…` (also `$2a$` and `$2y$`), and what Django writes in front of it. Raises `UnsupportedHash`."""
    text = password_hash.removeprefix("bcrypt_sha256$").removeprefix("bcrypt$")
    match = _FORM.fullmatch(text)
    if match is None:
        raise UnsupportedHash("it is not a bcrypt hash")
    if not 4 <= int(match["rounds"]) <= MAX_BCRYPT_ROUNDS:
        raise UnsupportedHash(f"its cost ({match['rounds']}) is not from 4 to {MAX_BCRYPT_ROUNDS}")
    _library()
    return BcryptHash(text.encode(), digested=password_hash.startswith("bcrypt_sha256$"))


def _library() -> ModuleType:
    """Imported when the first such hash is seen: few installations have any, and it is an extra."""
    try:
        import bcrypt  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        raise UnsupportedHash("it needs an extra: pip install 'watchword[import-hashes]'") from None
    return bcrypt
