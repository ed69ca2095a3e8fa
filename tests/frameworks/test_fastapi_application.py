"""FastAPI: an application's own habits go on working, and errors of ours become the contract's answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, StreamingResponse
from websockets.asyncio.client import connect

from tests.frameworks.conftest import WEBSITE, Own, assert_readable, bearer, make_own
from watchword import SessionContainer
from watchword.errors import BadInput, GeneralError, StorageUnavailable
from watchword.frameworks.fastapi import install, verify_session
from watchword.sessions.errors import Unauthorised

ERRORS = [
    (Unauthorised("it is over"), 401, {"message": "unauthorised"}),
    (BadInput("color", "color must be a name"), 400, {"message": "color must be a name"}),
    (GeneralError("Not on Sundays."), 200, {"status": "GENERAL_ERROR", "message": "Not on Sundays."}),
    (
        StorageUnavailable("secret host is down"),
        503,
        {
            "message": "the service is busy or its storage does not answer; try again",
            "code": "storage_unavailable",
        },
    ),
]


@pytest.mark.parametrize(("error", "status", "body"), ERRORS, ids=[type(error).__name__ for error, _, _ in ERRORS])
async def test_errors_of_ours_raised_by_the_application(own: Own, error: Exception, status: int, body: Any) -> None:
    """In a handler, in a dependency, in a handler that runs in a thread: the contract's answer (FDI 15, pitfall 24)."""

    def raising() -> None:
        raise error

    @own.app.get("/handler")
    async def handler() -> None:
        raise error

    @own.app.get("/dependency", dependencies=[Depends(raising)])
    async def dependency() -> None: ...

    @own.app.get("/thread")
    def thread() -> None:
        raise error

    async with own.serve() as client:
        for path in ("/handler", "/dependency", "/thread"):
            answer = await client.get(path)
            correlation = {"correlationId": answer.headers["x-request-id"]} if status >= 500 else {}
            assert (status, body | correlation) == (answer.status_code, answer.json())
            assert "no-store" == answer.headers["cache-control"]
            assert_readable(answer)
            assert (status == 401) == (answer.headers.get("front-token") == "remove")


@pytest.mark.parametrize("before", [True, False])
async def test_the_applications_own_cors_middleware_doubles_nothing(sqlite_url: str, before: bool) -> None:
    """Added before or after: each header once, what it exposes is kept, and its other origins stay its own."""
    own = make_own(sqlite_url)
    partner = "https://partner.example"
    own.app.add_middleware(
        CORSMiddleware,
        allow_origins=[WEBSITE, partner],
        allow_credentials=True,
        allow_methods=["*"],
        expose_headers=["x-own"],
    )
    if before:  # the middleware first, then install, on a new application
        app = FastAPI()
        app.add_middleware(CORSMiddleware, allow_origins=[WEBSITE], allow_credentials=True, expose_headers=["x-own"])
        app.include_router(own.app.router)
        install(app, own.auth)
        own.app = app

    async with own.serve() as client:
        answer = await client.post("/login", json={})
        assert_readable(answer)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert ["x-own", "front-token", "st-access-token", "st-refresh-token"] == exposed
        if not before:
            theirs = await client.get("/nowhere", headers={"origin": partner})
            assert [partner] == theirs.headers.get_list("access-control-allow-origin")
            preflight = {"origin": partner, "access-control-request-method": "GET"}
            assert partner == (await client.options("/login", headers=preflight)).headers["access-control-allow-origin"]


async def test_mounted_in_another_application(sqlite_url: str) -> None:
    """`install` on the inner one: our routes are found under the mount path, and the cookies carry it."""
    own = make_own(sqlite_url, api_gateway_path="/inner")

    @own.app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    outer = FastAPI()
    outer.mount("/inner", own.app)
    async with own.serve(outer) as client:
        answer = await client.post("/inner/login", json={}, headers={"st-auth-mode": "cookie"})
        assert "Path=/inner/auth/session/refresh;" in answer.headers.get_list("set-cookie")[1]
        assert "ada" == (await client.get("/inner/me")).json()
        assert 200 == (await client.post("/inner/auth/session/refresh")).status_code
        assert 404 == (await client.post("/auth/session/refresh")).status_code
        assert {"status": "OK"} == (await client.post("/inner/auth/signout")).json()
    await own.auth.stop()  # a mounted application is not told when the outer one ends


async def test_a_server_error_of_the_applications_can_be_read(own: Own) -> None:
    """The page that the framework answers with carries the cross-origin headers, too."""

    @own.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the application's own mistake")

    async with own.serve() as client:
        answer = await client.get("/broken")
        assert (500, "Internal Server Error") == (answer.status_code, answer.text)
        assert_readable(answer)


async def test_an_own_handler_for_every_exception(own: Own) -> None:
    """It answers, readable for the website, and our errors do not go to it."""

    @own.app.exception_handler(Exception)
    async def answer_anything(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"own": type(error).__name__}, status_code=500)

    @own.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the application's own mistake")

    @own.app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    async with own.serve() as client:
        answer = await client.get("/broken")
        assert (500, {"own": "RuntimeError"}) == (answer.status_code, answer.json())
        assert_readable(answer)
        assert 401 == (await client.get("/me")).status_code


async def test_a_streaming_answer_carries_tokens(own: Own) -> None:
    """What changed before the first byte goes out with it; the body arrives whole."""

    @own.app.get("/stream")
    async def stream(session: SessionContainer = Depends(verify_session(own.auth))) -> StreamingResponse:
        await session.merge_into_jwt_payload({"seen": True})

        async def parts() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d;" % number

        return StreamingResponse(parts())

    async with own.serve() as client:
        answer = await client.get("/stream", headers=await bearer(client))
        assert b"0;1;2;" == answer.content
        held = {"authorization": f"Bearer {answer.headers['st-access-token']}"}
        session = await own.auth.session_recipe.get_session(held["authorization"].removeprefix("Bearer "))
        assert {"seen": True} == session.jwt_payload
        assert_readable(answer)


async def test_websockets_pass(own: Own) -> None:
    """They are the application's own matter: nothing of ours is in their way."""

    @own.app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    async with own.serve(), connect(f"ws://localhost:{own.port}/echo", proxy=None) as socket:
        await socket.send("hello")
        assert "hello" == await socket.recv()
