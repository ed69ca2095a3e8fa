"""The access token's claims, the front token made from it, and the sizes browsers take. Source: FDI 4.4, 5; CK-8."""

import base64
import json
from dataclasses import replace
from typing import Any

import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.base64url import encode_base64url
from watchword.crypto.jwt import SigningAlgorithm, SigningKey, generate_signing_key
from watchword.errors import BadInput, InvalidPayload
from watchword.sessions.access_tokens import (
    KID_LENGTH,
    AccessTokenClaims,
    AccessTokenInfo,
    check_fits_cookies,
    mint_access_token,
    parse_access_token,
)

ISSUER = "http://localhost:8000/auth"
ALGORITHMS: tuple[SigningAlgorithm, ...] = ("RS256", "ES256", "EdDSA")


@pytest.fixture(scope="module")
def keys() -> dict[str, SigningKey]:
    """One key of each algorithm."""
    return {algorithm: generate_signing_key(algorithm, "d-" + "0" * (KID_LENGTH - 2)) for algorithm in ALGORITHMS}


ORDINARY = AccessTokenClaims(
    handle="handle-1",
    user_id="u1",
    recipe_user_id="ru1",
    tenant_id="public",
    refresh_token_hash1="a" * 64,
    parent_refresh_token_hash1=None,
    anti_csrf_token=None,
    gen=3,
    issued_at_ms=1_700_000_000_999,
    expires_at_ms=1_700_003_600_999,
)


def claims(**changes: Any) -> AccessTokenClaims:
    """Claims of an ordinary session, with changes."""
    return replace(ORDINARY, **changes)


def foreign_token(header: dict[str, Any], payload: dict[str, Any]) -> str:
    """An unsigned token of another maker; its shape is what counts here."""
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), b"signature"]
    return ".".join(encode_base64url(part) for part in parts)


def test_payload_has_the_members_of_version_5_in_their_order(keys: dict[str, SigningKey]) -> None:
    """FDI 5.2 and appendix A, times cut to seconds, `iss` before what the application put there."""
    token = mint_access_token(claims(), {"role": "member", "größe": 1}, ISSUER, keys["RS256"])

    payload = pyjwt.decode(token.text, options={"verify_signature": False})
    assert [
        ("iat", 1_700_000_000),
        ("exp", 1_700_003_600),
        ("sub", "u1"),
        ("tId", "public"),
        ("rsub", "ru1"),
        ("sessionHandle", "handle-1"),
        ("refreshTokenHash1", "a" * 64),
        ("parentRefreshTokenHash1", None),
        ("antiCsrfToken", None),
        ("iss", ISSUER),
        ("role", "member"),
        ("größe", 1),
    ] == list(payload.items())
    header = pyjwt.get_unverified_header(token.text)
    assert {"alg": "RS256", "typ": "JWT", "kid": keys["RS256"].kid, "version": "5", "gen": 3} == header


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_library_verifies_it(keys: dict[str, SigningKey], algorithm: str) -> None:
    """The second opinion: PyJWT, with the public key as JWKS publishes it."""
    token = mint_access_token(claims(expires_at_ms=2**42), {}, ISSUER, keys[algorithm])

    public = pyjwt.PyJWK.from_dict(keys[algorithm].public_jwk)

    assert "u1" == pyjwt.decode(token.text, public, algorithms=[algorithm], issuer=ISSUER)["sub"]


def test_front_token_is_the_payload_byte_for_byte(keys: dict[str, SigningKey]) -> None:
    """FDI 4.4: standard base64 with padding; `up` is the text of the JWT's payload, `ate` its expiry in ms."""
    token = mint_access_token(claims(user_id='ü"1'), {"z": 1, "a": {"y": [1, 2.5]}, "ß": "𝄞"}, ISSUER, keys["ES256"])

    front = base64.b64decode(token.front_token(), validate=True)

    signed = base64.urlsafe_b64decode(token.text.split(".")[1] + "==")
    assert b',"up":' + signed + b"}" == front[-len(signed) - 7 :]
    decoded = json.loads(front)
    assert ["uid", "ate", "up"] == list(decoded)
    assert ('ü"1', 1_700_003_600_000) == (decoded["uid"], decoded["ate"])


def test_what_is_minted_is_what_is_parsed(keys: dict[str, SigningKey]) -> None:
    """Parsing a token of ours gives back what minting said."""
    minted = mint_access_token(
        claims(parent_refresh_token_hash1="b" * 64, anti_csrf_token="csrf"), {"x": 1}, ISSUER, keys["EdDSA"]
    )

    assert minted == parse_access_token(minted.text)
    assert {"x": 1} == minted.jwt_payload()


def test_payload_is_a_copy_each_time(keys: dict[str, SigningKey]) -> None:
    """A request that changes what it was given changes nothing for the next one."""
    token = mint_access_token(claims(), {"list": [1]}, ISSUER, keys["EdDSA"])

    token.jwt_payload()["list"].append(2)
    token.payload()["sub"] = "somebody else"

    assert {"list": [1]} == token.jwt_payload()
    assert "u1" == token.payload()["sub"]


def test_repr_shows_no_secret(keys: dict[str, SigningKey]) -> None:
    """LG-1: neither the token, nor its hashes, nor the anti-CSRF token."""
    token = mint_access_token(claims(anti_csrf_token="csrf-secret"), {"x": "y"}, ISSUER, keys["EdDSA"])

    for secret in (token.text, "a" * 64, "csrf-secret", '"x"'):
        assert secret not in repr(token)


V5 = {
    "iat": 1_700_000_000,
    "exp": 1_700_003_600,
    "sub": "u1",
    "tId": "t1",
    "rsub": "ru1",
    "sessionHandle": "h1",
    "refreshTokenHash1": "a" * 64,
    "parentRefreshTokenHash1": None,
    "antiCsrfToken": None,
}


def without(*names: str, **changes: Any) -> dict[str, Any]:
    """The members of version 5 with some taken out and others changed."""
    return {name: value for name, value in (V5 | changes).items() if name not in names}


@pytest.mark.parametrize(
    ("header", "payload", "tenant_id", "recipe_user_id"),
    [
        ({"version": "5"}, V5, "t1", "ru1"),
        ({"version": "7"}, V5, "t1", "ru1"),
        ({"version": "4"}, without("rsub"), "t1", "u1"),
        ({"version": "3"}, without("rsub", "tId"), "public", "u1"),
        ({}, without("rsub", "tId"), "public", "u1"),
        ({"version": "5"}, without("parentRefreshTokenHash1", "antiCsrfToken", stt=0), "t1", "ru1"),
        ({"version": "5"}, without(iat=1_700_000_000.5, exp=1_700_003_600.25), "t1", "ru1"),
    ],
    ids=["5", "later", "4", "3", "no version is 3", "nullable ones absent", "times with fractions"],
)
def test_tokens_of_earlier_versions_are_parsed(
    header: dict[str, Any], payload: dict[str, Any], tenant_id: str, recipe_user_id: str
) -> None:
    """FDI 5.2 and line 51: versions 3, 4 and 5, each with the claims that it has."""
    token = parse_access_token(foreign_token({"alg": "RS256", "typ": "JWT", "kid": "d-1"} | header, payload))

    assert token is not None
    assert ("h1", "u1", tenant_id, recipe_user_id) == (
        token.handle,
        token.user_id,
        token.tenant_id,
        token.recipe_user_id,
    )
    assert token.gen is None


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({"typ": "at+jwt"}, V5),
        ({"typ": None}, V5),
        ({"version": 5}, V5),
        ({"version": "2"}, V5),
        ({"version": "five"}, V5),
        ({"version": "5" * 5}, V5),
        ({"version": "٥"}, V5),
        ({"kid": None}, V5),
        ({}, without("sub")),
        ({}, without("tId")),
        ({}, without("rsub")),
        ({}, without("sessionHandle")),
        ({}, without("refreshTokenHash1")),
        ({}, without("exp")),
        ({}, without(exp="1700003600")),
        ({}, without(exp=True)),
        ({}, without(iat=-1)),
        ({}, without(exp=10**30)),
        ({}, without(sub=7)),
        ({}, without(antiCsrfToken=7)),
        ({}, without(stt=1)),
        ({}, without(stt=False)),
    ],
    ids=str,
)
def test_tokens_of_other_kinds_are_not_ours(header: dict[str, Any], payload: dict[str, Any]) -> None:
    """FDI 4.9, step 2; JW-3: other kinds of JWT, OAuth2 access tokens among them, are not access tokens of ours."""
    ours = {"alg": "RS256", "typ": "JWT", "kid": "d-1", "version": "5"}
    assert parse_access_token(foreign_token(ours, V5)) is not None

    assert parse_access_token(foreign_token(ours | header, payload)) is None


@given(st.text())
def test_any_text_is_parsed_or_not_ours(text: str) -> None:
    """Whatever comes along: an answer, never another error."""
    assert parse_access_token(text) is None


def fits(jwt_payload: dict[str, Any], algorithm: SigningAlgorithm = "RS256", **who: str) -> None:
    """Check the size for an ordinary session."""
    names = {"handle": "h" * 22, "user_id": "u" * 36, "recipe_user_id": "u" * 36, "tenant_id": "public"} | who
    check_fits_cookies(jwt_payload, issuer=ISSUER, algorithm=algorithm, **names)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_token_of_an_accepted_payload_is_too_large_for_a_cookie(
    keys: dict[str, SigningKey], algorithm: SigningAlgorithm
) -> None:
    """CK-8: the largest payload that is accepted fits after any refresh; one byte more is refused."""
    size = 0
    for step in (1000, 100, 10, 1):
        while True:
            try:
                fits({"x": "x" * (size + step)}, algorithm)
            except InvalidPayload:
                break
            size += step
    assert size > 1500
    worst = claims(
        handle="h" * 22,
        user_id="u" * 36,
        recipe_user_id="u" * 36,
        parent_refresh_token_hash1="b" * 64,
        anti_csrf_token="c" * 22,
        gen=10**6,
    )
    token = mint_access_token(worst, {"x": "x" * size}, ISSUER, keys[algorithm])
    biggest = max(len("sAccessToken" + token.text), len("sFrontToken" + token.front_token()))
    assert 4000 < biggest <= 4096


def test_payload_that_is_too_large_names_its_biggest_keys() -> None:
    """CK-8: an error for the developer, in words, not a session that is lost in the browser."""
    with pytest.raises(InvalidPayload) as refusal:
        fits({"small": 1, "photo": "p" * 3000, "roles": ["r" * 20] * 10})

    assert "jwt_payload" == refusal.value.field
    assert "'photo' (3010 bytes), 'roles'" in refusal.value.message
    assert "ppp" not in refusal.value.message


def test_long_ids_count_too() -> None:
    """A user id of three thousand characters leaves no room: refused at creation, by its own name."""
    for name in ("user_id", "recipe_user_id", "tenant_id"):
        with pytest.raises(BadInput, match=f"^{name} has 3000 bytes; the cookie would have") as refusal:
            fits({"role": "member"}, **{name: "u" * 3000})
        assert name == refusal.value.field


def test_infos_compare_by_value(keys: dict[str, SigningKey]) -> None:
    """They are values: immutable, shared between requests."""
    token = mint_access_token(claims(), {}, ISSUER, keys["EdDSA"])

    with pytest.raises(AttributeError):
        token.handle = "another"  # type: ignore[misc] # that is the point
    assert isinstance(token, AccessTokenInfo)
