"""What a handler holds: both kinds of data, their changes, and the tokens that carry them. Source: FDI 4.12."""

import base64
import json
from typing import Any

import pytest

from tests.recipes.session.conftest import Wire
from tests.sessions.nodes import DAY, HOUR, MINUTE, SECOND, ManualClock
from watchword.errors import BadInput, InvalidPayload
from watchword.recipes.engine import Engine
from watchword.recipes.session.recipe import Session
from watchword.sessions.errors import TokenTheftDetected, TryAgain, TryRefreshToken, Unauthorised
from watchword.sessions.session import SessionContainer

SETTLED = 131 * SECOND


async def start(recipe: Session, user_id: str = "ada", **options: Any) -> SessionContainer:
    """A new session."""
    return await recipe.create_new_session(
        user_id,
        jwt_payload=options.pop("jwt_payload", {"role": "member"}),
        session_data=options.pop("session_data", {"first_seen": True}),
        **options,
    )


def refresh_token_of(session: SessionContainer) -> str:
    """The refresh token that a session must hand out."""
    assert session.issued is not None
    assert session.issued.refresh_token is not None
    return session.issued.refresh_token


def front_payload(session: SessionContainer) -> dict[str, Any]:
    """What the frontend sees."""
    assert session.issued is not None
    return json.loads(base64.b64decode(session.issued.front_token))["up"]


async def test_new_session_carries_both_kinds_of_data(recipe: Session, clock: ManualClock) -> None:
    """The seed: the payload is readable at once and on the frontend, the data in the database, under the handle."""
    session = await start(recipe, recipe_user_id="ada-1", tenant_id="t1")

    assert {"role": "member"} == session.jwt_payload
    assert {"first_seen": True} == await session.get_session_data()
    assert ("ada", "ada-1", "t1") == (session.user_id, session.recipe_user_id, session.tenant_id)
    assert session.access_token_payload == front_payload(session)
    assert ("https://api.example.com/auth", "member") == (
        session.access_token_payload["iss"],
        session.access_token_payload["role"],
    )
    assert (clock.now_ms(), clock.now_ms() + 100 * DAY) == (
        await session.get_time_created_ms(),
        await session.get_expiry_ms(),
    )
    assert not session.ended


async def test_defaults_are_empty(recipe: Session) -> None:
    """The seed: `{}` and `{}`."""
    session = await start(recipe, jwt_payload={}, session_data={})

    assert ({}, {}) == (session.jwt_payload, await session.get_session_data())


async def test_unknown_tenant_makes_no_session(recipe: Session) -> None:
    """A tenant is checked before anything is written."""
    with pytest.raises(BadInput):
        await start(recipe, tenant_id="unknown")

    assert [] == await recipe.list_session_handles_for_user("ada")


async def test_session_is_read_from_its_access_token_alone(recipe: Session) -> None:
    """No tokens to hand out, everything else as at creation."""
    started = await start(recipe)

    session = await recipe.get_session(started.access_token)

    assert session.issued is None
    assert (started.handle, started.jwt_payload, started.expires_at_ms) == (
        session.handle,
        session.jwt_payload,
        session.expires_at_ms,
    )


async def test_payload_is_replaced_and_merged_with_the_change_in_this_very_response(
    recipe: Session, clock: ManualClock
) -> None:
    """FDI 4.12: several changes, one token, the last; `None` removes a key; survives refresh."""
    session = await recipe.get_session((await start(recipe)).access_token)
    old = session.access_token
    clock.turn(5 * MINUTE)

    replaced = await session.update_jwt_payload({"theme": "dark", "n": 1})
    merged = await session.merge_into_jwt_payload({"n": None, "größe": 2})

    assert {"theme": "dark", "n": 1} == replaced
    assert {"theme": "dark", "größe": 2} == merged == session.jwt_payload
    assert session.issued is not None
    assert old != session.access_token == session.issued.access_token
    assert session.access_token_payload == front_payload(session)
    assert clock.now_ms() // 1000 == front_payload(session)["iat"]
    assert (None, None) == (session.issued.refresh_token, session.issued.anti_csrf_token)
    assert merged == (await recipe.get_session(session.access_token)).jwt_payload


async def test_changed_payload_survives_refresh(recipe: Session, clock: ManualClock) -> None:
    """Changed in a request, or by handle: the next refresh brings it, young or of age."""
    started = await start(recipe)
    await started.merge_into_jwt_payload({"in_request": 1})
    await recipe.merge_into_jwt_payload(started.handle, {"by_handle": 2})
    expected = {"role": "member", "in_request": 1, "by_handle": 2}
    token = refresh_token_of(started)

    assert expected == (await recipe.refresh_session(token)).jwt_payload
    clock.turn(SETTLED)
    refreshed = await recipe.refresh_session(token)
    assert expected == refreshed.jwt_payload
    assert started.handle == refreshed.handle


async def test_change_after_a_refresh_keeps_the_refresh_token_of_the_answer(
    recipe: Session, clock: ManualClock
) -> None:
    """One response carries both: the newest access token and the refresh token that the refresh earned."""
    started = await start(recipe, with_anti_csrf_token=True)
    clock.turn(SETTLED)
    session = await recipe.refresh_session(refresh_token_of(started))
    before = session.issued
    assert before is not None

    await session.merge_into_jwt_payload({"x": 1})

    after = session.issued
    assert after is not None
    assert before.access_token != after.access_token == session.access_token
    assert (before.refresh_token, before.refresh_token_expires_at_ms, before.anti_csrf_token) == (
        after.refresh_token,
        after.refresh_token_expires_at_ms,
        after.anti_csrf_token,
    )
    assert after.refresh_token is not None


async def test_change_after_the_access_token_expired_is_kept_but_sends_no_token(
    recipe: Session, clock: ManualClock
) -> None:
    """FDI 4.12: a slow handler; persisted, visible to the handler, and the client refreshes next anyway."""
    session = await recipe.get_session((await start(recipe)).access_token)
    clock.turn(HOUR)

    changed = await session.merge_into_jwt_payload({"x": 1})

    assert {"role": "member", "x": 1} == changed == session.jwt_payload
    assert session.issued is None
    assert changed == (await recipe.get_session_information(session.handle)).jwt_payload
    session.jwt_payload["x"] = 2
    assert {"role": "member", "x": 1} == session.jwt_payload


async def test_session_data_is_replaced_and_merged(recipe: Session) -> None:
    """Replace, shallow merge, `None` removes; no token is issued, as no token holds it."""
    session = await recipe.get_session((await start(recipe)).access_token)

    assert {"a": 1, "b": {"x": 1}} == await session.update_session_data({"a": 1, "b": {"x": 1}})
    assert {"b": {"y": 2}, "c": 3} == await session.merge_into_session_data({"a": None, "b": {"y": 2}, "c": 3})

    assert {"b": {"y": 2}, "c": 3} == await session.get_session_data()
    assert session.issued is None


@pytest.mark.parametrize("payload", [{"sub": "admin"}, {"iss": "x"}, {"x": {1}}, {"x": "x" * 4000}], ids=str)
async def test_refused_changes_change_nothing(recipe: Session, payload: dict[str, Any]) -> None:
    """Reserved name, not JSON, too large: the handler's session, the database and the response stay as they were."""
    session = await recipe.get_session((await start(recipe)).access_token)

    for change in (session.update_jwt_payload, session.merge_into_jwt_payload):
        with pytest.raises(InvalidPayload):
            await change(payload)

    assert {"role": "member"} == session.jwt_payload
    assert {"role": "member"} == (await recipe.get_session_information(session.handle)).jwt_payload
    assert session.issued is None


async def test_revoked_session_refuses_every_change(recipe: Session) -> None:
    """Line 47, FDI 4.12: reading and changing a session that has ended is 401 with clearing."""
    session = await recipe.get_session((await start(recipe)).access_token)
    await recipe.revoke_session(session.handle)

    calls = [
        session.get_session_data,
        lambda: session.update_session_data({}),
        lambda: session.merge_into_session_data({}),
        lambda: session.update_jwt_payload({}),
        lambda: session.merge_into_jwt_payload({}),
        session.get_time_created_ms,
        session.get_expiry_ms,
    ]
    for call in calls:
        with pytest.raises(Unauthorised) as refusal:
            await call()
        assert refusal.value.clear_tokens


async def test_revoking_ends_the_session_even_if_it_was_gone(recipe: Session) -> None:
    """FDI 4.12: the client's tokens are taken in any case; nothing new is handed out."""
    session = await recipe.get_session((await start(recipe)).access_token)
    await session.merge_into_jwt_payload({"x": 1})

    await session.revoke()
    assert (True, None) == (session.ended, session.issued)
    await session.revoke()

    with pytest.raises(Unauthorised):
        await recipe.get_session(session.access_token)


async def test_handler_cannot_change_anothers_payload_by_accident(recipe: Session) -> None:
    """Every request has copies: what one does to its payload, the next one does not see."""
    token = (await start(recipe, jwt_payload={"list": []})).access_token
    first = await recipe.get_session(token)
    first.jwt_payload["list"].append("mine")
    first.access_token_payload["sub"] = "admin"

    second = await recipe.get_session(token)

    assert {"list": []} == first.jwt_payload == second.jwt_payload
    assert "ada" == second.access_token_payload["sub"]


async def test_repr_shows_no_secret(recipe: Session) -> None:
    """LG-1: a session in a log line."""
    session = await start(recipe, session_data={"x": "canary"}, with_anti_csrf_token=True)

    shown = repr(session) + repr(session.issued)
    assert session.issued is not None
    for secret in (session.access_token, refresh_token_of(session), session.issued.anti_csrf_token, "canary"):
        assert str(secret) not in shown
    assert session.handle in shown


async def test_anti_csrf_token_is_checked_when_asked(recipe: Session) -> None:
    """FDI 4.7: a cookie session in `VIA_TOKEN`; the face says when."""
    started = await start(recipe, with_anti_csrf_token=True)
    assert started.issued is not None
    own = started.issued.anti_csrf_token

    await recipe.get_session(started.access_token, anti_csrf_token=own, check_anti_csrf=True)
    with pytest.raises(TryRefreshToken):
        await recipe.get_session(started.access_token, check_anti_csrf=True)
    assert own is not None
    changed = await started.merge_into_jwt_payload({"x": 1})
    assert {"role": "member", "x": 1} == changed
    await recipe.get_session(started.access_token, anti_csrf_token=own, check_anti_csrf=True)


async def test_routes_may_ask_the_database(engine: Engine, wire: Wire) -> None:
    """Line 43: revoked by another process, a token verifies until it expires, except where the database is asked."""
    here = await wire(Session(signing_key_algorithm="EdDSA"))
    elsewhere = await wire(Session(signing_key_algorithm="EdDSA"))
    token = (await start(here)).access_token
    handle = (await here.get_session(token, check_database=True)).handle
    await elsewhere.revoke_session(handle)

    assert handle == (await here.get_session(token)).handle
    with pytest.raises(Unauthorised):
        await here.get_session(token, check_database=True)


async def test_refresh_tells_young_again_and_theft(recipe: Session, clock: ManualClock) -> None:
    """The rules of refreshing, through the recipe: what the face answers is decided there."""
    started = await start(recipe)
    young = await recipe.refresh_session(refresh_token_of(started))
    assert young.issued is not None
    assert young.issued.refresh_token is None
    clock.turn(SETTLED)
    child = await recipe.refresh_session(refresh_token_of(started))
    clock.turn(SETTLED)
    await recipe.refresh_session(refresh_token_of(child))

    with pytest.raises(TryAgain):
        await recipe.refresh_session(refresh_token_of(started))
    clock.turn(61 * SECOND)
    with pytest.raises(TokenTheftDetected):
        await recipe.refresh_session(refresh_token_of(started))


async def test_face_can_look_at_tokens_without_believing_them(recipe: Session, clock: ManualClock) -> None:
    """Candidates by shape, sessions to replace and front tokens by signature, refresh tokens by their seal."""
    started = await start(recipe)
    refresh_token = refresh_token_of(started)
    clock.turn(2 * HOUR)

    parsed, peeked = recipe.parse_access_token(started.access_token), recipe.peek_refresh_token(refresh_token)
    assert parsed is not None
    assert peeked is not None
    assert (started.handle, 0) == (parsed.handle, peeked.gen)
    assert started.handle == recipe.find_session_to_replace(started.access_token, started.user_id)
    assert recipe.find_session_to_replace(started.access_token, "eve") is None  # found in a log, it ends nothing
    assert started.issued is not None
    assert started.issued.front_token == recipe.find_front_token(started.access_token)
    forged = started.access_token[:-8] + "AAAAAAAA"
    assert recipe.parse_access_token(forged) is not None
    assert recipe.find_session_to_replace(forged, "ada") is recipe.find_front_token(forged) is None
    assert recipe.parse_access_token(refresh_token) is recipe.peek_refresh_token(started.access_token) is None
