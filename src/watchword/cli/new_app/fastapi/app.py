"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse
from sign_in import FOLDER, PORT, auth

from watchword import SessionContainer
from watchword.frameworks.fastapi import install, verify_session

app = FastAPI(title="{{name}}")
install(app, auth)  # the routes under /auth, cookies, CORS, error answers, start and stop

Session = Annotated[SessionContainer, Depends(verify_session(auth))]


@app.get("/api/me")
async def me(session: Session) -> dict[str, Any]:
    """A route for whoever is signed in; nobody else gets here."""
    user = await auth.users.get(session.user_id)
    return {"email": user.email, "payload": session.jwt_payload, "data": await session.get_session_data()}


@app.get("/", include_in_schema=False)
@app.get("/auth/reset-password", include_in_schema=False)  # where the link for a forgotten password leads
async def page() -> FileResponse:
    """The one page."""
    return FileResponse(FOLDER / "index.html")


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
