"""The example application: sign-in by password or provider, and two hooks that fill each session."""

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse

from examples.fastapi_demo.mail_page import sample_mail, sent_mail
from watchword import (
    AppInfo,
    ConsoleService,
    ConsoleSmsService,
    EmailDelivery,
    SessionContainer,
    SmsDelivery,
    User,
    Watchword,
)
from watchword.frameworks.fastapi import install, verify_session
from watchword.recipes import Action, SessionFeature, SignInContext, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect

ORIGIN = f"http://localhost:{os.environ.get('PORT', '8000')}"


async def set_jwt_payload(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
    """Rides in the access token: the page reads it, every request carries it, never secret."""
    return {"role": "member", "joined_by": context.login_type}


async def set_session_data(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
    """Stays in the database under the session's handle: no token and no answer of Watchword holds it."""
    return {"first_seen": action == "signup"}


console = ConsoleService()  # writes mail to the log and keeps it; a real site has SmtpService(host=…) here
email_delivery = EmailDelivery(console)
sms_delivery = SmsDelivery(ConsoleSmsService())  # no recipe sends text messages yet; /mail shows what they look like
auth = Watchword(
    app_info=AppInfo(app_name="Watchword demo", api_domain=ORIGIN, website_domain=ORIGIN),
    database=os.environ["DATABASE_URL"],
    secret=os.environ["WATCHWORD_SECRET"],
    email_delivery=email_delivery,
    sms_delivery=sms_delivery,
    recipe_list=[
        ThirdPartyEmailPassword(
            # For trying out only: it runs beside this example and lets anybody in as anybody.
            providers=[
                OpenIdConnect(
                    third_party_id="demo-provider",
                    issuer=os.environ["DEMO_PROVIDER"],
                    client_id="watchword-demo",
                    client_secret="not-a-secret-in-a-demo",
                )
            ],
            session_feature=SessionFeature(set_jwt_payload=set_jwt_payload, set_session_data=set_session_data),
        )
    ],
)
app = FastAPI(title="Watchword demo")
install(app, auth)

Session = Annotated[SessionContainer, Depends(verify_session(auth))]
JsonObject = Annotated[dict[str, Any], Body()]


@app.get("/api/session")
async def read_session(session: Session) -> dict[str, Any]:
    """Who is signed in, and both kinds of data; reading the payload asks no database."""
    return {
        "handle": session.handle,
        "userId": session.user_id,
        "payload": session.jwt_payload,
        "data": await session.get_session_data(),
    }


@app.put("/api/session/payload")
async def replace_payload(session: Session, new: JsonObject) -> dict[str, Any]:
    """Replace the JWT payload; this very answer carries the new token."""
    await session.update_jwt_payload(new)
    return session.jwt_payload


@app.patch("/api/session/payload")
async def merge_payload(session: Session, changes: JsonObject) -> dict[str, Any]:
    """Merge into the JWT payload; `null` removes a key."""
    await session.merge_into_jwt_payload(changes)
    return session.jwt_payload


@app.put("/api/session/data")
async def replace_data(session: Session, new: JsonObject) -> dict[str, Any]:
    """Replace the session data."""
    await session.update_session_data(new)
    return await session.get_session_data()


@app.patch("/api/session/data")
async def merge_data(session: Session, changes: JsonObject) -> dict[str, Any]:
    """Merge into the session data; merges at the same moment all survive, `null` removes a key."""
    await session.merge_into_session_data(changes)
    return await session.get_session_data()


@app.get("/mail", include_in_schema=False)
async def mail() -> HTMLResponse:
    """The mail that was sent. Whoever reads it can use its links, so no real site has such a page."""
    return HTMLResponse(sent_mail(console.sent, sms_delivery))


@app.get("/mail/sample/{kind}/{language}", include_in_schema=False)
async def mail_sample(kind: str, language: str) -> HTMLResponse:
    """How a kind of mail looks in a language."""
    try:
        return HTMLResponse(sample_mail(email_delivery, kind, language))
    except LookupError:
        raise HTTPException(404) from None


@app.get("/", include_in_schema=False)
@app.get("/auth/callback/{provider}", include_in_schema=False)  # where a provider sends the browser back to
async def page() -> FileResponse:
    """The one page of the example."""
    return FileResponse(Path(__file__).with_name("index.html"))
