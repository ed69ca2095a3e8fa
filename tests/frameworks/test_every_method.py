"""Routes that answer to every method, as those that hand requests on to another server do."""

from typing import Any

import pytest
from fastapi import Depends

from tests.frameworks.conftest import WEBSITE, Own, bearer
from watchword import SessionContainer
from watchword.frameworks.fastapi import verify_session

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def with_every_method(own: Own) -> None:
    """One route that needs a session, one where it is optional."""

    @own.app.api_route("/any/{rest:path}", methods=METHODS, dependencies=[Depends(verify_session(own.auth))])
    async def for_anybody(rest: str) -> dict[str, str]:
        return {"secret": rest}

    @own.app.api_route("/maybe", methods=METHODS)
    async def for_everybody(
        session: SessionContainer | None = Depends(verify_session(own.auth, session_required=False)),
    ) -> dict[str, Any]:
        return {"userId": None if session is None else session.user_id}


@pytest.mark.parametrize("method", METHODS)
async def test_no_method_gets_past_a_required_session(own: Own, method: str) -> None:
    """Attack: ask by OPTIONS or TRACE for what needs a session; official backends let those two through."""
    with_every_method(own)
    async with own.serve() as client:
        answer = await client.request(method, "/any/thing")
        assert 401 == answer.status_code
        assert b"secret" not in answer.content
        assert 200 == (await client.request(method, "/any/thing", headers=await bearer(client))).status_code
        assert 200 == (await client.request(method, "/maybe")).status_code


async def test_a_preflight_needs_no_session(own: Own) -> None:
    """A browser asks first, and carries nothing: it is answered before any route is."""
    with_every_method(own)
    async with own.serve() as client:
        asking = {"origin": WEBSITE, "access-control-request-method": "PUT"}
        assert 204 == (await client.options("/any/thing", headers=asking)).status_code
