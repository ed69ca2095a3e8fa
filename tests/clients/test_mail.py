"""Links in mails, with the official clients in a real browser and a real mail server: verification and reset."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.clients.conftest import new_sqlite_url
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.test_auth_react import expect_signed_in, fill_in
from tests.clients.visitors import PASSWORD, Tab, Transfer, Visit
from tests.services.mail import MailServer, mail_server
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.smtp import SmtpService
from watchword.recipes import EmailVerification

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW_PASSWORD = "another horse 2"


@dataclass
class MailingSite:
    """A site that lets nobody in before their address is proved, and the mail server it sends by."""

    site: Site
    server: MailServer

    async def take_link(self, kind: str) -> str:
        """The link in the newest mail, once there is one; `kind` is a piece of its path."""
        async with asyncio.timeout(20):
            while not (texts := [text for mail in self.server.mails if kind in (text := _text(mail))]):  # noqa: ASYNC110 - it says nothing
                await asyncio.sleep(0.02)
        (link,) = set(re.findall(r"https?://\S+token=\S+", texts[-1]))
        self.server.envelopes.clear()
        return link


def _text(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return cast("str", body.get_content())


@pytest_asyncio.fixture(loop_scope="session")
async def mailing(surroundings: Surroundings, tmp_path: Path) -> AsyncIterator[MailingSite]:
    """On two ports, with mail over SMTP."""
    async with mail_server() as server:
        service = SmtpService(host="127.0.0.1", port=server.port, sender="Watchword <auth@watchword.test>", tls="none")
        settings = {
            "more_recipes": [EmailVerification(mode="REQUIRED")],
            "email_delivery": EmailDelivery(service),
        }
        with run_site("two ports", surroundings, new_sqlite_url(tmp_path), **settings) as site:
            yield MailingSite(site, server)


async def open_link(tab: Tab, link: str) -> Tab:
    """The page behind a link, in another tab of the same browser."""
    page = await tab.page.context.new_page()
    await page.goto(link)
    await page.wait_for_function("window.client")
    return Tab(page)


@pytest.mark.parametrize("transfer", ["cookie", "header"])
async def test_web_js_proves_an_address(visit: Visit, mailing: MailingSite, transfer: Transfer, email: str) -> None:
    """403 until the link was opened; then the same session is let in, without signing in again."""
    tab = await (await visit(mailing.site, "web_js", transfer)).open()
    await tab.ask("signUp", email, PASSWORD)
    refused = await tab.ask("call", "GET", "/api/session")
    assert (403, "st-ev") == (refused["status"], refused["body"]["claimValidationErrors"][0]["id"])
    assert {"status": "OK"} == await tab.ask("askForProof")

    linked = await open_link(tab, await mailing.take_link("verify-email"))
    assert {"status": "OK"} == await linked.ask("prove")
    assert {"status": "EMAIL_VERIFICATION_INVALID_TOKEN_ERROR"} == await linked.ask("prove")

    assert 200 == (await tab.ask("call", "GET", "/api/session"))["status"]
    assert {"status": "OK", "isVerified": True} == await tab.ask("isProved")
    assert {"status": "EMAIL_ALREADY_VERIFIED_ERROR"} == await tab.ask("askForProof")


@pytest.mark.parametrize("transfer", ["cookie", "header"])
async def test_web_js_resets_a_password(visit: Visit, mailing: MailingSite, transfer: Transfer, email: str) -> None:
    """The link works once, proves the address on the way, and ends the sessions from before."""
    tab = await (await visit(mailing.site, "web_js", transfer)).open()
    await tab.ask("signUp", email, PASSWORD)
    assert {"status": "OK"} == await tab.ask("askForNewPassword", email)

    stranger = await (await visit(mailing.site, "web_js", transfer)).open()
    linked = await open_link(stranger, await mailing.take_link("reset-password"))
    weak = await linked.ask("chooseNewPassword", "short")
    assert ("FIELD_ERROR", "password") == (weak["status"], weak["formFields"][0]["id"])
    assert "OK" == (await linked.ask("chooseNewPassword", NEW_PASSWORD))["status"]
    used = await linked.ask("chooseNewPassword", NEW_PASSWORD)
    assert "RESET_PASSWORD_INVALID_TOKEN_ERROR" == used["status"]

    await tab.ask("signOut")
    assert "WRONG_CREDENTIALS_ERROR" == (await tab.ask("signIn", email, PASSWORD))["status"]
    assert "OK" == (await tab.ask("signIn", email, NEW_PASSWORD))["status"]
    assert 200 == (await tab.ask("call", "GET", "/api/session"))["status"]


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: Visit, mailing: MailingSite) -> Page:
    """The website around `supertokens-auth-react` in the browser of somebody new."""
    visitor = await visit(mailing.site, "auth_react", "cookie", emailVerification="REQUIRED")
    page = await visitor.context.new_page()
    await page.goto(f"{mailing.site.website}/members")
    return page


async def sign_up(page: Page, email: str) -> None:
    """On the client's own page, until it asks for the proof."""
    await page.get_by_text("Sign Up", exact=True).click()
    await fill_in(page, email, PASSWORD)
    await expect(page.get_by_text("Verify your email")).to_be_visible()


async def test_auth_react_proves_an_address(page: Page, mailing: MailingSite, email: str) -> None:
    """The client's own pages: it asks for the mail by itself, and leads on from the link."""
    await sign_up(page, email)
    link = await mailing.take_link("verify-email")

    await page.goto(link)
    await page.get_by_text("Continue", exact=False).click()

    await expect_signed_in(page)


async def test_auth_react_resets_a_password(page: Page, mailing: MailingSite, email: str) -> None:
    """The client's own pages, from "Forgot password?" to the sign-in with the new one."""
    await sign_up(page, email)
    await page.get_by_text("Logout", exact=False).click()
    await page.get_by_text("Forgot password?").click()
    await page.locator('input[name="email"]').fill(email)
    await page.get_by_role("button", name="Email me").click()
    await expect(page.get_by_text("A password reset email has been sent")).to_be_visible()

    await page.goto(await mailing.take_link("reset-password"))
    await page.locator('input[name="password"]').fill(NEW_PASSWORD)
    await page.locator('input[name="confirm-password"]').fill(NEW_PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Success!")).to_be_visible()
    await page.get_by_role("button", name="Sign in").click()

    await fill_in(page, email, NEW_PASSWORD)
    await expect_signed_in(page)


async def test_auth_react_follows_a_link_to_another_address(page: Page, mailing: MailingSite, email: str) -> None:
    """Who mistyped the address wishes for the right one; the client's own page uses the link, and leads on."""
    await sign_up(page, email)
    await mailing.take_link("verify-email")
    right = f"right-{email}"
    wish = """([url, email]) => fetch(url, {
        method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({email}),
    }).then((answer) => answer.json())"""
    assert {"status": "OK"} == await page.evaluate(wish, [f"{mailing.site.api}/api/change-email", right])

    await page.goto(await mailing.take_link("verify-email"))
    await page.get_by_text("Continue", exact=False).click()

    await expect_signed_in(page)
    await page.get_by_role("button", name="Sign out").click()
    await fill_in(page, right, PASSWORD)
    await expect_signed_in(page)
