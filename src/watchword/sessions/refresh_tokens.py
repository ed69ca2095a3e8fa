"""The refresh token: opaque to everyone else, sealed with authenticated encryption. Source: security 4.4."""

import secrets as randomness
from dataclasses import dataclass, field

import msgspec

from watchword.crypto.base64url import decode_base64url, encode_base64url
from watchword.crypto.hashes import sha256
from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.sessions.errors import Unauthorised

_PURPOSE = "refresh_token"
#: Far above any token of ours (about 350), far below what could cost time.
_MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """An opened refresh token. Nobody else can read one, and no change to its text goes unnoticed.

    Attributes:
        text: The token itself.
        hash1: SHA-256 of the text, in hexadecimal; what access tokens carry.
        parent_hash1: The same of the token it was minted from; `None` for the first of a session.
        gen: The parent's generation plus one; 0 for the first.
        iat_ms: By the clock of the node that minted it.
    """

    text: str = field(repr=False)
    hash1: str = field(repr=False)
    parent_hash1: str | None = field(repr=False)
    tenant_id: str
    handle: str
    user_id: str
    gen: int
    iat_ms: int
    anti_csrf_token: str | None = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What the database knows of this token."""
        return stored_hash(self.hash1)

    @property
    def parent_hash(self) -> bytes | None:
        """What the database knows of its parent."""
        return None if self.parent_hash1 is None else stored_hash(self.parent_hash1)


def stored_hash(hash1: str) -> bytes:
    """The hash in the database, made from the one in access tokens: a stolen access token does not name a row.

    Both are the core's own (SHA-256 of the hexadecimal SHA-256), so that its sessions can be imported.
    """
    return sha256(hash1)


class _Sealed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The inside of a refresh token, version 1. The app is bound in as associated data of the seal."""

    version: int
    tenant_id: str
    handle: str
    user_id: str
    id: bytes
    parent_hash1: bytes
    gen: int
    iat_ms: int
    anti_csrf_token: str

    def __repr__(self) -> str:
        return f"_Sealed(handle={self.handle!r}, gen={self.gen})"


def mint_refresh_token(
    secrets: SecretRing,
    app_id: str,
    *,
    tenant_id: str,
    handle: str,
    user_id: str,
    parent: RefreshToken | None,
    anti_csrf_token: str | None,
    now_ms: int,
) -> RefreshToken:
    """A new refresh token, the first of a session or a child of `parent`.

    256 random bits make siblings distinct: were two holders of one token given the same child, a fork
    could not be seen (security 4.2).
    """
    gen = 0 if parent is None else parent.gen + 1
    parent_hash1 = b"" if parent is None else bytes.fromhex(parent.hash1)
    inside = _Sealed(
        1, tenant_id, handle, user_id, randomness.token_bytes(32), parent_hash1, gen, now_ms, anti_csrf_token or ""
    )
    sealed = secrets.seal(_PURPOSE, msgspec.msgpack.encode(inside), app_id.encode())
    return _opened(encode_base64url(sealed), inside)


def open_refresh_token(secrets: SecretRing, app_id: str, text: str) -> RefreshToken:
    """Open a refresh token that came along.

    Raises:
        Unauthorised: It is not one of this app, in the one spelling it was given out in.
    """
    if len(text) > _MAX_LENGTH:
        raise Unauthorised("what came along is too long for a refresh token")
    try:
        plain = secrets.open(_PURPOSE, decode_base64url(text), app_id.encode())
        inside = msgspec.msgpack.decode(plain, type=_Sealed)
    except (ValueError, SealBroken, msgspec.DecodeError):
        raise Unauthorised("what came along is not a refresh token of this app") from None
    if inside.version != 1:
        raise Unauthorised("the refresh token is of a version that this release does not know")
    return _opened(text, inside)


def _opened(text: str, inside: _Sealed) -> RefreshToken:
    return RefreshToken(
        text=text,
        hash1=sha256(text).hex(),
        parent_hash1=inside.parent_hash1.hex() or None,
        tenant_id=inside.tenant_id,
        handle=inside.handle,
        user_id=inside.user_id,
        gen=inside.gen,
        iat_ms=inside.iat_ms,
        anti_csrf_token=inside.anti_csrf_token or None,
    )
