"""`PROMOTE` writes exactly where `decide` says promote or heal: the statement and the rule are one."""

import contextlib
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sessions.nodes import columns_of, find_row, sign_in
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.sessions.engine import SessionEngine
from watchword.sessions.refresh import PROMOTE, Decision, decide, is_young
from watchword.sessions.refresh_tokens import RefreshToken, stored_hash
from watchword.sessions.stored import StoredSession

NOW_MS = 1_800_000_000_000
HANDLE = "the-session"

ages_ms = st.sampled_from([-1, 0, 1, 60_000, 60_001, 130_000, *[130_001, 131_000, 10**9] * 3])


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A row and a token out of one family tree, in which a token's generation is its parent's plus one.

    The parent of a root is a token that the tree does not know: the first of the session has none.
    """
    gens: list[int] = []
    parents: list[int | None] = []
    for _ in range(draw(st.integers(2, 7))):
        parent = draw(st.sampled_from([None, *range(len(gens))])) if gens else None
        parents.append(parent)
        gens.append(draw(st.integers(0, 4)) if parent is None else gens[parent] + 1)
    token = draw(st.integers(0, len(gens) - 1))
    parent = parents[token]
    current = draw(
        st.sampled_from([token, *range(len(gens)), *[parent] * 4] if parent is not None else range(len(gens)))
    )
    return {
        "hash1": f"token {token}",
        "parent_hash1": (f"unknown {token}" if gens[token] else None) if parent is None else f"token {parent}",
        "gen": gens[token],
        "ago_ms": draw(ages_ms),
        "cur": f"token {current}",
        "cur_gen": gens[current],
        "confirmed_ago_ms": draw(ages_ms),
        "expires_in_ms": draw(st.sampled_from([*[10**11] * 9, 10**6, 1, 0, -1])),
        "ends_in_ms": draw(st.sampled_from([*[None] * 9, 10**11, 10**6, 1, 0, -1])),
    }


SET_ROW = Statement("""
    update {sessions}
       set cur_hash = :cur_hash, cur_gen = :cur_gen, prev_hash = null, rotated_at_ms = null,
           confirmed_at_ms = :confirmed_at_ms, expires_at_ms = :expires_at_ms, ends_at_ms = :ends_at_ms
     where app_id = :app_id and handle = :handle
""")


class Undo(Exception):
    """Leaves the row as it was for the next example."""


@given(case=cases())
@settings(
    max_examples=300,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_statement_and_rule_agree(node: SessionEngine, case: dict[str, Any]) -> None:
    """For any row and any token of age: written if and only if R3 or R4, told apart by the hash that came back."""
    token = _token(case)
    if await find_row(node.db, HANDLE) is None:
        await sign_in(replace(node, ids=OneHandle()))
    seen: list[tuple[Decision, dict[str, Any], dict[str, Any] | None, dict[str, Any]]] = []

    async def body(tx: Transaction) -> None:
        await tx.execute(SET_ROW, app_id=node.app_id, handle=token.handle, **_columns(case))
        before = await find_row_in(tx, token.handle)
        decision = decide(StoredSession.from_row(before), token, NOW_MS, node.settings)
        promoted = None
        if not is_young(token, NOW_MS, node.settings):
            promoted = await tx.find(
                PROMOTE,
                app_id=node.app_id,
                tenant_id=token.tenant_id,
                handle=token.handle,
                hash=token.hash,
                parent_hash=token.parent_hash,
                gen=token.gen,
                now_ms=NOW_MS,
                new_expires_at_ms=NOW_MS + 10**10,
            )
        after = await find_row_in(tx, token.handle)
        seen.append((decision, before, None if promoted is None else {"prev": promoted["prev_hash"]}, after))
        raise Undo

    with contextlib.suppress(Undo):
        await node.db.write(body)
    decision, before, promoted, after = seen[-1]
    if decision not in (Decision.PROMOTE, Decision.HEAL):
        assert promoted is None
        assert before == after
        return
    assert promoted is not None
    assert (promoted["prev"] == token.parent_hash) == (decision is Decision.PROMOTE)
    expected = before | {
        "cur_hash": token.hash,
        "cur_gen": token.gen,
        "prev_hash": before["cur_hash"],
        "confirmed_at_ms": NOW_MS,
        "rotated_at_ms": NOW_MS,
        "expires_at_ms": max(
            before["expires_at_ms"],
            min(NOW_MS + 10**10, NOW_MS + 10**11 if before["ends_at_ms"] is None else before["ends_at_ms"]),
        ),
    }
    assert expected == after
    again = decide(StoredSession.from_row(after), token, NOW_MS, node.settings)
    assert Decision.AGAIN is again


def _columns(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "cur_hash": stored_hash(case["cur"]),
        "cur_gen": case["cur_gen"],
        "confirmed_at_ms": NOW_MS - case["confirmed_ago_ms"],
        "expires_at_ms": NOW_MS + case["expires_in_ms"],
        "ends_at_ms": None if case["ends_in_ms"] is None else NOW_MS + case["ends_in_ms"],
    }


def _token(case: dict[str, Any]) -> RefreshToken:
    return RefreshToken(
        text="",
        hash1=case["hash1"],
        parent_hash1=case["parent_hash1"],
        tenant_id="public",
        handle=HANDLE,
        user_id="ada",
        gen=case["gen"],
        iat_ms=NOW_MS - case["ago_ms"],
        anti_csrf_token=None,
    )


class OneHandle:
    """Ids that are no ids, so that every example finds the same session."""

    def user_id(self) -> str:
        """Not used."""
        return "ada"

    def session_handle(self) -> str:
        """Always the same one."""
        return HANDLE


FIND = Statement("select * from {sessions} where app_id = 'public' and handle = :handle")


async def find_row_in(tx: Transaction, handle: str) -> dict[str, Any]:
    """The row as the transaction sees it."""
    row = await tx.find(FIND, handle=handle)
    assert row is not None
    return columns_of(row)
