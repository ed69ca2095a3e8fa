"""The site in FastAPI, one route of it a plain function."""

from typing import Any

from fastapi import Body, Depends, FastAPI, Request

from tests.frameworks.sites.shared import make_auth
from watchword import SessionContainer
from watchword.frameworks.fastapi import create_session, install, verify_session

auth = make_auth()
app = FastAPI()
install(app, auth)


@app.get("/me")
async def me(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
    return {"userId": session.user_id, "payload": session.jwt_payload}


@app.get("/maybe")
async def maybe(
    session: SessionContainer | None = Depends(verify_session(auth, session_required=False)),
) -> dict[str, Any]:
    return {"userId": None if session is None else session.user_id}


@app.post("/change")
def change(
    changes: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
) -> dict[str, Any]:
    auth.run(session.merge_into_jwt_payload(changes))
    auth.run(session.merge_into_session_data(changes))
    return {"payload": session.jwt_payload, "data": auth.run(session.get_session_data())}


@app.post("/login")
async def login(request: Request, new: dict[str, Any] = Body()) -> dict[str, Any]:
    session = await create_session(auth, request, **new)
    return {"handle": session.handle}
