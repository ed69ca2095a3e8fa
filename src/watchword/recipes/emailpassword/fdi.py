"""The HTTP face of the e-mail and password recipe: its routes as data, and the reading of their input."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from watchword.errors import BadInput
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.emailpassword.form_fields import InputFormField, read_form_fields
from watchword.recipes.session_feature import FormField
from watchword.telemetry.hooks import Hooks


class EmailPasswordApis(Protocol):
    """What the routes call: the recipe with the application's overrides."""

    @property
    def hooks(self) -> Hooks:
        """Calls validators of the application."""
        ...

    @property
    def sign_up_form_fields(self) -> Sequence[InputFormField]:
        """The fields of sign-up, validators filled in."""
        ...

    @property
    def sign_in_form_fields(self) -> Sequence[InputFormField]:
        """The fields of sign-in."""
        ...

    @property
    def reset_token_form_fields(self) -> Sequence[InputFormField]:
        """The field of the form that asks for a reset link."""
        ...

    @property
    def reset_form_fields(self) -> Sequence[InputFormField]:
        """The field of the form that sets a new password."""
        ...

    async def sign_up_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Answer a sign-up whose fields are valid."""
        ...

    async def sign_in_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Answer a sign-in whose fields are valid."""
        ...

    async def email_exists_get(self, email: str, api: ApiRequest) -> Answer:
        """Answer whether an address has a password user."""
        ...

    async def generate_password_reset_token_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Answer the wish for a reset link."""
        ...

    async def password_reset_post(self, form_fields: Sequence[FormField], token: str, api: ApiRequest) -> Answer:
        """Answer a reset whose fields are valid."""
        ...


def email_password_routes(recipe: EmailPasswordApis) -> tuple[Route, ...]:
    """The routes of FDI 8.2."""
    post = partial(
        Route, recipe_id="emailpassword", method="POST", body="json", session="sign_in", first_factor="emailpassword"
    )
    reset = partial(Route, recipe_id="emailpassword", method="POST", body="json")
    get = partial(Route, recipe_id="emailpassword", method="GET", changes_state=False, limit="email_exists")
    email_exists = partial(_email_exists, recipe)
    return (
        post(name="sign_up_post", path="/signup", limit="sign_up", handler=partial(_sign_up, recipe)),
        post(name="sign_in_post", path="/signin", handler=partial(_sign_in, recipe)),
        get(name="email_exists_get", path="/emailpassword/email/exists", handler=email_exists),
        get(name="email_exists_get", path="/signup/email/exists", handler=email_exists),  # clients before FDI 2.0
        reset(
            name="generate_password_reset_token_post",
            path="/user/password/reset/token",
            limit="password_reset_token",
            handler=partial(_generate_password_reset_token, recipe),
        ),
        reset(
            name="password_reset_post",
            path="/user/password/reset",
            limit="password_reset",
            handler=partial(_password_reset, recipe),
        ),
    )


# The face has checked the tenant by now: validators of the application are told no tenant that does not exist.


async def _sign_up(recipe: EmailPasswordApis, api: ApiRequest) -> Answer:
    form_fields = await read_form_fields(api.body, recipe.sign_up_form_fields, api.tenant_id, recipe.hooks)
    return await recipe.sign_up_post(form_fields, api)


async def _sign_in(recipe: EmailPasswordApis, api: ApiRequest) -> Answer:
    form_fields = await read_form_fields(api.body, recipe.sign_in_form_fields, api.tenant_id, recipe.hooks)
    return await recipe.sign_in_post(form_fields, api)


async def _email_exists(recipe: EmailPasswordApis, api: ApiRequest) -> Answer:
    values = api.http.query_values("email")
    if len(values) != 1:  # a repeated one too: which of them is meant?
        raise BadInput("email", "Please provide the email as a GET param")
    return await recipe.email_exists_get(values[0], api)


async def _generate_password_reset_token(recipe: EmailPasswordApis, api: ApiRequest) -> Answer:
    form_fields = await read_form_fields(api.body, recipe.reset_token_form_fields, api.tenant_id, recipe.hooks)
    return await recipe.generate_password_reset_token_post(form_fields, api)


async def _password_reset(recipe: EmailPasswordApis, api: ApiRequest) -> Answer:
    form_fields = await read_form_fields(api.body, recipe.reset_form_fields, api.tenant_id, recipe.hooks)
    token = api.body.get("token")  # after the form: a page shows what is wrong with the password first (FDI 8.2)
    if token is None:
        raise BadInput("token", "Please provide the password reset token")
    if not isinstance(token, str):
        raise BadInput("token", "The password reset token must be a string")
    return await recipe.password_reset_post(form_fields, token, api)
