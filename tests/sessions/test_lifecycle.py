"""Sessions made, read, changed and ended, on both databases; nothing half-written. Source: SE-7, SE-8, SE-9."""

import json
import logging
from typing import Any

import pytest

from tests.sessions.nodes import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    ManualClock,
    columns_of,
    find_row,
    get_row,
    refresh_token_of,
    sign_in,
    start_node,
)
from watchword.database.statements import Statement
from watchword.errors import BadInput, InvalidPayload
from watchword.sessions import information, lifecycle, revoke, verify
from watchword.sessions.engine import SessionEngine
from watchword.sessions.payloads import merge
from watchword.sessions.refresh import refresh
from watchword.sessions.refresh_tokens import stored_hash

COUNT = Statement("select count(*) as number from {sessions}")


async def count(node: SessionEngine) -> int:
    """How many sessions are stored."""
    row = await node.db.find(COUNT)
    assert row is not None
    return row["number"]


async def test_new_session_is_stored_with_its_first_token(node: SessionEngine, clock: ManualClock) -> None:
    """One row; the token itself only as a hash; idle and absolute life from now; the answer carries everything."""
    granted = await sign_in(
        node, "ada", jwt_payload={"role": "member"}, session_data={"ip": "::1"}, with_anti_csrf_token=True
    )

    now_ms = clock.now_ms()
    row = await get_row(node.db, granted.access_token.handle)
    assert {
        "app_id": "public",
        "tenant_id": "public",
        "user_id": "ada",
        "recipe_user_id": "ada",
        "cur_hash": stored_hash(granted.access_token.refresh_token_hash1),
        "cur_gen": 0,
        "prev_hash": None,
        "confirmed_at_ms": now_ms,
        "rotated_at_ms": None,
        "created_at_ms": now_ms,
        "expires_at_ms": now_ms + 100 * DAY,
        "ends_at_ms": now_ms + 365 * DAY,
        "jwt_payload": '{"role":"member"}',
        "payload_version": 0,
        "session_data": '{"ip":"::1"}',
    } == {name: value for name, value in row.items() if name != "handle"}
    issued = granted.issued
    assert issued.access_token == granted.access_token.text
    assert (now_ms + HOUR) // 1000 * 1000 == issued.access_token_expires_at_ms
    assert now_ms + 100 * DAY == issued.refresh_token_expires_at_ms
    assert issued.anti_csrf_token == granted.access_token.anti_csrf_token is not None


async def test_access_token_never_outlives_its_session(node: SessionEngine, clock: ManualClock) -> None:
    """A session that ends in ten minutes has access tokens of ten minutes."""
    short = await start_node(node.db, clock, absolute_life_ms=10 * MINUTE)

    granted = await sign_in(short)

    assert (clock.now_ms() + 10 * MINUTE) // 1000 * 1000 == granted.access_token.expires_at_ms


@pytest.mark.parametrize("user_id", ["", "a\x00b", "\ud800", "u" * 4000], ids=["empty", "NUL", "surrogate", "too long"])
async def test_user_ids_that_cannot_be_are_refused(node: SessionEngine, user_id: str) -> None:
    """Clients take an empty one for none, PostgreSQL has no NUL, UTF-8 no lone surrogate, cookies no room."""
    with pytest.raises(BadInput):
        await sign_in(node, user_id)

    assert 0 == await count(node)


@pytest.mark.parametrize("user_id", ["1", "auth0|5f7c8ec7c33c6c004bbafe82", "Æ ß 𝄞", "a b'\"\\", "/../"])
async def test_any_other_text_is_a_user_id(node: SessionEngine, clock: ManualClock, user_id: str) -> None:
    """People signed in by other means: the id comes back as it was, in tokens, database and lists."""
    granted = await sign_in(node, user_id)
    clock.turn(131 * SECOND)

    child = await refresh(node, refresh_token_of(granted))

    assert user_id == child.access_token.user_id == granted.access_token.payload()["sub"]
    assert [granted.access_token.handle] == await information.list_session_handles(node, user_id, None)


CANNOT_BE_JSON: list[tuple[str, Any]] = [
    ("not a number", float("nan")),
    ("infinite", float("inf")),
    ("bytes", b"x"),
    ("a set", {1}),
    ("an object", object()),
    ("a huge number", 2**64),
    ("a lone surrogate", "\udfff"),
    ("a number as key", {1: 2}),
]


@pytest.mark.parametrize("value", [value for _, value in CANNOT_BE_JSON], ids=[name for name, _ in CANNOT_BE_JSON])
async def test_what_json_cannot_hold_is_refused_before_anything_is_written(node: SessionEngine, value: Any) -> None:
    """Both kinds of data, named by field; there is no session afterwards."""
    with pytest.raises(InvalidPayload) as of_payload:
        await sign_in(node, jwt_payload={"x": value})
    with pytest.raises(InvalidPayload) as of_data:
        await sign_in(node, session_data={"x": value})

    assert ("jwt_payload", "session_data") == (of_payload.value.field, of_data.value.field)
    assert 0 == await count(node)


RESERVED = [
    "sub",
    "iat",
    "exp",
    "iss",
    "aud",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
    "tId",
    "rsub",
    "stt",
]


@pytest.mark.parametrize("name", RESERVED)
async def test_reserved_claims_are_refused_by_name(node: SessionEngine, name: str) -> None:
    """SE-7: nobody signs in as somebody else through a hook; session data may use any name."""
    with pytest.raises(InvalidPayload, match=f"'{name}' is a reserved claim"):
        await sign_in(node, jwt_payload={name: "forged"})

    assert 0 == await count(node)
    await sign_in(node, session_data={name: "fine"})


async def test_sizes_are_checked_before_anything_is_written(node: SessionEngine, clock: ManualClock) -> None:
    """A payload over the cookie's limit and data over the setting: refused at creation, at replacing, at merging."""
    small = await start_node(node.db, clock, max_session_data_bytes=100)
    with pytest.raises(InvalidPayload, match="cookie would have"):
        await sign_in(small, jwt_payload={"x": "x" * 4000})
    with pytest.raises(InvalidPayload, match="session_data"):
        await sign_in(small, session_data={"x": "x" * 100})
    assert 0 == await count(node)

    handle = (await sign_in(small, jwt_payload={"x": "x" * 2000}, session_data={"x": "x" * 80})).access_token.handle
    before = await get_row(node.db, handle)
    with pytest.raises(InvalidPayload, match="'x'"):
        await lifecycle.change_jwt_payload(small, handle, lambda stored: merge(stored, {"y": "y" * 2000}))
    with pytest.raises(InvalidPayload, match="session_data"):
        await lifecycle.change_session_data(small, handle, lambda stored: merge(stored, {"y": "y" * 80}))
    assert before == await get_row(node.db, handle)


async def test_payload_changes_count_and_leave_the_rest_alone(node: SessionEngine) -> None:
    """Each change of the payload counts up its version; neither kind of data touches the other or the token columns."""
    handle = (await sign_in(node, jwt_payload={"a": 1}, session_data={"b": 1})).access_token.handle
    before = await get_row(node.db, handle)

    assert {"c": 2} == await lifecycle.change_jwt_payload(node, handle, lambda _: {"c": 2})
    assert {"b": 1, "d": None} == await lifecycle.change_session_data(node, handle, lambda d: d | {"d": None})

    expected = {"jwt_payload": '{"c":2}', "payload_version": 1, "session_data": '{"b":1,"d":null}'}
    assert before | expected == await get_row(node.db, handle)


async def test_reading_a_session_by_handle(node: SessionEngine, clock: ManualClock) -> None:
    """Everything about it, and nothing once it has ended, by time or by revocation."""
    granted = await sign_in(node, jwt_payload={"a": [1, {"b": None}]}, session_data={"ß": 1.5})
    handle = granted.access_token.handle

    stored = await information.find_session_information(node, handle)

    assert stored is not None
    assert ({"a": [1, {"b": None}]}, {"ß": 1.5}) == (stored.jwt_payload, stored.session_data)
    assert (clock.now_ms(), clock.now_ms() + 100 * DAY) == (stored.time_created_ms, stored.expires_at_ms)
    assert "1.5" not in repr(stored)
    assert await information.find_session_information(node, "unknown") is None
    clock.turn(100 * DAY)
    assert await information.find_session_information(node, handle) is None
    assert await lifecycle.change_session_data(node, handle, lambda stored: stored) is None
    assert await lifecycle.change_jwt_payload(node, handle, lambda stored: stored) is None
    assert [] == await information.list_session_handles(node, "ada", None)


async def test_sessions_of_a_user_are_listed_and_ended_by_tenant_or_all(
    node: SessionEngine, clock: ManualClock
) -> None:
    """SE-6, TN-2: newest first; one tenant or all; other users and other apps stay signed in."""
    other_app = await start_node(node.db, clock, app_id="other")
    kept = [await sign_in(node, "grace"), await sign_in(other_app, "ada")]
    handles = list[str]()
    for tenant_id in ("t1", "t1", "t2", "t3"):
        handles.append((await sign_in(node, "ada", tenant_id=tenant_id)).access_token.handle)
        clock.turn(1)

    assert handles[::-1] == await information.list_session_handles(node, "ada", None)
    assert handles[1::-1] == await information.list_session_handles(node, "ada", "t1")

    assert set(handles[:2]) == set(await revoke.revoke_all_sessions_for_user(node, "ada", "t1"))
    assert handles[:1:-1] == await information.list_session_handles(node, "ada", None)
    assert [handles[2]] == await revoke.revoke_sessions(node, [handles[2], "unknown", handles[0]])
    assert [handles[3]] == await revoke.revoke_all_sessions_for_user(node, "ada", None)
    assert [] == await revoke.revoke_all_sessions_for_user(node, "ada", None)

    assert await find_row(node.db, kept[0].access_token.handle) is not None
    assert await find_row(node.db, kept[1].access_token.handle, "other") is not None


async def test_handles_of_another_app_are_unknown(node: SessionEngine, clock: ManualClock) -> None:
    """TN-2: reading, changing and ending across apps finds nothing."""
    other_app = await start_node(node.db, clock, app_id="other")
    handle = (await sign_in(node)).access_token.handle
    before = await get_row(node.db, handle)

    assert await information.find_session_information(other_app, handle) is None
    assert await lifecycle.change_jwt_payload(other_app, handle, lambda _: {"x": 1}) is None
    assert await lifecycle.change_session_data(other_app, handle, lambda _: {"x": 1}) is None
    assert [] == await revoke.revoke_sessions(other_app, [handle])
    assert before == await get_row(node.db, handle)


async def test_token_with_a_changed_payload_is_the_same_token_otherwise(
    node: SessionEngine, clock: ManualClock
) -> None:
    """FDI 4.12, line 46: new `iat`, everything else as it was."""
    old = (await sign_in(node, jwt_payload={"a": 1}, with_anti_csrf_token=True)).access_token
    clock.turn(5 * MINUTE)

    new = await lifecycle.reissue_access_token(node, old, {"b": 2})

    before, after = old.payload(), new.payload()
    assert clock.now_ms() // 1000 == after.pop("iat") != before.pop("iat")
    assert (1, 2) == (before.pop("a"), after.pop("b"))
    assert before == after
    assert (old.gen, old.expires_at_ms) == (new.gen, new.expires_at_ms)
    assert new == await verify.verify_access_token(node, new.text)


async def test_session_data_never_leaves_the_server(
    node: SessionEngine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """SE-8, the canary: marked session data is in no token, no front token, no error, no repr and no log line."""
    canary = "canary-0123456789"
    with caplog.at_level(logging.DEBUG):
        first = await sign_in(node, session_data={"secret": canary})
        handle = first.access_token.handle
        clock.turn(131 * SECOND)
        child = await refresh(node, refresh_token_of(first))
        await lifecycle.change_session_data(node, handle, lambda stored: merge(stored, {"more": canary}))
        reissued = await lifecycle.reissue_access_token(node, child.access_token, {"x": 1})
        with pytest.raises(InvalidPayload) as refusal:
            await sign_in(node, session_data={"secret": canary, "bad": b"canary-0123456789"})
        stored = await information.find_session_information(node, handle)

    told = [
        json.dumps([token.payload(), token.text, token.front_token()])
        for token in (first.access_token, child.access_token, reissued)
    ]
    told += [repr(first), repr(child), repr(stored), str(refusal.value), caplog.text]
    assert [] == [text for text in told if canary in text]
    row = await find_row(node.db, handle)
    assert row is not None
    assert 2 == columns_of(row)["session_data"].count(canary)
