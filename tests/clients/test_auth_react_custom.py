"""What people set in `supertokens-auth-react` goes through to our side: fields, links, colours, hooks, redirections."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.clients.conftest import new_sqlite_url
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit
from watchword.accounts.users import User
from watchword.recipes import EmailPassword, EmailPasswordContext, InputFormField, SessionFeature

pytestmark = pytest.mark.asyncio(loop_scope="session")


def name_in_session(user: User, context: EmailPasswordContext, action: str) -> dict[str, Any]:
    """What the form asked for beside address and password."""
    return {field.id: field.value for field in context.form_fields if field.id == "name"}


@pytest_asyncio.fixture(loop_scope="session")
async def site(surroundings: Surroundings, tmp_path: Path) -> AsyncIterator[Site]:
    """On two ports, with one more field at sign-up."""
    recipe = EmailPassword(
        form_fields=[InputFormField("name")], session_feature=SessionFeature(set_jwt_payload=name_in_session)
    )
    with run_site("two ports", surroundings, new_sqlite_url(tmp_path), recipes=[recipe]) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: Visit, site: Site) -> Page:
    """The website in the browser of somebody new, on a page for signed-in people."""
    visitor = await visit(site, "auth_react_custom", "cookie")
    page = await visitor.context.new_page()
    await page.goto(f"{site.website}/")
    return page


async def noted(page: Page, list_name: str) -> list[Any]:
    """What the page has noted since its tab was opened."""
    return json.loads(await page.evaluate("name => sessionStorage.getItem(name) ?? '[]'", list_name))


async def sign_up(page: Page, email: str) -> None:
    """With all three fields."""
    await page.get_by_text("Sign Up", exact=True).click()
    for field, value in [("email", email), ("password", PASSWORD), ("name", "Ada Lovelace")]:
        await page.locator(f'input[name="{field}"]').fill(value)
    await page.locator('button[type="submit"]').click()
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()


async def test_fields_links_and_colours(page: Page) -> None:
    """Labels and links of the application's own, its colours, and fields that a password manager can see."""
    await page.get_by_text("Sign Up", exact=True).click()
    await expect(page.get_by_text("Work address")).to_be_visible()
    await expect(page.get_by_placeholder("Ada Lovelace")).to_be_visible()
    await expect(page.get_by_role("link", name="Terms of Service")).to_have_attribute(
        "href", "https://www.watchword.test/terms"
    )
    await expect(page.get_by_role("link", name="Privacy Policy")).to_have_attribute(
        "href", "https://www.watchword.test/privacy"
    )
    # Without a shadow root: what is in the document itself is what password managers and style sheets reach.
    assert 1 == await page.evaluate(
        "document.querySelectorAll('input[name=password][autocomplete=new-password]').length"
    )
    await expect(page.locator('button[type="submit"]')).to_have_css("background-color", "rgb(10, 120, 40)")


async def test_sign_up_can_be_shown_first(page: Page, site: Site) -> None:
    """By the address of the page, as `?show=signup`."""
    await page.goto(f"{site.website}/auth/?show=signup")
    await expect(page.get_by_placeholder("Ada Lovelace")).to_be_visible()


async def test_a_sign_up_runs_every_hook_of_the_page(page: Page, email: str) -> None:
    """The request carries what the page added, the field reaches the session, and the page leads to its own place."""
    async with page.expect_request("**/auth/signup") as caught:
        await sign_up(page, email)
    assert "spring" == (await (await caught.value).all_headers())["x-campaign"]
    await expect(page).to_have_url(re.compile(r"/welcome\?new=true$"))
    assert "Ada Lovelace" == json.loads(await page.locator("#payload").inner_text())["name"]
    assert {"EMAIL_EXISTS", "EMAIL_PASSWORD_SIGN_UP"} <= set(await noted(page, "actions"))
    assert ["SUCCESS", True] in await noted(page, "events")
    assert "SUCCESS" in await noted(page, "redirections")


async def test_whoever_is_signed_in_already_is_led_on(page: Page, site: Site, email: str) -> None:
    """The sign-in page sends them where signed-in people go, and says so."""
    await sign_up(page, email)
    await page.goto(f"{site.website}/auth/")
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    assert "SESSION_ALREADY_EXISTS" in {action for action, _ in await noted(page, "events")}


async def test_the_page_hears_that_a_session_has_ended(page: Page, site: Site, email: str) -> None:
    """After a refresh that was refused the page's own function is called."""
    await sign_up(page, email)
    await page.context.clear_cookies(name="sAccessToken")
    await page.context.clear_cookies(name="sRefreshToken")
    await page.get_by_role("button", name="Ask").click()
    await page.wait_for_function("(sessionStorage.getItem('events') ?? '').includes('EXPIRED')")
