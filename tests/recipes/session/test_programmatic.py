"""`auth.sessions`: the same reads and writes without a request, by handle."""

import pytest

from tests.sessions.nodes import DAY, ManualClock
from watchword.errors import BadInput, InvalidPayload
from watchword.recipes.session.programmatic import Sessions
from watchword.recipes.session.recipe import Session
from watchword.sessions.errors import SessionNotFound


async def test_session_made_without_a_request_returns_its_tokens(sessions: Sessions, recipe: Session) -> None:
    """For people who signed in by other means: any text is a user id, both kinds of data default to `{}`."""
    session = await sessions.create("someone@elsewhere", tenant_id="t1")

    assert session.issued is not None
    assert session.issued.refresh_token is not None
    assert ({}, {}) == (session.jwt_payload, await sessions.get_session_data(session.handle))
    assert session.handle == (await recipe.get_session(session.issued.access_token)).handle
    with pytest.raises(BadInput):
        await sessions.create("x", tenant_id="unknown")
    with pytest.raises(InvalidPayload):
        await sessions.create("x", jwt_payload={"sub": "y"})


async def test_both_kinds_of_data_by_handle(sessions: Sessions, clock: ManualClock) -> None:
    """Get, replace and merge; each answers what is stored now."""
    session = await sessions.create("ada", jwt_payload={"a": 1}, session_data={"b": 1}, recipe_user_id="ada-1")
    handle = session.handle

    assert {"a": 2} == await sessions.update_jwt_payload(handle, {"a": 2})
    assert {"a": 2, "c": 3} == await sessions.merge_into_jwt_payload(handle, {"c": 3})
    assert {"b": 2} == await sessions.update_session_data(handle, {"b": 2})
    assert {"d": 4} == await sessions.merge_into_session_data(handle, {"d": 4, "b": None})

    information = await sessions.get(handle)
    assert information == await sessions.find(handle)
    assert ({"a": 2, "c": 3}, {"d": 4}) == (information.jwt_payload, information.session_data)
    assert ("ada", "ada-1", "public", clock.now_ms(), clock.now_ms() + 100 * DAY) == (
        information.user_id,
        information.recipe_user_id,
        information.tenant_id,
        information.time_created_ms,
        information.expires_at_ms,
    )
    assert {"a": 1} == session.jwt_payload  # the token is what it was; its owner sees the change at the next refresh


async def test_sessions_are_listed_and_ended(sessions: Sessions) -> None:
    """One, many, all of a user, in one tenant or in all."""
    handles = [(await sessions.create("ada", tenant_id=tenant_id)).handle for tenant_id in ("public", "t1", "t1")]

    assert set(handles) == set(await sessions.list_handles("ada"))
    assert set(handles[1:]) == set(await sessions.list_handles("ada", tenant_id="t1"))
    assert [True, False] == [await sessions.revoke(handles[0]), await sessions.revoke(handles[0])]
    assert [handles[1]] == await sessions.revoke_many([handles[0], handles[1]])
    assert [handles[2]] == await sessions.revoke_all("ada")
    assert [] == await sessions.list_handles("ada")


async def test_unknown_handle_is_no_reason_to_sign_the_caller_out(sessions: Sessions) -> None:
    """An administrator's page looks at a session that has ended meanwhile: an error, but not `Unauthorised`."""
    handle = (await sessions.create("ada")).handle
    await sessions.revoke(handle)

    assert await sessions.find(handle) is None
    for call in (
        sessions.get(handle),
        sessions.get_session_data(handle),
        sessions.update_session_data(handle, {}),
        sessions.merge_into_session_data(handle, {}),
        sessions.update_jwt_payload(handle, {}),
        sessions.merge_into_jwt_payload(handle, {}),
    ):
        with pytest.raises(SessionNotFound):
            await call
