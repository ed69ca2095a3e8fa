"""Which imported hash it is: one table from what a stored hash starts with to the family that reads it."""

from collections.abc import Callable
from typing import Protocol

from watchword.crypto.imported import argon2, bcrypt, firebase, pbkdf2, scrypt
from watchword.crypto.phc import UnsupportedHash

MAX_CHARACTERS = 1_024


class ImportedHash(Protocol):
    """A hash that has been read, and costs no more than the ceilings allow (security PW-5)."""

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password; takes as long as the other system's work takes."""
        ...


#: The first of these whose start fits reads the hash. Django writes its name in front of others' forms.
_FAMILIES: tuple[tuple[tuple[str, ...], Callable[[str], ImportedHash]], ...] = (
    (("$argon2id$", "$argon2i$", "$argon2d$", "argon2$argon2"), argon2.parse),
    (("$2a$", "$2b$", "$2y$", "bcrypt$", "bcrypt_sha256$"), bcrypt.parse),
    (("pbkdf2_sha", "$pbkdf2-", "$pbkdf2$", "pbkdf2:"), pbkdf2.parse),
    (("scrypt$", "scrypt:"), scrypt.parse),
)


def parse_imported(password_hash: str, firebase_signer_key: bytes | None = None) -> ImportedHash:
    """Read a hash of another system.

    Args:
        password_hash: As that system stores it: Argon2 of every variant and number of lanes; bcrypt; PBKDF2 of
            Django, passlib and Werkzeug; scrypt of Django and Werkzeug; Firebase's, see `firebase.parse`.
        firebase_signer_key: The project's, from its console; Firebase's hashes cannot be verified without.

    Raises:
        UnsupportedHash: Malformed, of another kind, too costly, or of a kind whose package is not installed.

    Source: security PW-3, PW-5.
    """
    if len(password_hash) <= MAX_CHARACTERS:
        if password_hash.startswith("$f_scrypt$"):
            return firebase.parse(password_hash, firebase_signer_key)
        for starts, parse in _FAMILIES:
            if password_hash.startswith(starts):
                return parse(password_hash)
    raise UnsupportedHash("it is of no kind that is known: Argon2, bcrypt, PBKDF2, scrypt or Firebase's scrypt")
