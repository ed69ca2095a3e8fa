"""Tokens we sign verify, here and in another library, and say exactly the bytes that were signed."""

import json
import warnings
from collections.abc import Mapping

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.crypto.conftest import ALGORITHMS
from watchword.crypto.jwt import (
    InvalidToken,
    SigningKey,
    UnknownKey,
    VerificationKey,
    read_unverified,
    sign,
    verify_signature,
    verify_with_jwks,
)

PAYLOAD = b'{"sub": "ada",  "n":1.0, "text":"\xc3\xa9"}'  # odd blanks on purpose: bytes must survive
HEADER = {"typ": "JWT", "version": "5", "gen": 7}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_token_verifies_and_keeps_its_bytes(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """Header members of ours pass, alg and kid come from the key, the payload is what was given, byte for byte."""
    key = keys[algorithm]
    token = sign(HEADER, PAYLOAD, key)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verified = verify_signature(token, {key.kid: key.verification_key}.get)

    assert {**HEADER, "alg": algorithm, "kid": key.kid} == verified.header
    assert PAYLOAD == verified.payload_bytes
    assert {"sub": "ada", "n": 1.0, "text": "é"} == verified.payload
    assert verified.payload == read_unverified(token).payload


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans(), max_size=6))
def test_any_payload_survives(payload: dict[str, object]) -> None:
    """Whatever JSON object is signed comes back equal."""
    key = SigningKey.from_private_key("ES256", "k", ec.derive_private_key(7, ec.SECP256R1()))
    data = json.dumps(payload).encode()
    verified = verify_signature(sign({}, data, key), lambda _: key.verification_key)
    assert (payload, data) == (verified.payload, verified.payload_bytes)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_library_verifies_our_tokens(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """PyJWT, given the published JWK, reads what we sign."""
    key = keys[algorithm]
    theirs = pyjwt.PyJWK.from_dict(key.public_jwk)
    assert {"sub": "ada"} == pyjwt.decode(sign(HEADER, b'{"sub":"ada"}', key), theirs, algorithms=[algorithm])


PROVIDER_KEYS = {
    **dict.fromkeys(
        ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), lambda: rsa.generate_private_key(65537, 2048)
    ),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("named", [True, False], ids=["the key names its algorithm", "the key names none"])
@pytest.mark.parametrize("algorithm", PROVIDER_KEYS)
def test_we_verify_the_tokens_of_another_library(algorithm: str, named: bool) -> None:
    """Every asymmetric algorithm a provider may use, with its published keys."""
    private_key = PROVIDER_KEYS[algorithm]()
    kind = {"R": RSAKey, "P": RSAKey, "ES": ECKey, "Ed": OKPKey}[
        algorithm[0] if algorithm[0] in "RP" else algorithm[:2]
    ]
    jwk = {**kind.import_key(private_key.public_key()).as_dict(), "kid": "1", **({"alg": algorithm} if named else {})}
    other = {"kty": "oct", "kid": "2", "k": "c2VjcmV0"}
    token = pyjwt.encode({"sub": "ada"}, private_key, algorithm, headers={"kid": "1"})

    assert {"sub": "ada"} == verify_with_jwks(token, {"keys": [other, jwk]}, [algorithm]).payload
    with pytest.raises(InvalidToken):
        verify_with_jwks(token, {"keys": [other, jwk]}, ["HS256", "none"])


def test_a_token_without_kid_verifies_only_when_one_key_fits(keys: Mapping[str, SigningKey]) -> None:
    """Without a kid the set must leave no choice (OIDC Core 10.1)."""
    rsa_jwk, ec_jwk = keys["RS256"].public_jwk, keys["ES256"].public_jwk
    token = pyjwt.encode({"sub": "ada"}, keys["ES256"].jose_key.private_key, "ES256")
    assert {"sub": "ada"} == verify_with_jwks(token, {"keys": [rsa_jwk, ec_jwk]}, ["ES256"]).payload
    nameless = {name: value for name, value in ec_jwk.items() if name != "kid"}
    assert {"sub": "ada"} == verify_with_jwks(token, {"keys": [rsa_jwk, nameless]}, ["ES256"]).payload
    second = SigningKey.from_private_key("ES256", "2", ec.generate_private_key(ec.SECP256R1())).public_jwk
    with pytest.raises(InvalidToken):
        verify_with_jwks(token, {"keys": [ec_jwk, second]}, ["ES256"])
    with pytest.raises(InvalidToken):
        verify_signature(token, lambda _: keys["ES256"].verification_key)


def test_an_unknown_kid_is_told_apart(keys: Mapping[str, SigningKey]) -> None:
    """The caller may load the keys again, once per interval (security JW-6); an unknown kid is also just invalid."""
    key = keys["ES256"]
    token = sign({}, PAYLOAD, key)
    with pytest.raises(UnknownKey):
        verify_signature(token, lambda _: None)
    with pytest.raises(UnknownKey):
        verify_with_jwks(token, {"keys": [{**key.public_jwk, "kid": "other"}]}, ["ES256"])
    assert issubclass(UnknownKey, InvalidToken)


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": {}}, {"keys": "abc"}, {"keys": [None, 1, "a", [], {}]}])
def test_a_broken_key_set_is_an_unknown_key(keys: Mapping[str, SigningKey], jwks: dict[str, object]) -> None:
    """Whatever a provider publishes instead of keys, the token is refused and nothing else happens."""
    with pytest.raises(UnknownKey):
        verify_with_jwks(sign({}, PAYLOAD, keys["ES256"]), jwks, ["ES256"])


def test_the_key_is_looked_up_by_equality_only(keys: Mapping[str, SigningKey]) -> None:
    """A kid that is a path, a URL or a piece of SQL is just a text that no key has (security JW-6)."""
    asked: list[str] = []

    def find_key(kid: str) -> VerificationKey | None:
        asked.append(kid)
        return None

    hostile = ["../../etc/passwd", "https://evil.example/jwks", "' or 1=1 --", "", "\0", "key-es256 "]
    for kid in hostile:
        with pytest.raises(UnknownKey):
            verify_signature(sign({}, PAYLOAD, SigningKey.from_bytes("ES256", kid, keys["ES256"].to_bytes())), find_key)
    assert hostile == asked


def test_what_is_read_is_not_shown(keys: Mapping[str, SigningKey]) -> None:
    """The `repr` of a token's content holds none of it (security LG-1)."""
    key = keys["ES256"]
    verified = verify_signature(sign({}, PAYLOAD, key), lambda _: key.verification_key)
    assert "VerifiedJwt()" == repr(verified)
    assert "UnverifiedJwt()" == repr(read_unverified(sign({}, PAYLOAD, key)))
