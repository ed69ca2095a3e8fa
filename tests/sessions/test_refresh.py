"""The rules R0 to R6 on a real row. Source: security 4.4."""

import logging

import pytest

from tests.sessions.nodes import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    ManualClock,
    find_row,
    get_row,
    lose_commit,
    refresh_token_of,
    sign_in,
    start_node,
)
from watchword.sessions import lifecycle, revoke, verify
from watchword.sessions.engine import GrantedTokens, SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised
from watchword.sessions.refresh import peek, refresh
from watchword.sessions.refresh_tokens import stored_hash

SETTLED = 131 * SECOND
PAST_SOFT = 61 * SECOND


async def refresh_of_age(node: SessionEngine, clock: ManualClock, token: str) -> GrantedTokens:
    """Let the token come of age, then refresh with it."""
    clock.turn(SETTLED)
    return await refresh(node, token)


async def test_first_refresh_of_age_mints_a_child_and_writes_nothing(node: SessionEngine, clock: ManualClock) -> None:
    """R2: the current token yields a child, and another one when it comes again; the row stays as it was."""
    first = await sign_in(node, jwt_payload={"role": "member"})
    clock.turn(SETTLED)
    before = await get_row(node.db, first.access_token.handle)

    child = await refresh(node, refresh_token_of(first))
    sibling = await refresh(node, refresh_token_of(first))

    assert before == await get_row(node.db, first.access_token.handle)
    assert 3 == len({refresh_token_of(first), refresh_token_of(child), refresh_token_of(sibling)})
    assert {"role": "member"} == child.access_token.jwt_payload()
    assert first.access_token.handle == child.access_token.handle


async def test_young_token_gets_an_access_token_only(node: SessionEngine, clock: ManualClock) -> None:
    """R1: up to the settle age, to the millisecond, the client keeps its token and the row its content."""
    first = await sign_in(node, with_anti_csrf_token=True)
    before = await get_row(node.db, first.access_token.handle)

    clock.turn(130 * SECOND)
    young = await refresh(node, refresh_token_of(first))
    clock.turn(1)
    of_age = await refresh(node, refresh_token_of(first))

    assert (None, None) == (young.issued.refresh_token, young.issued.refresh_token_expires_at_ms)
    assert first.access_token.refresh_token_hash1 == young.access_token.refresh_token_hash1
    assert first.issued.anti_csrf_token == young.issued.anti_csrf_token == young.access_token.anti_csrf_token
    assert of_age.issued.refresh_token is not None
    assert before == await get_row(node.db, first.access_token.handle)


async def test_clock_that_was_put_back_makes_tokens_young(node: SessionEngine, clock: ManualClock) -> None:
    """R1: a negative age is young, so a jump back costs nobody the session (F-15)."""
    first = await sign_in(node)
    clock.turn(-HOUR)

    young = await refresh(node, refresh_token_of(first))

    assert young.issued.refresh_token is None


async def test_child_of_age_is_promoted_by_one_write(node: SessionEngine, clock: ManualClock) -> None:
    """R3: the child becomes current, the idle life starts anew, and its own child is handed out."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    clock.turn(SETTLED)

    grandchild = await refresh(node, refresh_token_of(child))

    row = await get_row(node.db, first.access_token.handle)
    now_ms = clock.now_ms()
    assert stored_hash(child.access_token.refresh_token_hash1) == row["cur_hash"]
    assert stored_hash(first.access_token.refresh_token_hash1) == row["prev_hash"]
    assert (1, now_ms, now_ms) == (row["cur_gen"], row["confirmed_at_ms"], row["rotated_at_ms"])
    assert now_ms + 100 * DAY == row["expires_at_ms"] == grandchild.issued.refresh_token_expires_at_ms
    assert child.access_token.refresh_token_hash1 == grandchild.access_token.parent_refresh_token_hash1
    assert 2 == grandchild.access_token.gen


async def test_young_child_proves_nothing(node: SessionEngine, clock: ManualClock) -> None:
    """R1: a child that comes back at once gets an access token, and its parent stays good (I4)."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    before = await get_row(node.db, first.access_token.handle)

    young = await refresh(node, refresh_token_of(child))
    again = await refresh(node, refresh_token_of(first))

    assert young.issued.refresh_token is None
    assert child.access_token.refresh_token_hash1 == young.access_token.refresh_token_hash1
    assert first.access_token.refresh_token_hash1 == young.access_token.parent_refresh_token_hash1
    assert again.issued.refresh_token is not None
    assert before == await get_row(node.db, first.access_token.handle)


async def test_replaced_token_is_refused_softly_right_after_the_promotion(
    node: SessionEngine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """R5: for sixty seconds an old message may explain it; nothing is minted, written or cleared."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    await refresh_of_age(node, clock, refresh_token_of(child))
    before = await get_row(node.db, first.access_token.handle)
    clock.turn(60 * SECOND)

    with caplog.at_level(logging.INFO), pytest.raises(TryAgain):
        await refresh(node, refresh_token_of(first))

    assert before == await get_row(node.db, first.access_token.handle)
    assert "refused softly" in caplog.text
    assert not node.revoked.has(first.access_token.handle)


async def test_replaced_token_later_is_theft_and_ends_the_session(
    node: SessionEngine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """R6. A thief copied a refresh token; the owner refreshed twice since; the thief presents the copy.

    The session is gone when the error is raised, its access tokens die at once on this node, and no log
    holds a token.
    """
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    grandchild = await refresh_of_age(node, clock, refresh_token_of(child))
    clock.turn(PAST_SOFT)

    with caplog.at_level(logging.DEBUG), pytest.raises(TokenTheftDetected) as theft:
        await refresh(node, refresh_token_of(first))

    assert (first.access_token.handle, "ada", "ada") == (
        theft.value.handle,
        theft.value.user_id,
        theft.value.recipe_user_id,
    )
    assert await find_row(node.db, first.access_token.handle) is None
    with pytest.raises(Unauthorised):
        await verify.verify_access_token(node, grandchild.issued.access_token)
    with pytest.raises(Unauthorised):
        await refresh(node, refresh_token_of(grandchild))
    for granted in (first, child, grandchild):
        assert refresh_token_of(granted) not in caplog.text
        assert granted.issued.access_token not in caplog.text


async def test_two_holders_of_one_token_fork_and_the_second_is_caught(node: SessionEngine, clock: ManualClock) -> None:
    """I3. A thief copies the current token and refreshes beside the owner: both get children, of different kinds.

    Once both have used a child of age, the later one is refused and the session ends, although each of
    them only ever presented tokens it was given.
    """
    first = await sign_in(node)
    of_owner = await refresh_of_age(node, clock, refresh_token_of(first))
    of_thief = await refresh(node, refresh_token_of(first))
    await refresh_of_age(node, clock, refresh_token_of(of_owner))
    clock.turn(PAST_SOFT)

    with pytest.raises(TokenTheftDetected):
        await refresh(node, refresh_token_of(of_thief))


async def test_young_sibling_of_the_promoted_token_is_theft_too(node: SessionEngine, clock: ManualClock) -> None:
    """R6 holds for young tokens that are not acceptable; only then does a young token cost a transaction."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    clock.turn(100 * SECOND)
    sibling = await refresh(node, refresh_token_of(first))
    clock.turn(40 * SECOND)
    await refresh(node, refresh_token_of(child))
    clock.turn(PAST_SOFT)

    with pytest.raises(TokenTheftDetected):
        await refresh(node, refresh_token_of(sibling))

    assert await find_row(node.db, first.access_token.handle) is None


async def test_row_behind_its_tokens_is_healed(
    node: SessionEngine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """R4: a fail-over lost two promotions; the client's token is ahead of the row by as many, and stays good (I12)."""
    first = await sign_in(node)
    before = await get_row(node.db, first.access_token.handle)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    grandchild = await refresh_of_age(node, clock, refresh_token_of(child))
    newest = await refresh_of_age(node, clock, refresh_token_of(grandchild))
    await lose_commit(node.db, before)

    with caplog.at_level(logging.WARNING):
        healed = await refresh_of_age(node, clock, refresh_token_of(newest))

    row = await get_row(node.db, first.access_token.handle)
    assert (3, stored_hash(newest.access_token.refresh_token_hash1)) == (row["cur_gen"], row["cur_hash"])
    assert 4 == healed.access_token.gen
    assert "session_row_behind" in caplog.text


@pytest.mark.parametrize("ended_by", ["idle", "absolute", "revoked"])
async def test_session_that_has_ended_is_refused(node: SessionEngine, clock: ManualClock, ended_by: str) -> None:
    """R0: an expired, outlived or revoked session yields nothing, and its row is never written again."""
    first = await sign_in(node)
    handle = first.access_token.handle
    token = first
    if ended_by == "revoked":
        await revoke.revoke_sessions(node, [handle])
        clock.turn(SETTLED)
    elif ended_by == "idle":
        clock.turn(100 * DAY)
    else:
        for _ in range(9):  # kept in use, and ended all the same after 365 days
            clock.turn(40 * DAY)
            token = await refresh(node, refresh_token_of(token))
        clock.turn(5 * DAY)
    before = await find_row(node.db, handle)

    with pytest.raises(Unauthorised) as refusal:
        await refresh(node, refresh_token_of(token))

    assert refusal.value.clear_tokens
    assert (before is None) == (ended_by == "revoked") == (await find_row(node.db, handle) is None)


async def test_idle_life_never_exceeds_the_absolute_life(node: SessionEngine, clock: ManualClock) -> None:
    """SE-4: near its absolute end, a session's expiry, refresh token and access token all stop there."""
    first = await sign_in(node)
    ends_at_ms = clock.now_ms() + 365 * DAY
    token = first
    for _ in range(9):
        clock.turn(40 * DAY)
        token = await refresh(node, refresh_token_of(token))
    assert ends_at_ms == (await get_row(node.db, first.access_token.handle))["expires_at_ms"]
    assert ends_at_ms == token.issued.refresh_token_expires_at_ms

    clock.turn(5 * DAY - MINUTE)
    last = await refresh(node, refresh_token_of(token))

    assert ends_at_ms // 1000 * 1000 == last.access_token.expires_at_ms


async def test_expiry_never_goes_backwards(node: SessionEngine, clock: ManualClock, other_node: SessionEngine) -> None:
    """I9: a node whose clock is behind promotes without shortening what another node granted."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    clock.turn(10 * DAY)
    await refresh(node, refresh_token_of(child))
    granted_until = (await get_row(node.db, first.access_token.handle))["expires_at_ms"]

    late = ManualClock(clock.now_ms())
    slow_node = await start_node(other_node.db, late)
    late.turn(SETTLED)
    grandchild = await refresh(slow_node, refresh_token_of(child))
    late.turn(SETTLED)
    slow_settings_node = await start_node(other_node.db, late, refresh_token_validity_ms=DAY)
    await refresh(slow_settings_node, refresh_token_of(grandchild))

    row = await get_row(node.db, first.access_token.handle)
    assert 2 == row["cur_gen"]
    assert granted_until == row["expires_at_ms"]


async def test_no_absolute_life_means_none(node: SessionEngine, clock: ManualClock) -> None:
    """`absolute_life_ms=None`: a session in use lives on."""
    endless = await start_node(node.db, clock, absolute_life_ms=None)
    token = await sign_in(endless)
    for _ in range(10):
        clock.turn(40 * DAY)
        token = await refresh(endless, refresh_token_of(token))

    assert (await get_row(node.db, token.access_token.handle))["ends_at_ms"] is None


async def test_payload_changed_by_handle_arrives_with_the_next_refresh(node: SessionEngine, clock: ManualClock) -> None:
    """The payload of new tokens is what the row holds, young or of age, promoted or not."""
    first = await sign_in(node, jwt_payload={"step": 0})
    handle = first.access_token.handle
    token = refresh_token_of(first)

    seen: list[dict[str, object]] = []
    for step, wait in enumerate([0, SETTLED, 0, SETTLED], start=1):
        await lifecycle.change_jwt_payload(node, handle, lambda _, step=step: {"step": step})
        clock.turn(wait)
        granted = await refresh(node, token)
        token = granted.issued.refresh_token or token
        seen.append(granted.access_token.jwt_payload())

    assert [{"step": 1}, {"step": 2}, {"step": 3}, {"step": 4}] == seen


async def test_rules_switched_off_for_tests_answer_as_the_contract_has_it(
    node: SessionEngine, clock: ManualClock
) -> None:
    """FDI lines 39 and 41 with `settle_ms=0` and `soft_window_ms=0`: each refresh rotates, reuse is theft at once."""
    strict = await start_node(node.db, clock, settle_ms=0, soft_window_ms=0)
    first = await sign_in(strict)

    child = await refresh(strict, refresh_token_of(first))
    await refresh(strict, refresh_token_of(child))

    with pytest.raises(TokenTheftDetected):
        await refresh(strict, refresh_token_of(first))


async def test_anti_csrf_token_is_demanded_kept_and_renewed(node: SessionEngine, clock: ManualClock) -> None:
    """FDI 4.7: it must match when checked, a young token keeps its own, and each new refresh token has a new one."""
    first = await sign_in(node, with_anti_csrf_token=True)
    own = first.issued.anti_csrf_token
    token = refresh_token_of(first)
    for wrong in (None, "", "wrong"):
        with pytest.raises(Unauthorised):
            await refresh(node, token, anti_csrf_token=wrong, check_anti_csrf=True)

    young = await refresh(node, token, anti_csrf_token=own, check_anti_csrf=True)
    clock.turn(SETTLED)
    child = await refresh(node, token, anti_csrf_token=own, check_anti_csrf=True)
    unchecked = await refresh(node, token)

    assert own == young.issued.anti_csrf_token
    anti_csrf_tokens = {own, child.issued.anti_csrf_token, unchecked.issued.anti_csrf_token}
    assert 3 == len(anti_csrf_tokens - {None})
    assert child.issued.anti_csrf_token == child.access_token.anti_csrf_token


async def test_session_without_anti_csrf_token_gets_one_when_the_mode_asks_for_it(
    node: SessionEngine, clock: ManualClock
) -> None:
    """FDI 4.7: a refresh token made before `VIA_TOKEN` was switched on is let through; nobody is locked out."""
    first = await sign_in(node)

    young = await refresh(node, refresh_token_of(first), check_anti_csrf=True)
    clock.turn(SETTLED)
    child = await refresh(node, refresh_token_of(first), check_anti_csrf=True)
    without = await refresh(node, refresh_token_of(first))

    for granted in (young, child):
        assert granted.issued.anti_csrf_token is not None
        assert granted.issued.anti_csrf_token == granted.access_token.anti_csrf_token
    assert without.issued.anti_csrf_token is None


async def test_tokens_of_another_app_or_tenant_are_unknown(node: SessionEngine, clock: ManualClock) -> None:
    """TN-2: the same secret and the same database, and still no token of one app opens in another."""
    other_app = await start_node(node.db, clock, app_id="other")
    first = await sign_in(node)
    clock.turn(SETTLED)

    with pytest.raises(Unauthorised):
        await refresh(other_app, refresh_token_of(first))

    assert peek(other_app, refresh_token_of(first)) is None
    assert await find_row(node.db, first.access_token.handle) is not None


async def test_access_tokens_prove_nothing(node: SessionEngine, clock: ManualClock) -> None:
    """Verifying an access token, with and without the database, never writes: only a refresh of age promotes."""
    first = await sign_in(node)
    child = await refresh_of_age(node, clock, refresh_token_of(first))
    before = await get_row(node.db, first.access_token.handle)

    token = await verify.verify_access_token(node, child.issued.access_token)
    await verify.check_database(node, token)

    assert before == await get_row(node.db, first.access_token.handle)
    assert (await refresh(node, refresh_token_of(first))).issued.refresh_token is not None
