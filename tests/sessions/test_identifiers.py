"""Handles and user ids that come from outside, through an application's own pages."""

import pytest

from tests.sessions.nodes import sign_in
from watchword.sessions import information, lifecycle, revoke
from watchword.sessions.engine import SessionEngine

UNSTORABLE = ["nul\0inside", "\0", "lone \ud800 surrogate"]


@pytest.mark.parametrize("text", UNSTORABLE)
async def test_a_text_that_no_database_can_hold_names_nothing(node: SessionEngine, text: str) -> None:
    """Attack: ask an application's page for the session `x%00y`.

    PostgreSQL refuses such a text, which was a server error there, and nothing found on SQLite. It is
    nothing found on both, for every function that takes a handle or a user id.
    """
    kept = (await sign_in(node)).access_token.handle
    assert await information.find_session_information(node, text) is None
    assert await lifecycle.change_jwt_payload(node, text, lambda stored: stored) is None
    assert await lifecycle.change_session_data(node, text, lambda stored: stored) is None
    assert [] == await revoke.revoke_sessions(node, [text])
    assert [] == await revoke.revoke_all_sessions_for_user(node, text, None)
    assert [] == await revoke.revoke_all_sessions_for_user(node, "ada", text)
    assert [] == await information.list_session_handles(node, text, None)
    assert [] == await information.list_session_handles(node, "ada", text)
    assert [kept] == await information.list_session_handles(node, "ada", None)


async def test_it_does_not_keep_others_from_being_revoked(node: SessionEngine) -> None:
    """A list of handles with one such text among them ends all the others."""
    handle = (await sign_in(node)).access_token.handle
    assert [handle] == await revoke.revoke_sessions(node, [*UNSTORABLE, handle])
    assert [] == await information.list_session_handles(node, "ada", None)
