"""What an attacker uses to write tokens: any header, any payload, any signature, no rules."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from watchword.crypto.base64url import encode_base64url
from watchword.crypto.jwt import (
    ASYMMETRIC_ALGORITHMS,
    InvalidToken,
    SigningKey,
    VerifiedJwt,
    verify_signature,
    verify_with_jwks,
)

CLAIMS = {"sub": "mallory", "exp": 4_000_000_000}


def forge(header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, sign: Callable[[bytes], bytes]) -> str:
    """A compact token with a signature made by `sign` over the first two parts."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = ".".join(encode_base64url(part) for part in parts)
    return f"{signed}.{encode_base64url(sign(signed.encode()))}"


def hmac_with(secret: bytes, digest: str = "sha256") -> Callable[[bytes], bytes]:
    """A signer that uses the secret, for example a public key's text, as an HMAC key."""
    return lambda message: hmac.new(secret, message, getattr(hashlib, digest)).digest()


def public_texts(key: SigningKey) -> dict[str, bytes]:
    """Every form in which the public key might be used as an HMAC secret by mistake."""
    public_key = key.jose_key.public_key
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "pem": pem,
        "pem without its last line end": pem.strip(),
        "der": public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(key.public_jwk).encode(),
        "compact jwk": json.dumps(key.public_jwk, separators=(",", ":")).encode(),
        "modulus or point": str(key.public_jwk.get("n", key.public_jwk.get("x"))).encode(),
        "nothing": b"",
    }


def assert_refused(token: str, key: SigningKey) -> None:
    """Neither as a token of our own nor as one of a provider with every algorithm allowed."""
    unnamed = {name: value for name, value in key.public_jwk.items() if name != "alg"}
    everything = [*ASYMMETRIC_ALGORITHMS, "HS256", "HS384", "HS512", "none"]
    ways: list[Callable[[], VerifiedJwt]] = [
        lambda: verify_signature(token, lambda _: key.verification_key),
        lambda: verify_with_jwks(token, {"keys": [key.public_jwk]}, everything),
        lambda: verify_with_jwks(token, {"keys": [unnamed]}, [key.algorithm]),
    ]
    for way in ways:
        with pytest.raises(InvalidToken):
            way()


def signer_of(key: SigningKey) -> Callable[[bytes], bytes]:
    """The true signature of a key over any bytes, so that only the header or payload is the attack."""

    def signature(message: bytes) -> bytes:
        return pyjwt.get_algorithm_by_name(key.algorithm).sign(message, key.jose_key.private_key)

    return signature
