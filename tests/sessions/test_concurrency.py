"""Two nodes on one database, at the same moment. Source: security 4.4, 5 (F-16), I7, I8, I11."""

import asyncio
import os
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from tests.sessions.nodes import ManualClock, find_row, get_row, refresh_token_of, sign_in
from tests.sessions.simulation import Simulation
from watchword.sessions import information, lifecycle, revoke, verify
from watchword.sessions.engine import GrantedTokens, SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain, TryRefreshToken, Unauthorised
from watchword.sessions.payloads import merge
from watchword.sessions.refresh import refresh

pytestmark = pytest.mark.behind_pgbouncer

SETTLED_MS = 131_000
#: `WATCHWORD_TEST_EFFORT` multiplies how many there are.
ROUNDS = 25 * int(os.environ.get("WATCHWORD_TEST_EFFORT", "1"))
ResultT = TypeVar("ResultT")


async def together(*calls: Awaitable[ResultT]) -> list[ResultT | BaseException]:
    """Release all calls from one barrier; errors are results."""
    barrier = asyncio.Barrier(len(calls))

    async def one(call: Awaitable[ResultT]) -> ResultT:
        await barrier.wait()
        return await call

    return await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)


async def test_two_nodes_with_one_token_act_as_one(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """F-16: the row is written once, and the children of both answers are usable."""
    first = await sign_in(node)
    handle, token = first.access_token.handle, refresh_token_of(first)
    for generation in range(ROUNDS):
        clock.turn(SETTLED_MS)
        answers = await together(refresh(node, token), refresh(other_node, token))

        granted = [answer for answer in answers if isinstance(answer, GrantedTokens)]
        assert 2 == len(granted), answers
        row = await get_row(node.db, handle)
        assert generation == row["cur_gen"]
        assert (clock.now_ms() if generation else None) == row["rotated_at_ms"]
        children = [refresh_token_of(answer) for answer in granted]
        assert 2 == len(set(children))
        for child in children:
            assert (await refresh(node, child)).issued.refresh_token is None  # young, and acceptable
        token = children[generation % 2]


async def test_siblings_that_race_leave_one_branch(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """Two children of one token, of age, at two nodes at once: one is promoted, the other refused softly, no theft."""
    for _ in range(ROUNDS):
        first = await sign_in(node)
        clock.turn(SETTLED_MS)
        children = [refresh_token_of(await refresh(node, refresh_token_of(first))) for _ in range(2)]
        clock.turn(SETTLED_MS)

        answers = await together(refresh(node, children[0]), refresh(other_node, children[1]))

        kinds = {GrantedTokens, TryAgain}
        assert kinds == {type(answer) for answer in answers}
        assert 1 == (await get_row(node.db, first.access_token.handle))["cur_gen"]


async def test_refresh_and_revocation_at_once_leave_nothing_alive(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """I7: whichever comes first, the row is gone, and tokens answered meanwhile die on either node."""
    for promotes in [True, False] * (ROUNDS // 2):
        first = await sign_in(node)
        handle, token = first.access_token.handle, refresh_token_of(first)
        clock.turn(SETTLED_MS)
        if promotes:
            token = refresh_token_of(await refresh(node, token))
            clock.turn(SETTLED_MS)

        answer, _ = await together(refresh(node, token), revoke.revoke_sessions(other_node, [handle]))

        assert await find_row(node.db, handle) is None
        if not isinstance(answer, GrantedTokens):
            assert isinstance(answer, Unauthorised)
            continue
        with pytest.raises(Unauthorised):
            await refresh(node, answer.issued.refresh_token or token)
        with pytest.raises(Unauthorised):
            await verify.check_database(node, answer.access_token)
        with pytest.raises((Unauthorised, TryRefreshToken)):
            await verify.verify_access_token(other_node, answer.issued.access_token)


async def test_theft_and_promotion_at_once_never_end_a_session_that_was_just_proved(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """R6 deletes the row only as it was read: an old token that races the promotion of a new one is soft or theft.

    After theft the row is gone; otherwise it is the promoted one. There is nothing in between.
    """
    for _ in range(ROUNDS):
        simulation = await Simulation.begin(clock, [node, other_node])
        tokens = [simulation.jar]
        for _ in range(2):
            clock.turn(SETTLED_MS)
            tokens.append(refresh_token_of(await refresh(node, tokens[-1])))
        clock.turn(SETTLED_MS)

        old, new = await together(refresh(node, tokens[0]), refresh(other_node, tokens[2]))

        row = await find_row(node.db, simulation.handle)
        if isinstance(old, TokenTheftDetected):
            assert row is None
        else:
            assert isinstance(old, TryAgain)
            assert isinstance(new, GrantedTokens)
            assert row is not None
            assert 2 == row["cur_gen"]


async def test_merges_from_two_nodes_all_survive_refreshes_too(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """I8, SE-9: forty merges of both kinds of data and refreshes at once; every key is there at the end."""
    first = await sign_in(node, jwt_payload={"kept": 0}, session_data={"kept": 0})
    handle, token = first.access_token.handle, refresh_token_of(first)
    clock.turn(SETTLED_MS)
    token = refresh_token_of(await refresh(node, token))
    clock.turn(SETTLED_MS)
    nodes = [node, other_node]

    def adding(key: str) -> lifecycle.Change:
        return lambda stored: merge(stored, {key: 1})

    calls: list[Awaitable[object]] = []
    for i in range(20):
        calls.append(lifecycle.change_session_data(nodes[i % 2], handle, adding(f"d{i}")))
        calls.append(lifecycle.change_jwt_payload(nodes[i % 2], handle, adding(f"p{i}")))
    calls += [refresh(node, token), refresh(other_node, token)]
    answers = await together(*calls)

    assert [] == [answer for answer in answers if isinstance(answer, BaseException)]
    stored = await information.find_session_information(node, handle)
    assert stored is not None
    assert {"kept": 0} | {f"d{i}": 1 for i in range(20)} == stored.session_data
    assert {"kept": 0} | {f"p{i}": 1 for i in range(20)} == stored.jwt_payload
    row = await get_row(node.db, handle)
    assert (20, 1) == (row["payload_version"], row["cur_gen"])


async def test_revoking_many_from_two_nodes_does_not_deadlock(node: SessionEngine, other_node: SessionEngine) -> None:
    """Two nodes end the same sessions in opposite order: each session is ended once, by one of them."""
    handles = [(await sign_in(node)).access_token.handle for _ in range(10)]

    answers = await together(
        revoke.revoke_sessions(node, handles),
        revoke.revoke_sessions(other_node, handles[::-1]),
        revoke.revoke_all_sessions_for_user(node, "ada", None),
    )

    ended = [handle for answer in answers if isinstance(answer, list) for handle in answer]
    assert sorted(handles) == sorted(ended)
