"""Applications mounted in one that has Watchword: their sessions are checked, and refused, as anywhere else."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Host, Mount

from tests.frameworks.conftest import Own, assert_readable, bearer
from watchword import SessionContainer
from watchword.errors import WatchwordError
from watchword.frameworks.fastapi import verify_session


def inner_app(own: Own) -> FastAPI:
    """An application with one route that needs a session, and its own answer to whatever else goes wrong."""
    inner = FastAPI()

    @inner.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> dict[str, Any]:
        return {"userId": session.user_id, "data": await session.get_session_data()}

    @inner.exception_handler(Exception)
    async def answer_anything(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"own": type(error).__name__}, status_code=500)

    return inner


WAYS: dict[str, Callable[[FastAPI, FastAPI], Any]] = {
    "mounted": lambda app, inner: app.mount("/v1", inner),
    "mounted in a mounted one": lambda app, inner: app.mount("", Starlette(routes=[Mount("/v1", inner)])),
    "below routes": lambda app, inner: app.router.routes.append(Mount("", routes=[Mount("/v1", inner)])),
    "behind middleware of its own": lambda app, inner: app.router.routes.append(
        Mount("/v1", inner, middleware=[Middleware(GZipMiddleware)])
    ),
    "by host": lambda app, inner: app.router.routes.append(Host("localhost", Starlette(routes=[Mount("/v1", inner)]))),
}


@pytest.mark.parametrize("mount", WAYS.values(), ids=list(WAYS))
async def test_a_mounted_application_answers_sessions_as_the_contract_says(
    own: Own, mount: Callable[[FastAPI, FastAPI], Any]
) -> None:
    """Attack: none is needed; a token that expires is enough.

    The error page of a mounted application made a 500 of every missing, expired or revoked session, so that
    no client ever refreshed, and the server cut the connection.
    """
    mount(own.app, inner_app(own))
    async with own.serve() as client:
        headers = await bearer(client)
        assert {"userId": "ada", "data": {}} == (await client.get("/v1/me", headers=headers)).json()
        missing = await client.get("/v1/me")
        assert (401, {"message": "unauthorised"}) == (missing.status_code, missing.json())
        assert_readable(missing)
        (handle,) = await own.auth.sessions.list_handles("ada")
        assert await own.auth.sessions.revoke(handle)
        revoked = await client.get("/v1/me", headers=headers)
        assert (401, "remove") == (revoked.status_code, revoked.headers["front-token"])
        assert_readable(revoked)


async def test_a_mounted_application_may_answer_our_errors_itself(own: Own) -> None:
    """A handler that it has already stays."""
    inner = inner_app(own)

    @inner.exception_handler(WatchwordError)
    async def answer_itself(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"own": type(error).__name__}, status_code=418)

    own.app.mount("/v1", inner)
    async with own.serve() as client:
        answer = await client.get("/v1/me")
        assert (418, {"own": "Unauthorised"}) == (answer.status_code, answer.json())
