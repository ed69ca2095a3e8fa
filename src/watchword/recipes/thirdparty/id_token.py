"""Verifying an id_token: every claim that could make it somebody else's.

Source: OpenID Connect Core, section 3.1.3.7; security OA-5.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from watchword.crypto.base64url import encode_base64url
from watchword.crypto.hashes import constant_time_equal
from watchword.crypto.jwt import VerifiedJwt, verify_with_jwks

SKEW_SECONDS = 60
"""How far the provider's clock may be off ours."""

MAX_AGE_SECONDS = 300
"""How old an id_token may be that the token endpoint has just given: it is made for the answer."""

MAX_AGE_OF_BROUGHT_SECONDS = 3600
"""How old one may be that a mobile client brings: its SDK keeps it for up to an hour."""

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class UntrueToken(Exception):
    """A claim does not hold; the message names the claim, never its value."""


class WrongNonce(UntrueToken):
    """The id_token was issued for another attempt, or for none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an id_token must say to be accepted.

    Attributes:
        issuer: Equal to `iss`.
        client_id: In `aud`.
        authorised_parties: Who may stand in `azp`: our client, or for tokens that a mobile client brings
            any of the entry's clients (Android's tokens name the web client in `aud` and the app in `azp`).
        now_ms: Milliseconds since the epoch.
        max_age_seconds: How long ago it may have been issued.
        nonce: Equal to `nonce`; `None` when this attempt has none.
        access_token: What came along with it, for `at_hash`.
    """

    issuer: str
    client_id: str
    authorised_parties: Collection[str]
    now_ms: int
    max_age_seconds: int
    nonce: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)


def verify_id_token(
    id_token: str, jwks: Mapping[str, Any], algorithms: Sequence[str], expected: Expectation
) -> dict[str, Any]:
    """Verify signature and claims, and return the payload.

    Args:
        id_token: As it came in.
        jwks: The provider's keys.
        algorithms: Which the provider announces.
        expected: What must hold.

    Raises:
        UnknownKey: No such key; the keys may have to be loaded again.
        InvalidToken: Malformed, another algorithm, a wrong signature.
        WrongNonce: See the class.
        UntrueToken: Another claim does not hold.
    """
    verified = verify_with_jwks(id_token, jwks, algorithms)
    payload = verified.payload
    _check(payload.get("iss") == expected.issuer, "iss")
    subject = payload.get("sub")
    _check(isinstance(subject, str) and 0 < len(subject) <= 255, "sub")
    _check_audience(payload, expected)
    _check_times(payload, expected)
    if expected.nonce is not None:
        nonce = payload.get("nonce")
        if not isinstance(nonce, str) or not constant_time_equal(nonce, expected.nonce):
            raise WrongNonce("its nonce is not the one of this attempt")
    if "at_hash" in payload and expected.access_token is not None:
        _check_access_token_hash(verified, expected.access_token)
    return payload


def _check(holds: bool, claim: str) -> None:
    if not holds:
        raise UntrueToken(f"its {claim} does not hold")


def _check_audience(payload: dict[str, Any], expected: Expectation) -> None:
    named = payload.get("aud")
    audiences: list[Any] = cast("list[Any]", named) if isinstance(named, list) else [named]
    _check(expected.client_id in audiences, "aud")
    if "azp" in payload or len(audiences) > 1:
        _check(payload.get("azp") in expected.authorised_parties, "azp")


def _check_times(payload: dict[str, Any], expected: Expectation) -> None:
    now_seconds = expected.now_ms / 1000
    _check(now_seconds < _seconds(payload, "exp") + SKEW_SECONDS, "exp")
    age_seconds = now_seconds - _seconds(payload, "iat")
    _check(-SKEW_SECONDS <= age_seconds <= expected.max_age_seconds + SKEW_SECONDS, "iat")
    if "nbf" in payload:
        _check(_seconds(payload, "nbf") <= now_seconds + SKEW_SECONDS, "nbf")


def _seconds(payload: dict[str, Any], claim: str) -> float:
    value = payload.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise UntrueToken(f"its {claim} is not a time")
    return value


def _check_access_token_hash(verified: VerifiedJwt, access_token: str) -> None:
    """The left half of the access token's hash, by the hash of the signature's algorithm (OIDC Core 3.1.3.6)."""
    algorithm: str = verified.header["alg"]
    if algorithm in ("EdDSA", "Ed25519"):
        digest = hashlib.sha512(access_token.encode()).digest()  # the hash inside Ed25519 (RFC 8032)
    elif algorithm[-3:] in _HASHES:
        digest = _HASHES[algorithm[-3:]](access_token.encode()).digest()
    else:  # an algorithm without a known hash must not make the check succeed (Authlib, CVE-2026-28498)
        raise UntrueToken("its at_hash is of an unknown algorithm")
    claimed = verified.payload["at_hash"]
    half = encode_base64url(digest[: len(digest) // 2])
    _check(isinstance(claimed, str) and constant_time_equal(claimed, half), "at_hash")
