"""Verifying access tokens: what is believed, for how long, and that nothing is asked for it. Source: FDI 4.9, JW-8."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sessions.nodes import DAY, HOUR, MINUTE, SECOND, ManualClock, refresh_token_of, sign_in, start_node
from watchword.crypto.jwt import generate_signing_key
from watchword.sessions import revoke, verify
from watchword.sessions.access_tokens import AccessTokenClaims, mint_access_token
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TryRefreshToken, Unauthorised
from watchword.sessions.refresh import refresh
from watchword.sessions.verified_tokens import VerifiedTokens

SETTLED = 131 * SECOND


def cut_off(node: SessionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the database away from a node: whatever asks it fails the test."""

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the database was asked")

    for name in ("find", "list", "write"):
        monkeypatch.setattr(node.db, name, asked)


async def test_verifying_asks_no_database(node: SessionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No I/O while the key is known: for a token seen first, seen again, and refused."""
    token = (await sign_in(node, jwt_payload={"role": "member"})).issued.access_token
    cut_off(node, monkeypatch)

    first = await verify.verify_access_token(node, token)
    again = await verify.verify_access_token(node, token)

    assert {"role": "member"} == first.jwt_payload()
    assert first is again
    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(node, token[:-1])


async def test_a_token_of_a_clock_far_ahead_does_not_outlive_its_revocation(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """F-15: a node is a month ahead for a moment. Its access token would be good for a month, also when its session is
    revoked and nobody remembers that any more; it has to be refreshed at once, on every node, and nobody is signed out.
    """
    clock.turn(30 * DAY)
    issued = await sign_in(node)
    assert await verify.verify_access_token(node, issued.issued.access_token)
    clock.turn(-30 * DAY)

    for each in (node, other_node):
        with pytest.raises(TryRefreshToken, match="far ahead"):
            await verify.verify_access_token(each, issued.issued.access_token)
    refreshed = await refresh(other_node, refresh_token_of(issued))

    assert await verify.verify_access_token(node, refreshed.issued.access_token)
    clock.turn(-12 * HOUR)  # a clock that was put back sends nobody to refresh
    assert await verify.verify_access_token(node, refreshed.issued.access_token)


async def test_token_expires_to_the_millisecond(node: SessionEngine, clock: ManualClock) -> None:
    """JW-4: good until its whole second, then `try refresh token`, cached or not."""
    token = (await sign_in(node)).access_token
    clock.turn(token.expires_at_ms - clock.now_ms() - 1)
    assert token == await verify.verify_access_token(node, token.text)

    clock.turn(1)

    for _ in range(2):
        with pytest.raises(TryRefreshToken):
            await verify.verify_access_token(node, token.text)
    assert 0 == len(node.verified)


async def test_revoked_session_dies_at_once_here(node: SessionEngine, other_node: SessionEngine) -> None:
    """SE-3, JW-8: sign out, same token at once: refused by this node; a route that asks the database, on any node."""
    token = (await sign_in(node)).access_token
    for one in (node, other_node):
        await verify.verify_access_token(one, token.text)

    assert [token.handle] == await revoke.revoke_sessions(node, [token.handle])

    with pytest.raises(Unauthorised) as refusal:
        await verify.verify_access_token(node, token.text)
    assert refusal.value.clear_tokens
    elsewhere = await verify.verify_access_token(other_node, token.text)
    with pytest.raises(Unauthorised):
        await verify.check_database(other_node, elsewhere)


async def test_revocation_is_remembered_longer_than_any_token_lives(node: SessionEngine, clock: ManualClock) -> None:
    """SE-3: one access-token life and a minute at least; then the set forgets, as every token has expired."""
    tokens = [(await sign_in(node)).access_token for _ in range(2)]
    await revoke.revoke_sessions(node, [tokens[0].handle])
    clock.turn(HOUR + MINUTE - 1)
    await revoke.revoke_sessions(node, [tokens[1].handle])
    assert node.revoked.has(tokens[0].handle)

    clock.turn(HOUR)
    await revoke.revoke_sessions(node, ["another"])

    assert not node.revoked.has(tokens[0].handle)
    assert node.revoked.has(tokens[1].handle)


async def test_changed_tokens_are_refused(node: SessionEngine) -> None:
    """Every flip of a character, every prefix: `try refresh token`, never another error."""
    token = (await sign_in(node)).issued.access_token

    @given(st.integers(0, len(token) - 1), st.sampled_from("Aa0-_=.~é\x00"))
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def refused(position: int, character: str) -> None:
        changed = token[:position] + character + token[position + 1 :]
        for text in {changed, token[:position]} - {token}:
            assert verify.find_signed_access_token(node, text) is None

    await asyncio.to_thread(refused)
    assert verify.find_signed_access_token(node, token) is not None


async def test_key_of_ones_own_does_not_help(node: SessionEngine, clock: ManualClock) -> None:
    """An attacker signs a token with a key of his, under the `kid` of ours, or under his own."""
    real = (await sign_in(node)).access_token
    forged = AccessTokenClaims(
        handle=real.handle,
        user_id="admin",
        recipe_user_id="admin",
        tenant_id="public",
        refresh_token_hash1=real.refresh_token_hash1,
        parent_refresh_token_hash1=None,
        anti_csrf_token=None,
        gen=0,
        issued_at_ms=clock.now_ms(),
        expires_at_ms=clock.now_ms() + HOUR,
    )
    for kid in (real.kid, "d-attacker"):
        for algorithm in ("EdDSA", "ES256"):
            token = mint_access_token(forged, {}, node.issuer, generate_signing_key(algorithm, kid))
            with pytest.raises(TryRefreshToken):
                await verify.verify_access_token(node, token.text)
            assert verify.find_signed_access_token(node, token.text) is None


@pytest.mark.parametrize("text", ["", "a.b.c", "\ud800", "a" * 9000, "e30.e30.e30"])
async def test_other_texts_are_no_access_tokens(node: SessionEngine, text: str) -> None:
    """Fails closed: any text that is not ours is refused (authentik CVE-2026-25748)."""
    assert verify.parse_access_token(node, text) is None
    assert verify.find_signed_access_token(node, text) is None
    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(node, text)


async def test_refresh_token_is_no_access_token_and_the_other_way_round(node: SessionEngine) -> None:
    """JW-3: each verifier demands its own kind."""
    granted = await sign_in(node)

    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(node, refresh_token_of(granted))
    with pytest.raises(Unauthorised):
        await refresh(node, granted.issued.access_token)


async def test_tokens_of_another_app_are_refused(node: SessionEngine, clock: ManualClock) -> None:
    """TN-2, TN-5: keys and caches are an app's own."""
    other_app = await start_node(node.db, clock, app_id="other")
    token = (await sign_in(node)).issued.access_token
    await verify.verify_access_token(node, token)

    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(other_app, token)


@pytest.mark.parametrize("presented", [None, "", "wrong", "é"])
async def test_anti_csrf_token_must_match(node: SessionEngine, presented: str | None) -> None:
    """FDI 4.7: missing or wrong is `try refresh token`; so is a session without one where the mode asks for it."""
    granted = await sign_in(node, with_anti_csrf_token=True)
    without = await sign_in(node)

    verify.check_anti_csrf_token(granted.access_token, granted.issued.anti_csrf_token)
    with pytest.raises(TryRefreshToken):
        verify.check_anti_csrf_token(granted.access_token, presented)
    with pytest.raises(TryRefreshToken):
        verify.check_anti_csrf_token(without.access_token, presented)


async def test_asking_the_database_follows_the_branch_that_was_proved(node: SessionEngine, clock: ManualClock) -> None:
    """Security 4.4: tokens of current and child are good; those of a branch that was left refresh, never theft."""
    first = await sign_in(node)
    await verify.check_database(node, first.access_token)
    clock.turn(SETTLED)
    child = await refresh(node, refresh_token_of(first))
    sibling = await refresh(node, refresh_token_of(first))
    for granted in (first, child, sibling):
        await verify.check_database(node, granted.access_token)

    clock.turn(SETTLED)
    grandchild = await refresh(node, refresh_token_of(child))

    for granted in (child, grandchild):
        await verify.check_database(node, granted.access_token)
    for granted in (first, sibling):
        with pytest.raises(TryRefreshToken):
            await verify.check_database(node, granted.access_token)


async def test_asking_the_database_about_a_session_that_expired(node: SessionEngine, clock: ManualClock) -> None:
    """A row that is past its end counts as gone."""
    short = await start_node(node.db, clock, absolute_life_ms=10 * MINUTE, access_token_validity_ms=HOUR)
    granted = await sign_in(short)
    clock.turn(10 * MINUTE)

    with pytest.raises(Unauthorised):
        await verify.check_database(short, granted.access_token)


async def test_tenant_of_the_token_must_be_that_of_the_row(node: SessionEngine, clock: ManualClock) -> None:
    """TN-3: a token that names another tenant finds no session."""
    granted = await sign_in(node, tenant_id="t1")
    await verify.check_database(node, granted.access_token)
    key = await node.keys.get_signing_key()
    moved = mint_access_token(
        AccessTokenClaims(
            handle=granted.access_token.handle,
            user_id="ada",
            recipe_user_id="ada",
            tenant_id="t2",
            refresh_token_hash1=granted.access_token.refresh_token_hash1,
            parent_refresh_token_hash1=None,
            anti_csrf_token=None,
            gen=0,
            issued_at_ms=clock.now_ms(),
            expires_at_ms=clock.now_ms() + HOUR,
        ),
        {},
        node.issuer,
        key,
    )

    with pytest.raises(Unauthorised):
        await verify.check_database(node, moved)


async def test_cache_is_bounded_and_forgets_the_least_used(node: SessionEngine) -> None:
    """JW-8: as many as it may hold, no more; a token that is used stays."""
    tokens = [(await sign_in(node)).access_token for _ in range(4)]
    cache = VerifiedTokens(node.keys.knows, capacity=3)
    for token in tokens[:3]:
        cache.add(token)
    assert tokens[0] == cache.find(tokens[0].text)

    cache.add(tokens[3])

    assert 3 == len(cache)
    assert [tokens[0], None, tokens[2], tokens[3]] == [cache.find(token.text) for token in tokens]


async def test_cache_forgets_tokens_of_a_withdrawn_key(node: SessionEngine) -> None:
    """JW-8: an entry dies with its key, whatever its own expiry says."""
    token = (await sign_in(node)).access_token
    kids = {token.kid}
    cache = VerifiedTokens(kids.__contains__)
    cache.add(token)
    assert token == cache.find(token.text)

    kids.clear()

    assert cache.find(token.text) is None
    assert 0 == len(cache)


async def test_cache_finds_nothing_but_the_very_token(node: SessionEngine) -> None:
    """JW-8. Attack: change one character of a token that was seen before, anywhere in it."""
    token = (await sign_in(node)).access_token
    cache = VerifiedTokens(node.keys.knows)
    cache.add(token)
    text = token.text
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert cache.find(text[:place] + other + text[place + 1 :]) is None
        assert cache.find(text[:place]) is None
    assert cache.find(text + "=") is None
    assert cache.find(text.replace("-", "\u2010") + "\udc80") is None
    assert token == cache.find(text)


async def test_failures_are_not_cached(node: SessionEngine) -> None:
    """A flood of bad tokens leaves nothing behind."""
    token = (await sign_in(node)).issued.access_token
    for i in range(20):
        with pytest.raises(TryRefreshToken):
            await verify.verify_access_token(node, f"{token}{i}")

    assert 0 == len(node.verified)


async def test_signed_tokens_are_found_when_expired(node: SessionEngine, clock: ManualClock) -> None:
    """For the session to replace at sign-in, and the front token to repeat: signature yes, expiry no."""
    token = (await sign_in(node)).access_token
    clock.turn(2 * HOUR)

    found = verify.find_signed_access_token(node, token.text)

    assert found is not None
    assert token.front_token() == found.front_token()
