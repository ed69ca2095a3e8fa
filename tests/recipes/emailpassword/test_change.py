"""A changed or reset password leaves nothing of the old one alive, and all of it happens or none. Security PW-11."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.recipes.emailpassword.test_password_reset import INVALID, NEW, reset, token_for
from tests.site import Browser, Site, running_site
from watchword.database.database import Transaction
from watchword.recipes import EmailPassword, Session

ADA = "ada@example.com"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with passwords, on each database."""
    async with running_site(database_url, recipes=[EmailPassword()]) as running:
        yield running


def passwords_of(site: Site) -> EmailPassword:
    """Its recipe."""
    recipe = site.auth.recipe_list[0]
    assert isinstance(recipe, EmailPassword)
    return recipe


async def signed_in(site: Site) -> Browser:
    """Somebody with a session."""
    browser = site.browser()
    await browser.sign_in(ADA)
    return browser


async def test_a_changed_password_ends_every_session_but_one_and_every_link(site: Site) -> None:
    """Attack: keep a session, or a reset link, from before the owner changed the password (Strapi CVE-2026-22706)."""
    user_id = (await site.browser().sign_up(ADA)).json()["user"]["id"]
    owner, thief, link = await signed_in(site), await signed_in(site), await token_for(site)
    kept = (await owner.get("/me")).json()["handle"]
    await passwords_of(site).update_email_or_password(user_id, password=NEW, keep_session=kept)

    assert [kept] == await site.auth.sessions.list_handles(user_id)
    assert (200, 401) == ((await owner.get("/exact")).status_code, (await thief.get("/exact")).status_code)
    assert (401, 401) == ((await thief.get("/me")).status_code, (await thief.refresh()).status_code)
    assert INVALID == (await reset(site.browser(), link, "thieves horse 3")).json()
    assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(ADA)).json()["status"]
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]


class _CannotRevoke(Session):
    """Fails, while it is told to, where the sessions of somebody are ended."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = True

    async def delete_sessions_of_user(self, tx: Transaction, *arguments: Any, **options: Any) -> list[str]:
        gone = await super().delete_sessions_of_user(tx, *arguments, **options)
        if self.fails:
            raise RuntimeError("the process ends here")
        return gone


async def test_a_reset_that_fails_half_way_has_not_happened(database_url: str) -> None:
    """Attack: hope for a failure between the new password and the end of the sessions.

    The old password still works, the sessions live, and the link is not used up: its owner tries again.
    """
    session = _CannotRevoke()
    async with running_site(database_url, recipes=[EmailPassword()], session=session) as site:
        await site.browser().sign_up(ADA)
        browser, token = await signed_in(site), await token_for(site)
        assert 500 == (await reset(site.browser(), token)).status_code
        assert 200 == (await browser.get("/exact")).status_code
        assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(ADA, NEW)).json()["status"]
        assert "OK" == (await site.browser().sign_in(ADA)).json()["status"]

        session.fails = False
        assert {"status": "OK"} == (await reset(site.browser(), token)).json()
        assert 401 == (await browser.get("/exact")).status_code
