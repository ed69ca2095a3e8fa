"""The HTTP face of e-mail verification: its routes as data, and the reading of their input. Source: FDI 8.4."""

from functools import partial
from typing import Protocol

from watchword.errors import BadInput
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.sessions.session import SessionContainer


class EmailVerificationApis(Protocol):
    """What the routes call: the recipe with the application's overrides."""

    async def generate_email_verify_token_post(self, session: SessionContainer, api: ApiRequest) -> Answer:
        """Answer the wish for a mail."""
        ...

    async def email_verify_post(self, token: str, api: ApiRequest) -> Answer:
        """Answer a token."""
        ...

    async def is_email_verified_get(self, session: SessionContainer, api: ApiRequest) -> Answer:
        """Answer whether the address is verified."""
        ...


def email_verification_routes(recipe: EmailVerificationApis) -> tuple[Route, ...]:
    """The routes. A link leads to a page that posts, since mail scanners follow links (security TK-6)."""
    route = partial(Route, recipe_id="emailverification")
    return (
        route(
            name="generate_email_verify_token_post",
            method="POST",
            path="/user/email/verify/token",
            body="json",
            session="required",
            limit="email_verify_token",
            handler=partial(_generate_email_verify_token, recipe),
        ),
        route(
            name="email_verify_post",
            method="POST",
            path="/user/email/verify",
            body="json",
            session="optional",
            limit="email_verify",
            handler=partial(_email_verify, recipe),
        ),
        route(
            name="is_email_verified_get",
            method="GET",
            path="/user/email/verify",
            session="required",
            changes_state=False,
            handler=partial(_is_email_verified, recipe),
        ),
    )


async def _generate_email_verify_token(recipe: EmailVerificationApis, api: ApiRequest) -> Answer:
    return await recipe.generate_email_verify_token_post(_session_of(api), api)


async def _email_verify(recipe: EmailVerificationApis, api: ApiRequest) -> Answer:
    token = api.body.get("token")
    if token is None:
        raise BadInput("token", "Please provide the email verification token")
    if not isinstance(token, str):
        raise BadInput("token", "The email verification token must be a string")
    return await recipe.email_verify_post(token, api)


async def _is_email_verified(recipe: EmailVerificationApis, api: ApiRequest) -> Answer:
    return await recipe.is_email_verified_get(_session_of(api), api)


def _session_of(api: ApiRequest) -> SessionContainer:
    assert api.session is not None  # noqa: S101 - the face loads it, or answers 401 itself
    return api.session
