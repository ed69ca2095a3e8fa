"""Mails about a new password or address, both databases: they are sent if and only if it was changed. PW-13."""

from urllib.parse import urlsplit

import pytest

from tests.site import Site, running_site
from watchword.errors import EmailAlreadyExists
from watchword.recipes import EmailPassword

ADA, EVE = "ada@example.com", "eve@example.com"


async def test_a_reset_is_told_to_its_owner(database_url: str) -> None:
    """Attack: read somebody's mail once and reset the password; the owner learns of it, in the request's language."""
    recipe = EmailPassword()
    async with running_site(database_url, recipes=[recipe]) as site:
        user_id = await _sign_up(site, ADA)
        token = await recipe.create_reset_password_token(user_id, ADA, tenant_id="public", user_context={})
        form = {"token": token, "formFields": [{"id": "password", "value": "another horse 2"}]}
        for _ in range(2):  # the second finds the token used, and tells nobody
            await site.browser(**{"accept-language": "de"}).call("POST", "/auth/user/password/reset", json=form)
        mail = await site.mail.take()
        assert ("password_changed", ADA) == (mail.kind, mail.to)
        assert "wurde geändert" in mail.subject
        assert token not in mail.text + (mail.html or "")
        assert f"{site.url}/auth/reset-password?tenantId=public" in mail.text.split()
        await site.post_mail()
        assert site.mail.is_empty()


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"password": "another horse 2"}, {"password_changed"}),
        ({"email": EVE}, {"email_changed"}),
        ({"email": EVE, "password": "another horse 2"}, {"password_changed", "email_changed"}),
        ({"email": " ADA@example.com "}, set()),
    ],
)
async def test_a_change_is_told_to_the_address_from_before(
    database_url: str, change: dict[str, str], kinds: set[str]
) -> None:
    """Attack: with a stolen session, change address and password; the old address hears of both, without a token."""
    recipe = EmailPassword()
    async with running_site(database_url, recipes=[recipe]) as site:
        await recipe.update_email_or_password(await _sign_up(site, ADA), **change)
        mails = [await site.mail.take() for _ in kinds]
        assert [(kind, ADA) for kind in sorted(kinds)] == sorted((mail.kind, mail.to) for mail in mails)
        assert not any(urlsplit(word).query.count("token=") for mail in mails for word in mail.text.split())
        await site.post_mail()
        assert site.mail.is_empty()


async def test_a_change_that_fails_is_not_told(database_url: str) -> None:
    """The mail is written in the transaction of the change, and goes with it."""
    recipe = EmailPassword()
    async with running_site(database_url, recipes=[recipe]) as site:
        user_id = await _sign_up(site, ADA)
        await _sign_up(site, EVE)
        with pytest.raises(EmailAlreadyExists):
            await recipe.update_email_or_password(user_id, email=EVE, password="another horse 2")
        await site.post_mail()
        assert site.mail.is_empty()


async def _sign_up(site: Site, email: str) -> str:
    return (await site.browser("headers").sign_up(email)).json()["user"]["id"]
