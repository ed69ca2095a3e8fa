"""The scrypt hashes of Firebase: scrypt makes a key, and the project's signer key encrypted with it is the hash."""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from watchword.crypto.imported.decoding import MAX_SCRYPT_BYTES, decode_base64, whole_number
from watchword.crypto.imported.scrypt import derive
from watchword.crypto.phc import UnsupportedHash

_KEY_BYTES = 32
_MAX_ROUNDS = 32


@dataclass(frozen=True, slots=True)
class FirebaseHash:
    """Parameters of the project, salt and hash of the person."""

    n: int
    r: int
    salt: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    signer_key: bytes = field(repr=False)

    def matches(self, password: bytes) -> bool:
        """Whether it was made from this password."""
        key = derive(password, self.salt, self.n, self.r, 1, _KEY_BYTES)
        encryptor = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(encryptor.update(self.signer_key) + encryptor.finalize(), self.tag)


def parse(password_hash: str, signer_key: bytes | None) -> FirebaseHash:
    """Read `$f_scrypt$hash$salt$m=memCost$r=rounds$s=saltSeparator`, the form the SuperTokens core has for it.

    Raises:
        UnsupportedHash: Malformed, over the ceiling, or there is no signer key.
    """
    parts = password_hash.removeprefix("$f_scrypt$").split("$")
    if len(parts) != 5 or not (parts[2].startswith("m=") and parts[3].startswith("r=") and parts[4].startswith("s=")):
        raise UnsupportedHash("it is not of the form $f_scrypt$hash$salt$m=…$r=…$s=…")
    if signer_key is None:
        raise UnsupportedHash("it is Firebase's, and PasswordHasher has no firebase_signer_key")
    tag, salt = decode_base64(parts[0]), decode_base64(parts[1])
    separator = decode_base64(parts[4][2:])
    rounds = whole_number(parts[3][2:], _MAX_ROUNDS)
    exponent = whole_number(parts[2][2:], 24)
    if 128 * rounds * 2**exponent > MAX_SCRYPT_BYTES or len(tag) != len(signer_key):
        raise UnsupportedHash("its parameters are out of range, or it was made with another signer key")
    return FirebaseHash(2**exponent, rounds, salt + separator, tag, signer_key)
