"""`supertokens-auth-react`, unmodified, with its own sign-in page: every shape of site, both transports."""

import json
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Visit, sign_in_at_provider

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", params=["cookie", "header"])
async def page(request: pytest.FixtureRequest, visit: Visit, site: Site) -> Page:
    """The website in the browser of somebody new, once with tokens in cookies and once in headers."""
    visitor = await visit(site, "auth_react", request.param)
    page = await visitor.context.new_page()
    await page.goto(f"{site.website}/members")
    return page


async def fill_in(page: Page, email: str, password: str) -> None:
    """Fill in the form of the client's page and send it."""
    await page.locator('input[name="email"]').fill(email)
    await page.locator('input[name="password"]').fill(password)
    await page.locator('button[type="submit"]').click()


async def expect_signed_in(page: Page) -> dict[str, Any]:
    """Wait for the page of signed-in people; gives the payload and the session data that it shows."""
    await expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    data = json.loads(await page.locator("#data").inner_text())
    return {"payload": json.loads(await page.locator("#payload").inner_text()), "data": data}


async def test_a_person_signs_up_out_and_in_on_the_clients_own_page(page: Page, site: Site, email: str) -> None:
    """Who has no session is shown the sign-in page, signs up and is back where they were; then out, and in."""
    await expect(page).to_have_url(f"{site.website}/auth/?redirectToPath=%2Fmembers")
    await page.get_by_text("Sign Up", exact=True).click()
    await fill_in(page, email, PASSWORD)
    shown = await expect_signed_in(page)
    await expect(page).to_have_url(f"{site.website}/members")
    assert shown["payload"]["joinedBy"] == "emailpassword"
    assert shown["data"] == {"firstSeen": True}

    await page.get_by_role("button", name="Sign out").click()
    await fill_in(page, email, "another horse 2")
    await expect(page.get_by_text("Incorrect email and password combination")).to_be_visible()

    await fill_in(page, email, PASSWORD)
    assert (await expect_signed_in(page))["data"] == {"firstSeen": False}


async def test_a_taken_email_is_shown_at_its_field(page: Page, email: str) -> None:
    """The client's page shows our answer to a second sign-up with one address."""
    await page.get_by_text("Sign Up", exact=True).click()
    await fill_in(page, email, PASSWORD)
    await expect_signed_in(page)
    await page.get_by_role("button", name="Sign out").click()

    await page.get_by_text("Sign Up", exact=True).click()
    await fill_in(page, email, PASSWORD)

    await expect(page.get_by_text("This email already exists. Please sign in instead.").first).to_be_visible()


async def test_a_person_continues_with_the_provider(page: Page) -> None:
    """The button of the client's page goes to the provider, and its callback page signs in."""
    await page.get_by_text("Continue with People").click()
    await sign_in_at_provider(page, "grace")

    assert (await expect_signed_in(page))["payload"]["joinedBy"] == "thirdparty"
