"""However often one request asks for its session, there is one of it, and the response tells its last state."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Body, Depends, Request

from tests.frameworks.conftest import Own, bearer, make_own
from watchword import SessionContainer
from watchword.frameworks.fastapi import create_session, verify_session
from watchword.recipes import Session
from watchword.recipes.user_context import UserContext
from watchword.sessions.access_tokens import AccessTokenInfo


def payload_in_front_token(text: str) -> dict[str, Any]:
    """What the front end sees."""
    return json.loads(base64.b64decode(text))["up"]


def with_two_dependencies(own: Own) -> None:
    """A route that asks for the session, and for a user by a dependency that asks for it again, as people write it."""

    async def current_user(session: SessionContainer = Depends(verify_session(own.auth, check_database=True))) -> str:
        await session.merge_into_jwt_payload({"seen": True})
        return session.user_id

    @own.app.post("/promote")
    async def promote(
        session: SessionContainer = Depends(verify_session(own.auth)), user: str = Depends(current_user)
    ) -> dict[str, Any]:
        await session.merge_into_jwt_payload({"role": user})
        return session.jwt_payload

    @own.app.post("/leave")
    async def leave(
        session: SessionContainer = Depends(verify_session(own.auth)), user: str = Depends(current_user)
    ) -> dict[str, Any]:
        await session.revoke()
        return {"left": user}


async def test_what_a_handler_changes_reaches_the_client_also_when_a_dependency_asked_for_the_session_too(
    own: Own,
) -> None:
    """Attack: none is needed, two dependencies do. The second verification used to put its own object on the response.

    Then the handler's change of the payload was stored, and the client was told nothing of it.
    """
    with_two_dependencies(own)
    async with own.serve() as client:
        answer = await client.post("/promote", headers=await bearer(client))
        assert {"seen": True, "role": "ada"} == answer.json()
        shown = payload_in_front_token(answer.headers["front-token"])
        assert (True, "ada") == (shown["seen"], shown["role"])


async def test_a_session_that_a_handler_ends_is_taken_from_the_client_also_when_a_dependency_asked_for_it_too(
    own: Own,
) -> None:
    """Attack: use the tokens that a person left in a browser after signing out at an application's own route."""
    with_two_dependencies(own)
    async with own.serve() as client:
        answer = await client.post("/leave", headers=await bearer(client))
        assert ("remove", "", "") == tuple(
            answer.headers[name] for name in ("front-token", "st-access-token", "st-refresh-token")
        )


async def test_a_second_session_of_one_request_replaces_the_first(own: Own) -> None:
    """Attack: collect sessions that nobody can sign out of, as no client ever got their tokens."""

    @own.app.post("/twice")
    async def twice(request: Request) -> dict[str, Any]:
        for user_id in ("first", "second"):
            session = await create_session(own.auth, request, user_id=user_id)
        return {"handle": session.handle}

    async with own.serve() as client:
        answer = await client.post("/twice")
        assert [answer.json()["handle"]] == await own.auth.sessions.list_handles("second")
        assert [] == await own.auth.sessions.list_handles("first")


class HoldsTheFirstBack(Session):
    """Signs the token of the first change only when a second one was signed, or gives up waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.second = asyncio.Event()

    async def reissue_access_token(self, token: AccessTokenInfo, jwt_payload: Mapping[str, Any]) -> AccessTokenInfo:
        self.asked += 1
        if self.asked == 1:
            await asyncio.wait([asyncio.ensure_future(self.second.wait())], timeout=0.2)
        signed = await super().reissue_access_token(token, jwt_payload)
        self.second.set()
        return signed


async def test_of_two_changes_at_once_the_token_holds_both(sqlite_url: str) -> None:
    """Attack: get a role taken away and something else changed in one request, and keep the role in the token.

    Signing may wait, for a key that is being looked up. The first change, signed last, used to win in the
    token, although the database had both.
    """
    own = make_own(sqlite_url, HoldsTheFirstBack())

    @own.app.post("/both")
    async def both(session: SessionContainer = Depends(verify_session(own.auth))) -> dict[str, Any]:
        await asyncio.gather(
            session.merge_into_jwt_payload({"visits": 1}), session.merge_into_jwt_payload({"role": None})
        )
        return session.jwt_payload

    async with own.serve() as client:
        answer = await client.post("/both", headers=await bearer(client, role="admin"))
        assert {"visits": 1} == answer.json()
        assert "role" not in payload_in_front_token(answer.headers["front-token"])


class RemembersContext(Session):
    """Notes which user context its functions were given."""

    contexts: list[UserContext]

    async def merge_into_jwt_payload(
        self, handle: str, changes: Mapping[str, Any], *, user_context: UserContext | None = None
    ) -> dict[str, Any]:
        self.contexts = [*getattr(self, "contexts", []), user_context or {}]
        return await super().merge_into_jwt_payload(handle, changes, user_context=user_context)


async def test_functions_called_by_a_requests_session_are_given_its_context(sqlite_url: str) -> None:
    """An override that decides by the request, by its address or a header, sees the request of this session."""
    recipe = RemembersContext()
    own = make_own(sqlite_url, recipe)

    @own.app.post("/change")
    async def change(
        payload: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(own.auth))
    ) -> dict[str, Any]:
        return await session.merge_into_jwt_payload(payload)

    async with own.serve() as client:
        headers = await bearer(client) | {"x-from": "here"}
        assert {"a": 1} == (await client.post("/change", json={"a": 1}, headers=headers)).json()
        (context,) = recipe.contexts
        assert "here" == context["request"].header("x-from")
