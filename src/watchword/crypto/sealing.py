"""Sealing: small secrets encrypted and authenticated with keys made from the configured secrets.

A sealed value is `key id (8 bytes) · nonce (24 bytes) · XChaCha20-Poly1305`. The key id says which secret
of the ring opens it, so that a secret can be changed while old values are still about (security LG-6).
"""

import hmac
import secrets as randomness
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES,
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from watchword.errors import ConfigurationError, WatchwordError

_MIN_SECRET_BYTES = 32
_KEY_ID_BYTES = 8
_TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class SealBroken(WatchwordError):
    """A sealed value is cut, changed, of another purpose, or made with a secret that is not in the ring."""

    code = "seal_broken"

    def __init__(self, purpose: str) -> None:
        super().__init__(f"a sealed {purpose} does not open: damaged, or its secret is no longer configured")


class SecretRing:
    """The configured secrets, newest first: the first one seals, each one opens.

    Args:
        secrets: One secret or several, text or bytes, each at least 32 bytes. Text counts as its UTF-8
            bytes; hexadecimal and base64 are not decoded.
    Raises:
        ConfigurationError: No secret, or one that is too short (security LG-4, SC-1).
    """

    def __init__(self, secrets: str | bytes | Sequence[str | bytes] | None) -> None:
        ring = [secrets] if isinstance(secrets, str | bytes | None) else list(secrets)
        keys = [_KeyOfRing(_checked_secret(secret)) for secret in ring]
        if not keys:
            raise ConfigurationError("secret", f"is missing; {_REMEDY}")
        self._newest = keys[0]
        self._by_id = {key.id: key for key in reversed(keys)}

    @property
    def ids(self) -> tuple[str, ...]:
        """Public ids of the secrets, the newest first: equal ids are equal secrets, and nothing leads back to one."""
        ids = dict.fromkeys([self._newest.id, *reversed(self._by_id)])
        return tuple(id.hex() for id in ids)

    def __repr__(self) -> str:
        return f"SecretRing({len(self._by_id)} secrets, not shown)"

    def seal(self, purpose: str, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """Encrypt and authenticate, under the newest secret.

        Args:
            purpose: What the value is, for example `refresh_token`; a value of one purpose never opens as another.
            plaintext: What to hide.
            associated_data: What the value belongs to, for example a tenant id; the same is needed to open.
        """
        nonce = randomness.token_bytes(_NONCE_BYTES)
        key = self._newest
        sealed: bytes = crypto_aead_xchacha20poly1305_ietf_encrypt(
            plaintext, associated_data, nonce, key.for_purpose(purpose)
        )
        return key.id + nonce + sealed

    def mac(self, purpose: str, data: bytes) -> bytes:
        """A keyed hash of the data, 32 bytes, under the newest secret; it changes when the secret does.

        For names that must be found again but not be read or guessed from what is stored.
        """
        return hmac.digest(self._newest.for_purpose("mac " + purpose), data, "sha256")

    def is_newest(self, sealed: bytes) -> bool:
        """Whether a value was sealed under the newest secret; another one should be sealed anew in time."""
        return sealed[:_KEY_ID_BYTES] == self._newest.id

    def open(self, purpose: str, sealed: bytes, associated_data: bytes = b"") -> bytes:
        """The plaintext that was sealed for this purpose with this associated data.

        Raises:
            SealBroken: Anything else; the reasons are not told apart.
        """
        key = self._by_id.get(sealed[:_KEY_ID_BYTES])
        nonce = sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        if key is None or len(sealed) < _KEY_ID_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken(purpose)
        try:
            plaintext: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_KEY_ID_BYTES + _NONCE_BYTES :], associated_data, nonce, key.for_purpose(purpose)
            )
        except CryptoError:
            raise SealBroken(purpose) from None
        return plaintext


_REMEDY = (
    "set WATCHWORD_SECRET to the output of `python -c 'import secrets; print(secrets.token_urlsafe(48))'` "
    "and keep it; a list, newest first, changes it without signing anyone out"
)


def _checked_secret(secret: str | bytes | None) -> bytes:
    if secret is None:  # comes from a variable of the environment that is not set
        raise ConfigurationError("secret", f"is missing; {_REMEDY}")
    data = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else bytes(secret)
    if not data:
        raise ConfigurationError("secret", f"is missing; {_REMEDY}")
    if len(data) < _MIN_SECRET_BYTES:
        raise ConfigurationError("secret", f"has {len(data)} bytes, at least {_MIN_SECRET_BYTES} are needed; {_REMEDY}")
    return data


class _KeyOfRing:
    """One secret: its id, which is public, and a key of its own for each purpose."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._keys: dict[str, bytes] = {}
        self.id = _derive(secret, b"watchword key id", _KEY_ID_BYTES)

    def for_purpose(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose; kept, as purposes are a handful of constants in our code."""
        key = self._keys.get(purpose)
        if key is None:
            key = self._keys[purpose] = _derive(self._secret, b"watchword seal " + purpose.encode(), 32)
        return key


def _derive(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt: the secret is random and long already. Source: RFC 5869."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
