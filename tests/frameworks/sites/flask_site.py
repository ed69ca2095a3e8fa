"""The site in Flask."""

from typing import Any

from flask import Flask, request

from tests.frameworks.sites.shared import make_auth
from watchword import SessionContainer
from watchword.frameworks.flask import create_session, install, verify_session

auth = make_auth()
app = Flask(__name__)
install(app, auth)


@app.get("/me")
@verify_session(auth)
def me(session: SessionContainer) -> dict[str, Any]:
    return {"userId": session.user_id, "payload": session.jwt_payload}


@app.get("/maybe")
@verify_session(auth, session_required=False)
def maybe(session: SessionContainer | None) -> dict[str, Any]:
    return {"userId": None if session is None else session.user_id}


@app.post("/change")
@verify_session(auth)
def change(session: SessionContainer) -> dict[str, Any]:
    auth.run(session.merge_into_jwt_payload(request.get_json()))
    auth.run(session.merge_into_session_data(request.get_json()))
    return {"payload": session.jwt_payload, "data": auth.run(session.get_session_data())}


@app.post("/login")
def login() -> dict[str, Any]:
    session = create_session(auth, **request.get_json())
    return {"handle": session.handle}
