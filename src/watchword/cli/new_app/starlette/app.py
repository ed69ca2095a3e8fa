"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os

import uvicorn
from sign_in import FOLDER, PORT, auth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from watchword import SessionContainer
from watchword.frameworks.starlette import install, verify_session


@verify_session(auth)
async def me(request: Request, session: SessionContainer) -> JSONResponse:
    """A route for whoever is signed in; nobody else gets here."""
    user = await auth.users.get(session.user_id)
    data = await session.get_session_data()
    return JSONResponse({"email": user.email, "payload": session.jwt_payload, "data": data})


async def page(request: Request) -> FileResponse:
    """The one page, also where the link for a forgotten password leads."""
    return FileResponse(FOLDER / "index.html")


app = Starlette(routes=[Route("/api/me", me), Route("/", page), Route("/auth/reset-password", page)])
install(app, auth)  # the routes under /auth, cookies, CORS, error answers, start and stop

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
