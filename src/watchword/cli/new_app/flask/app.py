"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_file

from watchword import AppInfo, SessionContainer, User, Watchword
from watchword.frameworks.flask import install, verify_session
from watchword.recipes import Action, EmailPassword, SessionFeature, SignInContext

FOLDER = Path(__file__).parent
PORT = int(os.environ.get("PORT", "8000"))
ORIGIN = os.environ.get("ORIGIN", f"http://localhost:{PORT}")  # where people find it: https://… on a server


def set_jwt_payload(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
    """Rides in the access token: read without a database, and by the page too. Never secret."""
    return {"role": "member"}


def set_session_data(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
    """Stays in the database under the session; only this program reads it."""
    return {"first_visit": action == "signup"}


auth = Watchword(
    app_info=AppInfo(app_name="{{name}}", api_domain=ORIGIN, website_domain=ORIGIN),
    database=os.environ.get("DATABASE_URL", f"sqlite:///{FOLDER / 'app.db'}"),
    secret=os.environ.get("WATCHWORD_SECRET") or (FOLDER / ".secret").read_text().strip(),
    recipe_list=[
        EmailPassword(
            session_feature=SessionFeature(set_jwt_payload=set_jwt_payload, set_session_data=set_session_data)
        )
    ],
    # Mail goes to the log while ORIGIN is this machine; a server wants email_delivery=EmailDelivery(SmtpService(…)).
)
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
