"""Forged and mutated tokens: each attack that JWT libraries have fallen for, against our reader (RFC 8725)."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.conftest import ALGORITHMS
from tests.crypto.forgery import CLAIMS, assert_refused, forge, hmac_with, public_texts, signer_of
from watchword.crypto.base64url import encode_base64url
from watchword.crypto.jwt import (
    ASYMMETRIC_ALGORITHMS,
    InvalidToken,
    SigningKey,
    generate_signing_key,
    read_unverified,
    sign,
    verify_signature,
    verify_with_jwks,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_forger_can_sign_truly(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """Without an attack the forger's token is accepted, so that each refusal below has the attack as its reason."""
    key = keys[algorithm]
    token = forge({"alg": algorithm, "kid": key.kid}, CLAIMS, signer_of(key))
    assert CLAIMS == verify_signature(token, lambda _: key.verification_key).payload
    assert CLAIMS == verify_with_jwks(token, {"keys": [key.public_jwk]}, [algorithm]).payload


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", " none", "none ", None, 0, True, [], {}, ["none"]])
def test_unsigned_tokens_are_refused(keys: Mapping[str, SigningKey], algorithm: str, alg: Any) -> None:
    """Attack: the header says that no signature is needed (RFC 8725, 3.2; Authlib CVE-2026-28802)."""
    key = keys[algorithm]
    true_signature = signer_of(key)
    for header in ({"alg": alg, "kid": key.kid}, {"kid": key.kid} if alg is None else {"alg": alg}):
        for sign_with in (lambda _: b"", lambda _: b"x", true_signature):
            token = forge(header, CLAIMS, sign_with)
            assert_refused(token, key)
            assert_refused(token.rpartition(".")[0], key)
    assert_refused(pyjwt.encode(CLAIMS, None, "none", headers={"kid": key.kid}), key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "hs256"])
def test_the_public_key_is_no_shared_secret(keys: Mapping[str, SigningKey], algorithm: str, alg: str) -> None:
    """Attack: HMAC with the public key's text as its secret (RFC 8725, 2.1; PyJWT, Debian DSA-3293)."""
    key = keys[algorithm]
    digest = {"256": "sha256", "384": "sha384", "512": "sha512"}[alg[2:]]
    for secret in public_texts(key).values():
        assert_refused(forge({"alg": alg, "kid": key.kid}, CLAIMS, hmac_with(secret, digest)), key)
        assert_refused(forge({"alg": algorithm, "kid": key.kid}, CLAIMS, hmac_with(secret, digest)), key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("alg", sorted({*ASYMMETRIC_ALGORITHMS, "ES256K", "Ed448", "RS1"}))
def test_the_key_decides_the_algorithm(keys: Mapping[str, SigningKey], algorithm: str, alg: str) -> None:
    """Attack: another algorithm of the same family, or of another one, in the header (PyJWT CVE-2026-48523)."""
    key = keys[algorithm]
    if alg == algorithm:
        return
    assert_refused(forge({"alg": alg, "kid": key.kid}, CLAIMS, signer_of(key)), key)
    if algorithm == "RS256" and ASYMMETRIC_ALGORITHMS.get(alg, ("", None))[0] == "RSA":
        assert_refused(pyjwt.encode(CLAIMS, key.jose_key.private_key, alg, headers={"kid": key.kid}), key)


def test_a_provider_key_without_alg_verifies_what_was_asked_for_only(keys: Mapping[str, SigningKey]) -> None:
    """Attack: a key set whose keys name no algorithm lets the token choose (Hono CVE-2026-22817)."""
    key = keys["RS256"]
    jwks = {"keys": [{name: value for name, value in key.public_jwk.items() if name != "alg"}]}
    token = pyjwt.encode(CLAIMS, key.jose_key.private_key, "PS512", headers={"kid": key.kid})
    assert CLAIMS == verify_with_jwks(token, jwks, ["RS256", "PS512"]).payload
    with pytest.raises(InvalidToken):
        verify_with_jwks(token, jwks, ["RS256"])


@pytest.mark.parametrize(
    "member",
    [
        {"jwk": "the attacker's"},
        {"jwk": None},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"crit": []},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"crit": ["http://example.com/unknown"], "http://example.com/unknown": 1},
        {"zip": "DEF"},
        {"zip": None},
        {"enc": "A128GCM"},
        {"kid": None},
        {"kid": 7},
        {"kid": ["k"]},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_headers_that_bring_keys_or_demands_are_refused(
    keys: Mapping[str, SigningKey], algorithm: str, member: dict[str, Any]
) -> None:
    """Attack: a key inside or named by the token, unknown critical members, compression (JW-1, JW-2, JW-9).

    The signature is the true one, so only the header can be the reason (Authlib CVE-2025-59420; JWCrypto
    CVE-2026-39373).
    """
    key = keys[algorithm]
    assert_refused(forge({"alg": algorithm, "kid": key.kid, **member}, CLAIMS, signer_of(key)), key)


def test_a_token_signed_by_the_key_it_brings_is_refused(keys: Mapping[str, SigningKey]) -> None:
    """Attack: sign with a key of one's own and put it into the header (RFC 8725, 3.10)."""
    own = generate_signing_key("ES256", "key-ES256")
    for header in ({"jwk": own.public_jwk}, {}):
        token = forge({"alg": "ES256", "kid": own.kid, **header}, CLAIMS, signer_of(own))
        assert_refused(token, keys["ES256"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_broken_structure_is_refused(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """Attack: other numbers of parts, padding, other alphabets, trailing data, blanks (RFC 7515, 5.2; JW-2)."""
    key = keys[algorithm]
    token = sign({}, b'{"sub":"ada"}', key)
    header, payload, signature = token.split(".")
    for broken in [
        "",
        ".",
        "..",
        "....",
        header,
        f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{token}.",
        f".{token}",
        f"{token}.{signature}",
        f"{token}.e30",
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}==.{signature}",
        f"{header}.{payload}.{signature}==",
        f"{token}\n",
        f" {token}",
        f"{token} ",
        f"{token}\0",
        f"{header}.{payload}.{signature[:20]} {signature[20:]}",
        f"{header}.{payload}.+{signature[1:]}",
        token.replace(".", ","),
        token + "A",
        token + "AAAA",
        f"{header}.{payload}.{signature[:-1]}",
        token.encode().hex(),
        f"Bearer {token}",
        f"{header}.{payload}.{signature}".replace("e", "е"),
        "\ud800" + token,
    ]:
        assert_refused(broken, key)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b"{}{}",
        b"{} x",
        b"\xef\xbb\xbf{}",
        b'{"sub":"a","sub":"b"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"sub":"a","s\\u0075b":"b"}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"exp":1e999}',
        b'{"exp":01}',
        b"{'sub':'a'}",
        b'{"sub":"\\ud800"}',
        b'{"sub":"\xff"}',
        b'{"sub":"\xed\xa0\x80"}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' * 2000,
        b'{"sub":"a",}',
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
    ],
)
@pytest.mark.parametrize("place", ["header", "payload"])
def test_broken_json_is_refused(keys: Mapping[str, SigningKey], payload: bytes, place: str) -> None:
    """Attack: members named twice, other types, depth, odd numbers and encodings, truly signed (JW-2, JW-9)."""
    key = keys["ES256"]
    header = json.dumps({"alg": "ES256", "kid": key.kid}).encode()
    if place == "header":
        payload, header = b"{}", payload.replace(b"{", header[:-1] + b",", 1) if len(payload) < 200 else payload
    assert_refused(forge(header, payload, signer_of(key)), key)


def test_oversized_tokens_are_refused_before_they_are_read(keys: Mapping[str, SigningKey]) -> None:
    """Attack: a token that costs much to read (python-jose CVE-2024-33664); the limit is exact."""
    key = keys["ES256"]

    def token_of(size: int) -> str:
        return sign({}, b'{"a":"%s"}' % (b"x" * size), key)

    longest = max(size for size in range(5900, 6200) if len(token_of(size)) <= 8192)
    assert 8192 - len(token_of(longest)) < 3
    assert verify_signature(token_of(longest), lambda _: key.verification_key)
    assert_refused(token_of(longest + 2), key)
    for size, reason in ((8193, "longer than 8192"), (8192, "not three parts"), (10_000_000, "longer than 8192")):
        with pytest.raises(InvalidToken, match=reason):
            read_unverified("A" * size)
    assert_refused("." * 8192, key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_prefix_suffix_and_flipped_bit_is_refused(keys: Mapping[str, SigningKey], algorithm: str) -> None:
    """Attack: change a token anywhere (security section 6, 5; ZITADEL GHSA-6mq3-xmgp-pjm5)."""
    key = keys[algorithm]
    token = sign({"typ": "JWT"}, b'{"sub":"ada","exp":4000000000}', key)
    find_key = {key.kid: key.verification_key}.get
    mutants = {token[:length] for length in range(len(token))} | {token[start:] for start in range(1, len(token))}
    for place, character in enumerate(token):
        mutants |= {token[:place] + chr(ord(character) ^ (1 << bit)) + token[place + 1 :] for bit in range(8)}
    mutants.discard(token)
    assert len(mutants) > 8 * len(token)
    for mutant in mutants:
        with pytest.raises(InvalidToken):
            verify_signature(mutant, find_key)


@given(st.data())
def test_random_mutations_are_refused(keys: Mapping[str, SigningKey], data: st.DataObject) -> None:
    """Attack: insert, delete, repeat and swap pieces of true tokens; every outcome is a typed refusal."""
    key = keys["EdDSA"]
    tokens = [sign({}, b'{"sub":"%d"}' % number, key) for number in range(3)]
    pieces = [piece for token in tokens for piece in token.split(".")]
    mutant = data.draw(
        st.one_of(
            st.lists(st.sampled_from(pieces), max_size=5).map(".".join),
            st.lists(st.sampled_from([*pieces, ".", "=", "A", "\n"]), max_size=8).map("".join),
            st.tuples(st.sampled_from(tokens), st.integers(0, 200), st.text(min_size=1, max_size=4)).map(
                lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] :]
            ),
            st.text(),
        )
    )
    if mutant in tokens:
        return
    assert_refused(mutant, key)


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
def test_any_three_parts_are_read_or_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    """Fuzz: well-encoded nonsense never raises another exception."""
    with contextlib.suppress(InvalidToken):
        read_unverified(".".join(encode_base64url(part) for part in (header, payload, signature)))
