"""The site in Litestar."""

from typing import Any

from litestar import Litestar, Request, get, post
from litestar.di import NamedDependency

from tests.frameworks.sites.shared import make_auth
from watchword import SessionContainer
from watchword.frameworks.litestar import create_session, install, verify_session

auth = make_auth()


@get("/me", dependencies={"session": verify_session(auth)})
async def me(session: NamedDependency[SessionContainer]) -> dict[str, Any]:
    return {"userId": session.user_id, "payload": session.jwt_payload}


@get("/maybe", dependencies={"session": verify_session(auth, session_required=False)})
async def maybe(session: NamedDependency[SessionContainer | None]) -> dict[str, Any]:
    return {"userId": None if session is None else session.user_id}


@post("/change", status_code=200, dependencies={"session": verify_session(auth)})
async def change(session: NamedDependency[SessionContainer], data: dict[str, Any]) -> dict[str, Any]:
    await session.merge_into_jwt_payload(data)
    await session.merge_into_session_data(data)
    return {"payload": session.jwt_payload, "data": await session.get_session_data()}


@post("/login", status_code=200)
async def login(request: Request[Any, Any, Any], data: dict[str, Any]) -> dict[str, Any]:
    session = await create_session(auth, request, **data)
    return {"handle": session.handle}


app = Litestar([me, maybe, change, login])
install(app, auth)
