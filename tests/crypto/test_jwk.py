"""Keys keep to one algorithm, survive being stored, publish nothing private, and weak ones are refused."""

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.crypto.conftest import ALGORITHMS
from watchword.crypto.base64url import decode_base64url, encode_base64url
from watchword.crypto.jwt import InvalidKey, SigningKey, VerificationKey, sign, verify_signature

# Points of small order on Curve25519, as y coordinates: with such a "key" one signature fits many messages.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_stored_key_signs_as_before(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """Bytes and back: same public key, and the old public key verifies the new signatures."""
    key = keys[algorithm]
    again = SigningKey.from_bytes(key.algorithm, key.kid, key.to_bytes())
    assert key.public_jwk == again.public_jwk
    assert b"{}" == verify_signature(sign({}, b"{}", again), lambda _: key.verification_key).payload_bytes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_published_key_is_public_only(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """No private member in the JWK and none in any `repr` (security JW-10, LG-1)."""
    key = keys[algorithm]
    members = {"RS256": {"n", "e"}, "ES256": {"crv", "x", "y"}, "EdDSA": {"crv", "x"}}[algorithm]
    assert {"kty", "kid", "alg", "use"} | members == set(key.public_jwk)
    assert (algorithm, f"key-{algorithm}", "sig") == tuple(key.public_jwk[name] for name in ("alg", "kid", "use"))
    assert "PRIVATE" not in repr(key)
    assert "jose_key" not in repr(key) + repr(key.verification_key)


def test_a_new_rsa_key_has_2048_bits(keys: Mapping[str, SigningKey]) -> None:
    """The size every gateway verifies, with the usual exponent (RFC 8725, 3.4)."""
    assert 2048 == int.from_bytes(decode_base64url(keys["RS256"].public_jwk["n"])).bit_length()
    assert "AQAB" == keys["RS256"].public_jwk["e"]


def test_a_providers_pem_key_is_read() -> None:
    """Apple hands out an EC key as unencrypted PKCS #8 PEM."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = SigningKey.from_pem("ES256", "ABC123", pem.decode())
    assert b"{}" == verify_signature(sign({}, b"{}", key), lambda _: key.verification_key).payload_bytes


@pytest.mark.parametrize(
    "text", ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\ud800"]
)
def test_what_is_no_private_key_is_refused(text: str) -> None:
    """Broken PEM and DER raise one error that does not repeat them."""
    for read in (
        lambda: SigningKey.from_pem("ES256", "k", text),
        lambda: SigningKey.from_bytes("ES256", "k", text.encode("utf-8", "replace")),
    ):
        with pytest.raises(InvalidKey) as caught:
            read()
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        ("RS256", lambda: rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the weak key is the test
        ("RS256", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("ES256", lambda: ec.generate_private_key(ec.SECP384R1())),
        ("ES256", ed25519.Ed25519PrivateKey.generate),
        ("EdDSA", ed448.Ed448PrivateKey.generate),
        ("EdDSA", x25519.X25519PrivateKey.generate),
        ("HS256", ed25519.Ed25519PrivateKey.generate),
        ("none", ed25519.Ed25519PrivateKey.generate),
    ],
)
def test_a_key_must_fit_its_algorithm(algorithm: Any, make: Any) -> None:
    """Type, curve, size: what does not fit cannot become a signing key."""
    with pytest.raises(InvalidKey):
        SigningKey.from_private_key(algorithm, "k", make())


def changed(jwk: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A copy with members set, or left out where the value is None."""
    return {name: value for name, value in {**jwk, **members}.items() if value is not None}


def test_weak_and_malformed_public_keys_are_refused(keys: Mapping[str, SigningKey]) -> None:
    """Under 2,048 bits, off the curve, small order, wrong use, private or symmetric, missing or broken members."""
    rsa_jwk, ec_jwk, ed_jwk = (keys[algorithm].public_jwk for algorithm in ALGORITHMS)
    wrong = [
        changed(rsa_jwk, n=encode_base64url(b"\xff" * 128)),
        changed(rsa_jwk, n=encode_base64url(b"\x7f" + b"\xff" * 255)),
        changed(rsa_jwk, n=encode_base64url(b"\xff" * 2048)),
        changed(rsa_jwk, e="AQ"),
        changed(rsa_jwk, e="Ag"),
        changed(rsa_jwk, e=""),
        changed(rsa_jwk, n=rsa_jwk["n"] + "="),
        changed(rsa_jwk, n=None),
        changed(rsa_jwk, n=5),
        changed(rsa_jwk, kid=None),
        changed(rsa_jwk, kid=1),
        changed(rsa_jwk, alg=None),
        changed(rsa_jwk, alg=["RS256"]),
        changed(rsa_jwk, alg="HS256"),
        changed(rsa_jwk, alg="none"),
        changed(rsa_jwk, alg="ES256"),
        changed(rsa_jwk, use="enc"),
        changed(rsa_jwk, kty="oct"),
        changed(rsa_jwk, d="AQAB"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"},
        changed(ec_jwk, x=ec_jwk["y"]),
        changed(ec_jwk, x=encode_base64url(bytes(32)), y=encode_base64url(bytes(32))),
        changed(ec_jwk, crv="P-384"),
        changed(ec_jwk, crv="secp256k1"),
        changed(ec_jwk, y=None),
        changed(ed_jwk, crv="X25519"),
        changed(ed_jwk, x=ed_jwk["x"][:-2]),
        *(changed(ed_jwk, x=encode_base64url(bytes.fromhex(point))) for point in SMALL_ORDER),
    ]
    for jwk in wrong:
        with pytest.raises(InvalidKey):
            VerificationKey.from_jwk(jwk)


def test_a_key_that_names_its_algorithm_keeps_it(keys: Mapping[str, SigningKey]) -> None:
    """The caller's choice counts only for keys that name none, and never over another family."""
    jwk = keys["RS256"].public_jwk
    assert "PS256" == VerificationKey.from_jwk(changed(jwk, alg=None), "PS256").algorithm
    for algorithm in ("PS256", "RS512"):
        with pytest.raises(InvalidKey):
            VerificationKey.from_jwk(jwk, algorithm)
    with pytest.raises(InvalidKey):
        VerificationKey.from_jwk(changed(jwk, alg=None), "ES256")


def test_what_a_provider_adds_to_its_keys_does_no_harm(keys: Mapping[str, SigningKey]) -> None:
    """Certificates, unknown members and odd values beside the key itself are not read."""
    jwk = {**keys["RS256"].public_jwk, "x5c": [1], "x5t": None, "issuer": {"a": 1}, "key_ops": ["verify"]}
    assert "RS256" == VerificationKey.from_jwk(jwk).algorithm
