"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os
from typing import Any

import uvicorn
from litestar import Litestar, get
from litestar.di import NamedDependency
from litestar.response import File
from sign_in import FOLDER, PORT, auth

from watchword import SessionContainer
from watchword.frameworks.litestar import install, verify_session


@get("/api/me", dependencies={"session": verify_session(auth)})
async def me(session: NamedDependency[SessionContainer]) -> dict[str, Any]:
    """A route for whoever is signed in; nobody else gets here."""
    user = await auth.users.get(session.user_id)
    return {"email": user.email, "payload": session.jwt_payload, "data": await session.get_session_data()}


@get(["/", "/auth/reset-password"], include_in_schema=False)  # the second is where the link for a lost password leads
async def page() -> File:
    """The one page."""
    return File(FOLDER / "index.html", media_type="text/html", content_disposition_type="inline")


app = Litestar([me, page])
install(app, auth)  # the routes under /auth, cookies, CORS, error answers, start and stop

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
