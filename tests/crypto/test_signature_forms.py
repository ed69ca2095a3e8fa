"""A signature has one form: the edges of the numbers, in the classes of the Wycheproof vectors (RFC 8725, 3.4)."""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.hashes import SHA256

from tests.crypto.forgery import CLAIMS, assert_refused, forge, signer_of
from watchword.crypto.base64url import decode_base64url
from watchword.crypto.jwt import SigningKey

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def test_ecdsa_signatures_have_one_form(keys: Mapping[str, SigningKey]) -> None:
    """Attack: zeros, the order, DER form, wrong lengths (JW-5; Java's CVE-2022-21449; Wycheproof's classes)."""
    key = keys["ES256"]

    def number(value: int, size: int = 32) -> bytes:
        return value.to_bytes(size)

    header = {"alg": "ES256", "kid": key.kid}
    true = decode_base64url(forge(header, CLAIMS, signer_of(key)).split(".")[2])
    r, s = int.from_bytes(true[:32]), int.from_bytes(true[32:])
    edges = [0, 1, P256_ORDER - 1, P256_ORDER, P256_ORDER + 1, 2**256 - 1]
    signatures = [number(left) + number(right) for left in edges for right in edges]
    signatures += [number(0) + true[32:], true[:32] + number(0), true[32:] + true[:32]]
    signatures += [utils.encode_dss_signature(r, s), true[:-1], true + b"\0", b"\0" + true, b"\0" * 64, b"\xff" * 64]
    signatures += [number(r, 33) + number(s, 33), number(r, 48) + number(s, 48), b"\0"]
    for signature in signatures:
        assert_refused(forge(header, CLAIMS, lambda _, signature=signature: signature), key)


def test_rsa_signatures_have_one_form(keys: Mapping[str, SigningKey]) -> None:
    """Attack: PSS for PKCS #1, another hash's padding, shorter and longer forms, zero and one (JW-5)."""
    key = keys["RS256"]
    private_key: Any = key.jose_key.private_key
    header = {"alg": "RS256", "kid": key.kid}
    modulus = int.from_bytes(decode_base64url(key.public_jwk["n"]))

    def longer(message: bytes) -> bytes:
        return (int.from_bytes(private_key.sign(message, padding.PKCS1v15(), SHA256())) + modulus).to_bytes(257)

    ways: list[Callable[[bytes], bytes]] = [
        lambda message: private_key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()),
        lambda message: private_key.sign(message, padding.PKCS1v15(), SHA256())[1:],
        lambda message: b"\0" + private_key.sign(message, padding.PKCS1v15(), SHA256()),
        lambda message: private_key.sign(message, padding.PKCS1v15(), SHA256()) + b"\0",
        longer,
        lambda _: b"\0" * 256,
        lambda _: b"\0" * 255 + b"\1",
        lambda _: (modulus - 1).to_bytes(256),
        lambda _: b"\xff" * 256,
        lambda _: b"\1",
    ]
    for way in ways:
        assert_refused(forge(header, CLAIMS, way), key)


def test_eddsa_signatures_have_one_form(keys: Mapping[str, SigningKey]) -> None:
    """Attack: S plus the order of the group, small-order R, wrong lengths (JW-5; RFC 8032, 5.1.7)."""
    key = keys["EdDSA"]
    header = {"alg": "EdDSA", "kid": key.kid}
    true = decode_base64url(forge(header, CLAIMS, signer_of(key)).split(".")[2])
    malleable = true[:32] + (int.from_bytes(true[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    for signature in [
        malleable,
        b"\1" + bytes(63),
        bytes(64),
        true[:32] + bytes(32),
        true[:63],
        true + b"\0",
        b"\xff" * 64,
    ]:
        assert_refused(forge(header, CLAIMS, lambda _, signature=signature: signature), key)
