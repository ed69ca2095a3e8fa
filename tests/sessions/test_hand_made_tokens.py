"""Tokens that somebody made by hand, huge ones and odd ones: none is believed, none is kept, none breaks anything."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crypto.forgery import forge
from tests.sessions.nodes import HOUR, ManualClock, sign_in
from watchword.crypto.base64url import encode_base64url
from watchword.crypto.jwt import generate_signing_key, sign
from watchword.sessions import verify
from watchword.sessions.access_tokens import AccessTokenInfo
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TryRefreshToken

#: What JSON can hold in place of a time or an id; `Ellipsis`: the claim is not there.
ODD: list[Any] = [
    ..., None, True, False, -1, 1e308, 10**400, -(10**400), 253_402_300_800, 0.5e-300, "4000000000", "", [], {}, [4e9],
    {"$gt": 0}, "' or 1=1 --", "x" * 5_000, "\ud800", "\x00",
]  # fmt: skip
CLAIMS = ("exp", "iat", "sub", "rsub", "tId", "sessionHandle", "refreshTokenHash1", "iss", "stt")


def parts_of(token: AccessTokenInfo) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a real token."""
    header: dict[str, Any] = {"alg": "EdDSA", "typ": "JWT", "version": "5", "kid": token.kid, "gen": 0}
    return header, json.loads(token.payload_bytes)


async def assert_refused(node: SessionEngine, token: str) -> None:
    """By every reader, with a typed error or `None`, and the cache stays as empty as it was."""
    verify.parse_access_token(node, token)
    assert verify.find_signed_access_token(node, token) is None
    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(node, token)
    assert 0 == len(node.verified)


async def test_odd_claims_under_a_signature_that_is_not_ours(node: SessionEngine) -> None:
    """Attack: the real header, the victim's claims with one made odd, and a signature of the attacker's own."""
    real = (await sign_in(node)).access_token
    header, payload = parts_of(real)
    own_key = generate_signing_key("EdDSA", real.kid)
    for claim in CLAIMS:
        for value in ODD:
            odd = {**payload, claim: value}
            if value is ...:
                del odd[claim]
            body = json.dumps(odd).encode()
            await assert_refused(node, sign(header, body, own_key))
            await assert_refused(node, forge({**header, "alg": "none"}, body, lambda _: b""))
            pasted = f"{encode_base64url(json.dumps(header).encode())}.{encode_base64url(body)}"
            await assert_refused(node, f"{pasted}.{real.text.rsplit('.', 1)[1]}")


async def test_odd_claims_even_under_our_own_signature(node: SessionEngine) -> None:
    """Were something signed that should not be, still every claim has its type and its range."""
    header, payload = parts_of((await sign_in(node)).access_token)
    key = await node.keys.get_signing_key()
    for claim, values in {
        "exp": [..., None, True, -1, 1e308, 10**400, 253_402_300_800, "4000000000", [], {}],
        "iat": [..., None, True, -1, 10**400, "1", []],
        "sub": [..., None, 1, [], {}],
        "sessionHandle": [..., None, 1, ["a"], {"a": 1}],
        "refreshTokenHash1": [..., None, 1, []],
        "tId": [..., None, 1, []],
        "rsub": [..., None, 1, []],
        "iss": [..., None, 1, "", "https://evil.example", [payload["iss"]], f"{payload['iss']}/"],
        "stt": [1, True, False, "0", None, []],
    }.items():
        for value in values:
            odd = {**payload, claim: value}
            if value is ...:
                del odd[claim]
            await assert_refused(node, sign(header, json.dumps(odd).encode(), key))
    for name, value in (("version", "2"), ("version", "99999"), ("version", 5), ("typ", "at+jwt")):
        await assert_refused(node, sign({**header, name: value}, json.dumps(payload).encode(), key))


async def test_huge_tokens_are_refused_before_they_are_read(node: SessionEngine) -> None:
    """Attack: fill the memory with a megabyte of claims, or the stack with a thousand levels."""
    header, payload = parts_of((await sign_in(node)).access_token)
    key = generate_signing_key("EdDSA", header["kid"])
    deep = b'{"a":' * 1_000 + b"1" + b"}" * 1_000
    for body in (
        json.dumps({**payload, "more": "x" * 1_000_000}).encode(),
        json.dumps({**payload, **{f"claim{n}": n for n in range(100_000)}}).encode(),
        json.dumps({**payload, "exp": 10**4_000}).encode(),
        deep,
        b"[" * 4_000,
        b'{"exp":' + b"9" * 5_000 + b"}",
        b'{"exp":1e999999}',
        b'{"exp":NaN}',
        b'{"exp":4000000000,"exp":4000000001}',
    ):
        await assert_refused(node, forge(header, body, lambda _: b"0" * 64))
        await assert_refused(node, forge({**header, "alg": key.algorithm}, body, lambda _: b"0" * 64))


async def test_a_flood_of_them_leaves_the_cache_alone(node: SessionEngine, clock: ManualClock) -> None:
    """Attack: push real tokens out of the cache with thousands of invented ones."""
    tokens = [(await sign_in(node)).issued.access_token for _ in range(3)]
    for token in tokens:
        await verify.verify_access_token(node, token)
    header, payload = parts_of(await verify.verify_access_token(node, tokens[0]))
    for number in range(3_000):
        forged = forge({**header, "kid": f"d-{number}"}, {**payload, "sub": str(number)}, lambda _: b"0" * 64)
        with pytest.raises(TryRefreshToken):
            await verify.verify_access_token(node, forged)
    assert 3 == len(node.verified)
    assert all(node.verified.find(token) is not None for token in tokens)
    clock.turn(HOUR + 1)
    for token in tokens:
        with pytest.raises(TryRefreshToken, match="expired"):
            await verify.verify_access_token(node, token)
    assert 0 == len(node.verified)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from((*CLAIMS, "version", "gen", "antiCsrfToken")), _JSON), _JSON)
async def test_whatever_is_signed_elsewhere_is_refused_and_nothing_breaks(
    node: SessionEngine, changes: dict[str, Any], extra: Any
) -> None:
    """Any JSON in any claim."""
    header, payload = parts_of((await sign_in(node)).access_token)
    key = generate_signing_key("EdDSA", header["kid"])
    await assert_refused(node, sign(header, json.dumps({**payload, **changes, "extra": extra}).encode(), key))
