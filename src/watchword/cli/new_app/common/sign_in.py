"""Sign-up and sign-in of {{name}}, and what each session holds."""

import os
from pathlib import Path
from typing import Any

from watchword import AppInfo, User, Watchword
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
