"""User names: people sign up with a name and an address, sign in with either, and reset a password by either.

    export WATCHWORD_SECRET=$(python -c 'import secrets; print(secrets.token_urlsafe(48))')
    uvicorn examples.user_names.app:app

The field `email` of the protocol holds the user name, so that the database keeps names apart, also when two people
choose one at the same moment. The address is a field of the form, noted beside the user. The front end with the
official React package is `tests/clients/pages/auth_react_user_names.jsx`: other labels, and a `validate` of its own for
each form.
"""

import os
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI

from watchword import AppInfo, SessionContainer, Watchword, normalise_email, verify_email
from watchword.errors import BadInput, FieldError, FieldErrors
from watchword.frameworks.fastapi import install, verify_session
from watchword.recipes import Answer, ApiRequest, EmailPassword, FormField, InputFormField, UserContext

ORIGIN = f"http://localhost:{os.environ.get('PORT', '8000')}"
USER_NAME = "3 to 20 letters, digits or _"


def check_user_name_or_address(value: Any, tenant_id: str) -> str | None:
    """For sign-in and reset; a name has no @, so that it can never be somebody's address."""
    is_user_name = re.fullmatch("[a-z0-9_]{3,20}", value, re.IGNORECASE) is not None
    return None if is_user_name or check_address(value, tenant_id) is None else USER_NAME


def check_address(value: Any, tenant_id: str) -> str | None:
    """A plain e-mail address."""
    try:
        verify_email(value, special_use=True)
    except (AttributeError, BadInput):  # any JSON value comes here
        return "This is no e-mail address"
    return None


class UserNames(EmailPassword):
    """Takes a name or an address wherever people say who they are."""

    async def sign_up_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Note the address of a new user, in both directions."""
        values = {field.id: field.value for field in form_fields}
        user_name, address = values["email"], normalise_email(values["address"])
        if "@" in user_name:
            raise FieldErrors([FieldError("email", USER_NAME)])
        if await find_user_name(address) is not None:
            raise FieldErrors([FieldError("address", "This address is in use. Please sign in instead.")])
        answer = await super().sign_up_post(form_fields, api)
        if answer.user is not None:
            await auth.users.merge_into_metadata(answer.user.id, {"address": address})
            await auth.users.merge_into_metadata(f"address {address}", {"user_name": user_name})
        return answer

    async def sign_in_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Sign in with either."""
        return await super().sign_in_post([await with_user_name(field) for field in form_fields], api)

    async def generate_password_reset_token_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Ask for a link with either."""
        return await super().generate_password_reset_token_post(
            [await with_user_name(field) for field in form_fields], api
        )

    async def find_mail_address(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> str | None:
        """Mail goes to the address, not to the name."""
        return (await auth.users.get_metadata(user_id)).get("address")


async def find_user_name(address: str) -> str | None:
    """Whose address it is."""
    return (await auth.users.get_metadata(f"address {address}")).get("user_name")


async def with_user_name(field: FormField) -> FormField:
    """The field `email` with the user name in it, if it held an address that is known."""
    if field.id != "email" or "@" not in field.value:
        return field
    return FormField("email", await find_user_name(field.value) or field.value)


auth = Watchword(
    app_info=AppInfo(app_name="Names", api_domain=ORIGIN, website_domain=os.environ.get("WEBSITE", ORIGIN)),
    database=os.environ.get("DATABASE_URL", "sqlite:///names.db"),
    secret=os.environ["WATCHWORD_SECRET"],
    recipe_list=[
        UserNames(
            form_fields=[
                InputFormField("email", check_user_name_or_address),
                InputFormField("address", check_address),
            ]
        )
    ],
)
app = FastAPI(title="Names")
install(app, auth)

Session = Annotated[SessionContainer, Depends(verify_session(auth))]


@app.get("/me")
async def me(session: Session) -> dict[str, Any]:
    """The user as people know them."""
    user = await auth.users.get(session.user_id)
    return {"user_name": user.email, **await auth.users.get_metadata(user.id)}


@app.delete("/me")
async def leave(session: Session) -> dict[str, str]:
    """Delete the user, and the note that leads from the address to the name: nobody else knows of it."""
    address = (await auth.users.get_metadata(session.user_id)).get("address")
    await auth.users.delete(session.user_id)
    await auth.users.clear_metadata(f"address {address}")
    return {"status": "OK"}
