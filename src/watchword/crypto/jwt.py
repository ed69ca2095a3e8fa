"""Signed tokens: strict reading first, then the signature, with the key record deciding the algorithm.

joserfc computes and checks the signatures. What a token may look like at all is decided here, before any
key is touched, because lenient reading is where JWT libraries have failed (RFC 8725; security JW-1, JW-2, JW-9).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from watchword.crypto.base64url import decode_base64url, encode_base64url
from watchword.crypto.jwk import (
    ASYMMETRIC_ALGORITHMS,
    InvalidKey,
    SigningAlgorithm,
    SigningKey,
    VerificationKey,
    generate_signing_key,
)
from watchword.errors import WatchwordError
from watchword.nesting import nests_deeper_than

__all__ = [
    "ASYMMETRIC_ALGORITHMS",
    "InvalidKey",
    "InvalidToken",
    "SigningAlgorithm",
    "SigningKey",
    "UnknownKey",
    "UnverifiedJwt",
    "VerificationKey",
    "VerifiedJwt",
    "generate_signing_key",
    "read_unverified",
    "sign",
    "verify_signature",
    "verify_with_jwks",
]

MAX_TOKEN_CHARACTERS = 8192
"""The longest token that is read at all (security JW-9)."""

_MAX_DEPTH = 32
# A header that brings or names its own key, asks for decompression, or demands extensions is refused, not ignored.
_FORBIDDEN_HEADERS = frozenset({"crit", "zip", "b64", "jwk", "jku", "x5u", "x5c", "enc"})


class InvalidToken(WatchwordError):
    """Not a token that this key, or any key, has signed in the accepted form. The text holds no part of it."""

    code = "invalid_token"


class UnknownKey(InvalidToken):
    """Well formed, but no key of that id is known; the keys may have to be loaded again (security JW-6)."""

    code = "unknown_key"

    def __init__(self) -> None:
        super().__init__("the token names a key that is not known")


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """What a well-formed token claims. Anybody can have written it."""

    header: dict[str, Any] = field(repr=False)
    payload: dict[str, Any] = field(repr=False)
    payload_bytes: bytes = field(repr=False)
    signature: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedJwt:
    """What a token says whose signature holds. Expiry, issuer and audience are still the caller's to check.

    `payload_bytes` is the JSON text as it was signed.
    """

    header: dict[str, Any] = field(repr=False)
    payload: dict[str, Any] = field(repr=False)
    payload_bytes: bytes = field(repr=False)


def sign(header: Mapping[str, Any], payload: bytes, key: SigningKey) -> str:
    """A compact JWS over exactly these payload bytes.

    Args:
        header: Members beside `alg` and `kid`, which come from the key.
        payload: The JSON text; it goes into the token as it is.
        key: Decides the algorithm.
    """
    protected = msgspec.json.encode({**header, "alg": key.algorithm, "kid": key.kid})
    signed = f"{encode_base64url(protected)}.{encode_base64url(payload)}"
    signature = _algorithm_of(key).sign(signed.encode("ascii"), key.jose_key)
    return f"{signed}.{encode_base64url(signature)}"


class _Algorithm(Protocol):
    """What joserfc's models of algorithms do."""

    def sign(self, msg: bytes, key: Any) -> bytes: ...

    def verify(self, msg: bytes, sig: bytes, key: Any) -> bool: ...


def _algorithm_of(key: SigningKey | VerificationKey) -> _Algorithm:
    """The implementation, in joserfc, of the one algorithm of a key.

    Its functions for whole tokens would read everything a second time, at twice the price of the signature, and
    find less than `read_unverified` does.
    """
    if key.algorithm not in ASYMMETRIC_ALGORITHMS:
        raise JoseError("not an algorithm that we verify")
    algorithm = jws.JWSRegistry.algorithms[key.algorithm]
    algorithm.check_key(key.jose_key)
    return algorithm


def read_unverified(token: str) -> UnverifiedJwt:
    """Take a token apart without believing it.

    Raises:
        InvalidToken: Over 8 KiB; not three parts of canonical base64url; header or payload not a JSON
            object, with a member named twice, or nested over 32 levels; a header member that names keys,
            extensions or compression. Source: RFC 7515, 5.2; RFC 8725, 3; security JW-2, JW-9.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise InvalidToken("the token has not three parts")
    try:
        header_bytes, payload_bytes, signature = map(decode_base64url, parts)
    except ValueError:
        raise InvalidToken("a part of the token is not canonical base64url") from None
    header = _read_object("header", header_bytes)
    if not _FORBIDDEN_HEADERS.isdisjoint(header):
        raise InvalidToken("the token's header has a member that is not accepted")
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid", ""), str):
        raise InvalidToken("the token's header has no usable alg or kid")
    return UnverifiedJwt(header, _read_object("payload", payload_bytes), payload_bytes, signature)


def verify_signature(token: str, find_key: Callable[[str], VerificationKey | None]) -> VerifiedJwt:
    """Verify a token of our own.

    Args:
        token: As it came in.
        find_key: Finds a key by equality of its id; its record decides the algorithm (security JW-1).
    Raises:
        UnknownKey: The token's `kid` is not found.
        InvalidToken: Malformed (see `read_unverified`), no `kid`, another algorithm, a wrong signature.
    """
    unverified = read_unverified(token)
    kid = unverified.header.get("kid")
    if kid is None:
        raise InvalidToken("the token names no key")
    key = find_key(kid)
    if key is None:
        raise UnknownKey
    return _verified(token, unverified, key)


def verify_with_jwks(token: str, jwks: Mapping[str, Any], algorithms: Sequence[str]) -> VerifiedJwt:
    """Verify a token of someone else, for example a provider's id_token, with their published keys.

    Args:
        token: As it came in.
        jwks: The decoded JWKS document.
        algorithms: What is accepted; only asymmetric names count. A key that names its algorithm accepts
            no other; one that does not accepts those of this list that fit its type and curve.
    Raises:
        UnknownKey: No key has the token's `kid`; the JWKS may be stale.
        InvalidToken: Everything else that is wrong with the token or the key.
    """
    unverified = read_unverified(token)
    algorithm, kid = unverified.header["alg"], unverified.header.get("kid")
    if algorithm not in algorithms or algorithm not in ASYMMETRIC_ALGORITHMS:
        raise InvalidToken("the token's algorithm is not accepted")
    named = [entry for entry in _entries(jwks) if kid is None or entry.get("kid") == kid]
    if not named:
        raise UnknownKey
    keys = _usable(named, algorithm)
    if len(keys) != 1:  # two keys of one id and kind: which one signed is not for the token to say
        raise InvalidToken("the key set has not exactly one key that fits the token")
    return _verified(token, unverified, keys[0])


def _entries(jwks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a key set; whatever else a broken document holds is left out."""
    listed = jwks.get("keys")
    entries = cast("list[Any]", listed) if isinstance(listed, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _usable(entries: Sequence[Mapping[str, Any]], algorithm: str) -> list[VerificationKey]:
    keys: list[VerificationKey] = []
    for entry in entries:
        try:
            keys.append(VerificationKey.from_jwk({"kid": "", **entry}, algorithm))
        except InvalidKey:  # encryption keys, other types: a set may hold them
            continue
    return keys


def _verified(token: str, unverified: UnverifiedJwt, key: VerificationKey) -> VerifiedJwt:
    if unverified.header["alg"] != key.algorithm:
        raise InvalidToken("the token's algorithm is not that of its key")
    try:
        signed = token.rpartition(".")[0].encode("ascii")
        holds = _algorithm_of(key).verify(signed, unverified.signature, key.jose_key)
    except (JoseError, KeyError, ValueError, TypeError):  # fails closed: whatever goes wrong, it is not verified
        holds = False
    if holds is not True:
        raise InvalidToken("the token's signature does not hold")
    return VerifiedJwt(unverified.header, unverified.payload, unverified.payload_bytes)


def _read_object(part: str, data: bytes) -> dict[str, Any]:
    if nests_deeper_than(_MAX_DEPTH, data):
        raise InvalidToken(f"the token's {part} nests over {_MAX_DEPTH} levels")
    try:
        value = msgspec.json.decode(data)  # strict about UTF-8, numbers and surrogates
        if not _has_as_many_members_as_names(value, data):
            json.loads(data, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError):
        raise InvalidToken(f"the token's {part} is not well-formed JSON") from None
    if not isinstance(value, dict):
        raise InvalidToken(f"the token's {part} is not a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have text keys


def _has_as_many_members_as_names(value: Any, data: bytes) -> bool:
    """Whether no member can have been named twice; false for some texts in which none was.

    Behind each name stands a colon, and before that a quote or a blank. Texts hold few others, so this is the
    usual case, at a third of the price of reading the text again.
    """
    return _count_members(value) == sum(map(data.count, (b'":', b" :", b"\t:", b"\n:", b"\r:")))


def _count_members(value: Any) -> int:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return len(members) + sum(_count_members(item) for item in members.values() if type(item) in (dict, list))
    return sum(map(_count_members, cast("list[Any]", value))) if isinstance(value, list) else 0


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member is named twice")
