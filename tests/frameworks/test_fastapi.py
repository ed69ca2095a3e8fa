"""FastAPI: `install`, `verify_session` with each of its options, and `create_session`."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request

from tests.frameworks.conftest import Own, assert_readable, bearer, make_own
from watchword import SessionContainer
from watchword.errors import ConfigurationError
from watchword.frameworks.fastapi import create_session, install, verify_session
from watchword.recipes import Session
from watchword.sessions.claims import BooleanClaim, ClaimOwner, ClaimValidator


def test_install_is_called_once(own: Own) -> None:
    """A second time is refused with a sentence."""
    with pytest.raises(ConfigurationError, match="was called for this application already; call it once"):
        install(own.app, own.auth)


async def test_install_is_called_before_serving(own: Own) -> None:
    """Middleware cannot be put around an application that answers already."""
    app = FastAPI()

    @app.get("/")
    async def root() -> dict[str, Any]:
        return {}

    async with own.serve(app) as client:
        assert 200 == (await client.get("/")).status_code
        with pytest.raises(ConfigurationError, match="running already; call install before serving it"):
            install(app, own.auth)


async def test_a_route_without_install_is_told_so(own: Own, capfd: pytest.CaptureFixture[str]) -> None:
    """`verify_session` where `install` was forgotten: a server error, and the log says what to call."""
    app = FastAPI()

    @app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    async with own.serve(app) as client:
        assert 500 == (await client.get("/me")).status_code
    assert "call install(app, auth) at start-up" in capfd.readouterr().err


async def test_the_openapi_page_works_and_shows_the_scheme(own: Own) -> None:
    """`/docs` and `/openapi.json` are the application's, without our routes; protected routes say what they want."""

    @own.app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    @own.app.get("/free")
    async def free() -> str:
        return "free"

    async with own.serve() as client:
        description = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")
    assert (200, True) == (page.status_code, "swagger-ui" in page.text)
    assert {"/login", "/me", "/free"} == set(description["paths"])
    assert [{"Session": []}] == description["paths"]["/me"]["get"]["security"]
    assert "security" not in description["paths"]["/free"]["get"]
    scheme = description["components"]["securitySchemes"]["Session"]
    assert ("http", "bearer", "JWT") == (scheme["type"], scheme["scheme"], scheme["bearerFormat"])
    assert "parameters" not in description["paths"]["/me"]["get"]


async def test_an_optional_session(own: Own) -> None:
    """`None` without one, the session with one; a token that must be refreshed is still 401."""

    @own.app.get("/maybe")
    async def maybe(
        session: SessionContainer | None = Depends(verify_session(own.auth, session_required=False)),
    ) -> str | None:
        return None if session is None else session.user_id

    async with own.serve() as client:
        assert (await client.get("/maybe")).json() is None
        held = await bearer(client)
        assert "ada" == (await client.get("/maybe", headers=held)).json()
        held["authorization"] = held["authorization"][:-4] + "AAAA"
        answer = await client.get("/maybe", headers=held)
        assert (401, b'{"message":"try refresh token"}') == (answer.status_code, answer.content)
        assert_readable(answer)


async def test_a_function_asks_for_the_session_itself(own: Own) -> None:
    """`await verify_session(auth)(request)`: the session, or the answer that a dependency would have given."""
    find_session = verify_session(own.auth)

    @own.app.get("/called")
    async def called(request: Request) -> str | None:
        session = await find_session(request)
        return None if session is None else session.user_id

    async with own.serve() as client:
        answer = await client.get("/called")
        assert (401, b'{"message":"unauthorised"}') == (answer.status_code, answer.content)
        assert_readable(answer)
        assert "ada" == (await client.get("/called", headers=await bearer(client))).json()


async def test_the_anti_csrf_check_is_forced_on_or_off(sqlite_url: str) -> None:
    """By default on for all but GET; a route may ask for it on GET, or not at all."""
    own = make_own(sqlite_url, Session(anti_csrf="VIA_CUSTOM_HEADER"))
    for path, check in (("/default", None), ("/on", True), ("/off", False)):

        async def route(
            session: SessionContainer = Depends(verify_session(own.auth, anti_csrf_check=check)),
        ) -> str:
            return session.user_id

        own.app.add_api_route(path, route, methods=["GET", "POST"])

    async with own.serve() as client:
        await client.post("/login", json={}, headers={"st-auth-mode": "cookie"})
        statuses = {
            (method, path): (await client.request(method, path)).status_code
            for method in ("GET", "POST")
            for path in ("/default", "/on", "/off")
        }
        passed = await client.post("/on", headers={"rid": "anything"})
    assert {"GET /default": 200, "GET /on": 401, "GET /off": 200, "POST /default": 401, "POST /on": 401} | {
        "POST /off": 200
    } == {" ".join(key): status for key, status in statuses.items()}
    assert 200 == passed.status_code


async def test_check_database_sees_a_session_that_another_process_ended(own: Own, sqlite_url: str) -> None:
    """A plain route goes on until the token expires; one that asks the database answers 401 and clears."""

    @own.app.get("/plain")
    async def plain(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    @own.app.get("/exact")
    async def exact(session: SessionContainer = Depends(verify_session(own.auth, check_database=True))) -> str:
        return session.user_id

    elsewhere = make_own(sqlite_url).auth
    async with own.serve() as client:
        held = await bearer(client)
        assert 200 == (await client.get("/exact", headers=held)).status_code
        await elsewhere.start()
        await elsewhere.sessions.revoke_all("ada")
        await elsewhere.stop()
        assert 200 == (await client.get("/plain", headers=held)).status_code
        answer = await client.get("/exact", headers=held)
        assert (401, "remove") == (answer.status_code, answer.headers["front-token"])


class Invited(BooleanClaim):
    """Whether a person was invited; asked of the application each time it is not known yet."""

    def __init__(self) -> None:
        super().__init__("invited", self._look_up)
        self.guests = {"grace"}

    def _look_up(self, owner: ClaimOwner, _user_context: dict[str, Any]) -> bool:
        return owner.user_id in self.guests


REFUSED = (
    b'{"message":"invalid claim","claimValidationErrors":[{"id":"invited","reason":'
    b'{"message":"wrong value","expectedValue":true,"actualValue":false}}]}'
)


async def test_a_route_has_claim_validators_of_its_own(own: Own) -> None:
    """403 with the contract's body to the byte, nothing cleared, and the fetched value comes along (FDI 6, 7)."""

    def invited_too(validators: Sequence[ClaimValidator], *_: Any) -> list[ClaimValidator]:
        return [*validators, Invited().is_true()]

    @own.app.get("/party")
    async def party(
        session: SessionContainer = Depends(verify_session(own.auth, override_global_claim_validators=invited_too)),
    ) -> str:
        return session.user_id

    async with own.serve() as client:
        held = await bearer(client)
        answer = await client.get("/party", headers=held)
        assert (403, REFUSED) == (answer.status_code, answer.content)
        assert "remove" != answer.headers["front-token"]
        assert "application/json; charset=utf-8" == answer.headers["content-type"]
        assert_readable(answer)
        held = await bearer(client, invited={"v": True, "t": 1})
        assert 200 == (await client.get("/party", headers=held)).status_code


class InvitedOnly(Session):
    """An application where each route, unless it says otherwise, is for invited people."""

    async def get_global_claim_validators(self, **details: Any) -> list[ClaimValidator]:
        added = await super().get_global_claim_validators(**details)
        return [*added, Invited().is_true()]


def added_claim() -> Session:
    """The same by adding the claim and its rule to a plain recipe."""
    session, invited = Session(), Invited()
    session.add_claim(invited, invited.is_true())
    return session


@pytest.mark.parametrize("make_session", [InvitedOnly, added_claim])
async def test_claim_validators_of_every_route(sqlite_url: str, make_session: Any) -> None:
    """They hold everywhere but where a route overrides them, and in none of our own APIs."""
    own = make_own(sqlite_url, make_session())

    @own.app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(own.auth))) -> str:
        return session.user_id

    @own.app.get("/lobby")
    async def lobby(
        session: SessionContainer = Depends(verify_session(own.auth, override_global_claim_validators=[])),
    ) -> str:
        return session.user_id

    async with own.serve() as client:
        held = await bearer(client)
        answer = await client.get("/me", headers=held)
        assert (403, REFUSED) == (answer.status_code, answer.content)
        assert 200 == (await client.get("/lobby", headers=held)).status_code
        assert {"status": "OK"} == (await client.post("/auth/signout", headers=held)).json()


async def test_create_session_replaces_the_one_that_is_there(own: Own) -> None:
    """Payload in the token, data in the database, in the transport the client asks for; the former one has ended."""

    @own.app.post("/enter")
    async def enter(request: Request) -> dict[str, Any]:
        session = await create_session(
            own.auth, request, user_id="ldap:ada", jwt_payload={"by": "ldap"}, session_data={"seat": 4}
        )
        return {"handle": session.handle, "data": await session.get_session_data()}

    async with own.serve() as client:
        first = (await client.post("/enter", headers={"st-auth-mode": "cookie"})).json()
        answer = await client.post("/enter", headers={"st-auth-mode": "cookie"})
        second = answer.json()
        assert {"seat": 4} == second["data"]
        assert 2 == len(answer.headers.get_list("set-cookie"))
        assert_readable(answer)
        assert [second["handle"]] == await own.auth.sessions.list_handles("ldap:ada")
        assert first["handle"] != second["handle"]
        assert {"by": "ldap"} == (await own.auth.sessions.get(second["handle"])).jwt_payload


async def test_create_session_refuses_what_no_session_can_hold(own: Own) -> None:
    """A reserved name is a 400 that names it; nothing is written and no token set."""
    async with own.serve() as client:
        answer = await client.post("/login", json={"sub": "root"})
        assert (400, True) == (answer.status_code, "sub" in answer.json()["message"])
        assert not {"front-token", "st-access-token", "set-cookie"} & set(answer.headers)
        assert [] == await own.auth.sessions.list_handles("ada")
