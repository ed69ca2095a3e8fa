"""Only invited people can sign up: members invite by mail, and an invitation is for one address, once.

    export WATCHWORD_SECRET=$(python -c 'import secrets; print(secrets.token_urlsafe(48))')
    export OWNER=you@example.com    # needs no invitation
    uvicorn examples.invite_only.app:app

Sign up as the owner, then `POST /invitations` with `{"email": "bo@example.com"}`. The link in the mail, which is in the
log here, leads to the sign-up page with `?invitation=…`; the page sends that as a form field. With the official React
package: `formFields: [{ id: "invitation", label: "Invitation", getDefaultValue: () => new
URLSearchParams(location.search).get("invitation") ?? "" }]`.
"""

import hashlib
import os
import secrets
from typing import Annotated

from fastapi import Body, Depends, FastAPI, HTTPException

from watchword import AppInfo, ConsoleService, EmailDelivery, RenderedMail, SessionContainer, Watchword, verify_email
from watchword.errors import BadInput, SignUpNotAllowed
from watchword.frameworks.fastapi import install, verify_session
from watchword.recipes import Answer, ApiRequest, FormField, InputFormField, ThirdPartyEmailPassword, UserContext

ORIGIN = f"http://localhost:{os.environ.get('PORT', '8000')}"
mail = ConsoleService()  # a real site: SmtpService(host=…)


class ByInvitation(ThirdPartyEmailPassword):
    """Asks for an invitation from whoever has no account yet, with a password or from a provider."""

    async def sign_up_post(self, form_fields: list[FormField], api: ApiRequest) -> Answer:
        """Hand the invitation on to `check_sign_up`, and use it up when there is an account."""
        token = next((field.value for field in form_fields if field.id == "invitation"), "")
        api.user_context["invitation"] = token
        answer = await super().sign_up_post(form_fields, api)
        await auth.users.clear_metadata(place_of(token))
        return answer

    async def check_sign_up(
        self, email: str, *, third_party_id: str | None, is_verified: bool, tenant_id: str, user_context: UserContext
    ) -> None:
        """With a password the token counts: it was mailed to that address. A provider vouches for its own."""
        if third_party_id is None:
            invitation = await auth.users.get_metadata(place_of(user_context["invitation"]))
            is_invited = invitation.get("email") == email
        else:
            is_invited = is_verified and bool(await auth.users.get_metadata(f"invited {email}"))
        if not is_invited and email != os.environ["OWNER"]:
            raise SignUpNotAllowed("Please ask a member to invite you.")


def place_of(token: str) -> str:
    """Under which id an invitation is noted: whoever reads the database cannot use it."""
    return "invitation " + hashlib.sha256(token.encode()).hexdigest()


auth = Watchword(
    app_info=AppInfo(app_name="Members", api_domain=ORIGIN, website_domain=ORIGIN),
    database=os.environ.get("DATABASE_URL", "sqlite:///members.db"),
    secret=os.environ["WATCHWORD_SECRET"],
    recipe_list=[ByInvitation(form_fields=[InputFormField("invitation", optional=True)])],
    email_delivery=EmailDelivery(mail),
)
app = FastAPI(title="Members")
install(app, auth)


@app.post("/invitations")
async def invite(
    session: Annotated[SessionContainer, Depends(verify_session(auth))], email: Annotated[str, Body(embed=True)]
) -> dict[str, str]:
    """Mail somebody an invitation."""
    try:
        email = verify_email(email, special_use=True)
    except BadInput:
        raise HTTPException(422, "email: is not an address") from None
    token = secrets.token_urlsafe(24)
    await auth.users.merge_into_metadata(place_of(token), {"email": email, "by": session.user_id})
    await auth.users.merge_into_metadata(f"invited {email}", {"by": session.user_id})
    text = f"Somebody invites you to Members:\n\n{ORIGIN}/auth/?show=signup&invitation={token}\n"
    await mail.send(RenderedMail(to=email, subject="You are invited", text=text))
    return {"status": "OK"}


@app.get("/me")
async def me(session: Annotated[SessionContainer, Depends(verify_session(auth))]) -> dict[str, str]:
    """For members only."""
    return {"user_id": session.user_id}
