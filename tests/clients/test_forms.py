"""Forms that an application has changed, in the official React package: user names, and sign-ups that are closed."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.clients.conftest import new_sqlite_url
from tests.clients.servers import listen, port_of, serve
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit
from tests.clients.website import make_website
from tests.examples.example import Example, running_example
from watchword import SignUps

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def names(surroundings: Surroundings, tmp_path: Path) -> AsyncIterator[tuple[Site, Example]]:
    """The example with user names, and a website for it on another port."""
    listener = listen()
    website = f"http://localhost:{port_of(listener)}"
    with (
        listener,
        running_example("examples.user_names.app:app", tmp_path, WEBSITE=website) as example,
        serve(make_website(surroundings.bundles), listener, None),
    ):
        yield Site(website, example.origin, website, website, third_party_cookies=False), example


async def fill(page: Page, **values: str) -> None:
    """Fill in a form and send it."""
    for field, value in values.items():
        await page.locator(f'input[name="{field}"]').fill(value)
    await page.locator('button[type="submit"]').click()


async def test_user_names(visit: Visit, names: tuple[Site, Example]) -> None:
    """Label and validator of the page, the server's answer beside the field, a sign-in by address, a reset by name."""
    site, example = names
    page = await (await visit(site, "auth_react_user_names", "cookie")).context.new_page()
    await page.goto(f"{site.website}/auth/?show=signup")
    await expect(page.get_by_text(re.compile("^User name"))).to_be_visible()
    await fill(page, email="a b", address="ada@example.com", password=PASSWORD)
    await expect(page.get_by_text("3 to 20 letters, digits or _")).to_be_visible()
    await fill(page, email="Ada_L", address="nowhere", password=PASSWORD)
    await expect(page.get_by_text("This is no e-mail address")).to_be_visible()
    await fill(page, email="Ada_L", address="ada@example.com", password=PASSWORD)
    await expect(page.get_by_role("heading", name="Signed in")).to_be_visible()

    await page.context.clear_cookies()
    await page.goto(f"{site.website}/auth/")
    await expect(page.get_by_text("User name or e-mail")).to_be_visible()
    await fill(page, email="ada@example.com", password=PASSWORD)
    await expect(page.get_by_role("heading", name="Signed in")).to_be_visible()

    await page.context.clear_cookies()
    await page.goto(f"{site.website}/auth/reset-password")
    await fill(page, email="ada_l")
    await page.goto(example.take_line("http://localhost\\S+token=\\S+")[0])
    await fill(page, password="correct horse 2", **{"confirm-password": "correct horse 2"})
    await expect(page.get_by_text("Success!")).to_be_visible()


async def test_closed_sign_ups(visit: Visit, surroundings: Surroundings, tmp_path: Path, email: str) -> None:
    """The form is there, and whoever presses the button reads in the application's words why not."""
    sign_ups = SignUps(open=False, reason="Ask Ada for an account.")
    with run_site("two ports", surroundings, new_sqlite_url(tmp_path), sign_ups=sign_ups) as site:
        page = await (await visit(site, "auth_react", "cookie")).context.new_page()
        await page.goto(f"{site.website}/auth/?show=signup")
        await fill(page, email=email, password=PASSWORD)
        await expect(page.get_by_text("Ask Ada for an account.")).to_be_visible()
