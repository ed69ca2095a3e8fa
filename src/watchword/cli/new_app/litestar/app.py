"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, get
from litestar.di import NamedDependency
from litestar.response import File

from watchword import AppInfo, SessionContainer, User, Watchword
from watchword.frameworks.litestar import install, verify_session
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
