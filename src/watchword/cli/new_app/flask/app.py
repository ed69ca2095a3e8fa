"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os
from typing import Any

from flask import Flask, Response, send_file
from sign_in import FOLDER, PORT, auth

from watchword import SessionContainer
from watchword.frameworks.flask import install, verify_session

app = Flask(__name__)
install(app, auth)  # the routes under /auth, cookies, CORS, error answers


@app.get("/api/me")
@verify_session(auth)
def me(session: SessionContainer) -> dict[str, Any]:
    """A route for whoever is signed in; nobody else gets here."""
    user = auth.run(auth.users.get(session.user_id))
    return {"email": user.email, "payload": session.jwt_payload, "data": auth.run(session.get_session_data())}


@app.get("/")
@app.get("/auth/reset-password")  # where the link for a forgotten password leads
def page() -> Response:
    """The one page."""
    return send_file(FOLDER / "index.html")


if __name__ == "__main__":  # to try it out; gunicorn serves it in the container
    app.run(host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
