"""The site in Starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.frameworks.sites.shared import make_auth
from watchword import SessionContainer
from watchword.frameworks.starlette import create_session, install, verify_session

auth = make_auth()


@verify_session(auth)
async def me(request: Request, session: SessionContainer) -> Response:
    return JSONResponse({"userId": session.user_id, "payload": session.jwt_payload})


@verify_session(auth, session_required=False)
async def maybe(request: Request, session: SessionContainer | None) -> Response:
    return JSONResponse({"userId": None if session is None else session.user_id})


@verify_session(auth)
async def change(request: Request, session: SessionContainer) -> Response:
    await session.merge_into_jwt_payload(await request.json())
    await session.merge_into_session_data(await request.json())
    return JSONResponse({"payload": session.jwt_payload, "data": await session.get_session_data()})


async def login(request: Request) -> Response:
    session = await create_session(auth, request, **await request.json())
    return JSONResponse({"handle": session.handle})


app = Starlette(
    routes=[
        Route("/me", me),
        Route("/maybe", maybe),
        Route("/change", change, methods=["POST"]),
        Route("/login", login, methods=["POST"]),
    ]
)
install(app, auth)
