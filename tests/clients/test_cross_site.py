"""Attacks from a page on another site, in a real browser with the victim's cookies in it."""

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Tab, Visit, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A form is the one POST that a page may send anywhere with no permission asked; the browser then leaves
# the attacker's page for the answer, and takes the cookies of that answer.
SEND_FORM = """([action, enctype, name, value]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action, enctype });
    form.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(form);
    form.submit();
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def victim(visit: Visit, https_site: Site) -> Visitor:
    """Somebody whose browser keeps the tokens in cookies."""
    return await visit(https_site, "web_js", "cookie")


@pytest_asyncio.fixture(loop_scope="session")
async def trap(victim: Visitor) -> Page:
    """A page of the attacker's, open in the victim's browser."""
    page = await victim.context.new_page()
    await page.goto(f"{victim.site.stranger}/blank")
    return page


async def send_form(page: Page, url: str, enctype: str = "text/plain", name: str = "a", value: str = "b") -> int:
    """Send a form with one field from the page and follow it; gives the status of the answer."""
    async with page.expect_navigation() as navigation:
        await page.evaluate(SEND_FORM, [url, enctype, name, value])
    answer = await navigation.value
    assert answer is not None
    return answer.status


async def send_password_form(page: Page, url: str, email: str) -> int:
    """Send our sign-in JSON as a form: in plain text a field goes out as name, "=", value, and JSON can hold that."""
    name = f'{{"formFields":[{{"id":"email","value":"{email}"}},{{"id":"password","value":"{PASSWORD}"}}],"a":"'
    return await send_form(page, url, "text/plain", name, '"}')


async def signed_up(visitor: Visitor, email: str) -> Tab:
    """The victim's own tab, with a session."""
    tab = await visitor.open()
    assert (await tab.ask("signUp", email, PASSWORD))["status"] == "OK"
    return tab


async def assert_session_lives(visitor: Visitor, tab: Tab) -> None:
    """The victim still has the session, and can refresh it."""
    assert await visitor.cookie("sRefreshToken") is not None
    assert (await tab.ask("call", "GET", "/api/session"))["status"] == 200
    await visitor.forget_access_token()
    assert (await tab.ask("call", "GET", "/api/session"))["status"] == 200


@pytest.mark.parametrize("enctype", ["text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/auth/session/refresh", "/auth/signout"])
async def test_a_foreign_form_cannot_sign_anybody_out(
    victim: Visitor, trap: Page, email: str, path: str, enctype: str
) -> None:
    """A cross-site form to refresh or sign-out is refused, and the session lives on (CS-2, CS-6).

    The attack: any page that the victim visits sends a form. Without the victim's Lax cookies a refresh looks
    like one without a token, and an answer that clears the tokens would sign the victim out.
    """
    tab = await signed_up(victim, email)

    assert await send_form(trap, victim.site.api + path, enctype) == 403

    await assert_session_lives(victim, tab)


async def test_foreign_scripts_cannot_sign_anybody_out(victim: Visitor, trap: Page, email: str) -> None:
    """The same by `fetch` without asking for permission, cookies included: the session lives on (CS-2, CS-6)."""
    tab = await signed_up(victim, email)

    for path in ("/auth/session/refresh", "/auth/signout"):
        await trap.evaluate(
            "url => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include' })", victim.site.api + path
        )

    await assert_session_lives(victim, tab)


@pytest.mark.parametrize("path", ["/auth/signin", "/auth/signup"])
async def test_a_foreign_form_cannot_sign_the_victim_in_as_the_attacker(
    victim: Visitor, trap: Page, email: str, path: str
) -> None:
    """Login CSRF: a cross-site form whose text is our JSON starts no session in the victim's browser (CS-3, CS-4).

    The attack: the victim goes on working in an account that the attacker can read.
    """
    if path == "/auth/signin":
        attacker = await signed_up(victim, email)
        await attacker.ask("signOut")

    assert await send_password_form(trap, victim.site.api + path, email) == 403

    assert await victim.cookie("sAccessToken") is None
    assert await victim.cookie("sRefreshToken") is None


async def test_a_foreign_form_cannot_replace_the_victims_session(victim: Visitor, trap: Page, email: str) -> None:
    """Login CSRF against somebody who is signed in: they stay who they are (CS-4)."""
    tab = await signed_up(victim, email)
    user_id = await tab.ask("getUserId")

    assert await send_password_form(trap, f"{victim.site.api}/auth/signup", f"another-{email}") == 403

    assert user_id == (await tab.ask("call", "GET", "/api/session"))["body"]["userId"]
    assert (await tab.ask("call", "GET", "/api/session"))["status"] == 200
