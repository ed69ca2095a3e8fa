"""The example's page in a real browser: what a person does there, at desktop and at phone width, light and dark."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.clients.programs import find_chromium
from tests.examples.demo import Demo

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium that reaches this machine only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
        )
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, origin: str, **context: object) -> Iterator[Page]:
    """A new visitor of the page; an uncaught error on it fails the test."""
    with browser.new_context(base_url=origin, **context) as visitor:  # type: ignore[arg-type] - options of playwright
        page = visitor.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/")
        yield page
        assert [] == errors


def sign_up(page: Page, email: str | None = None) -> None:
    """Fill the form as a person does; somebody new each time unless an address is given."""
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("E-mail").fill(email or f"{uuid.uuid4()}@example.com")
    page.get_by_label("Password").fill("correct horse 1")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="You are signed in")).to_be_focused()


def test_sign_up_change_both_refresh_sign_out_and_in(demo: Demo, browser: Browser) -> None:
    """The whole walk on the page: each change is seen in the answer that made it."""
    with visit(browser, demo.origin) as page:
        sign_up(page, "ada@example.com")
        payload = page.get_by_label("JWT payload, as the page sees it")
        expect(payload).to_contain_text('"joined_by": "emailpassword"')
        expect(page.locator("#data")).to_contain_text('"first_seen": true')
        handle = page.locator("#handle").inner_text()

        form = page.locator('form[data-path="/api/session/payload"]')
        form.get_by_role("button", name="Merge").click()
        expect(payload).to_contain_text('"theme": "dark"')
        expect(payload).to_contain_text('"joined_by": "emailpassword"')
        expect(page.locator("#validity")).to_contain_text("a change of payload does not extend it")
        form.get_by_role("button", name="Replace").click()
        expect(payload).not_to_contain_text("joined_by")
        page.locator('form[data-path="/api/session/data"]').get_by_role("button", name="Merge").click()
        expect(page.locator("#data")).to_contain_text("milk")
        expect(page.locator("#data")).not_to_contain_text("first_seen")

        page.get_by_role("button", name="Refresh the session").click()
        expect(page.get_by_role("status")).to_have_text(
            "Refreshed: a new access token; the refresh token stays as it is."
        )
        page.reload()
        expect(payload).to_contain_text('"theme": "dark"')
        assert handle == page.locator("#handle").inner_text()

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_focused()
        expect(page.get_by_role("status")).to_have_text("Signed out.")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill("wrong horse 1")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("status")).to_have_text("The e-mail address or the password is wrong.")
        expect(page.locator("#log")).to_contain_text("POST /auth/signin: 200 WRONG_CREDENTIALS_ERROR")
        page.get_by_label("Password").fill("correct horse 1")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#data")).to_contain_text('"first_seen": false')
        assert handle != page.locator("#handle").inner_text()


def test_continue_with_the_demo_provider(demo: Demo, browser: Browser) -> None:
    """One press, one choice at the provider, and the browser is back with a session and a clean address."""
    with visit(browser, demo.origin) as page:
        page.get_by_role("button", name="Continue with the demo provider").click()
        page.get_by_role("button", name="grace@example.com").click()
        expect(page.locator("#payload")).to_contain_text('"joined_by": "thirdparty"')
        assert f"{demo.origin}/" == page.url


def test_who_says_no_at_the_provider_is_told_so(demo: Demo, browser: Browser) -> None:
    """The provider comes back with an error and without the state; the page says what happened, and nothing is sent."""
    with visit(browser, demo.origin) as page:
        page.get_by_role("button", name="Continue with the demo provider").click()
        page.get_by_role("button", name="Deny").click()
        expect(page.get_by_role("status")).to_have_text("You did not continue with the provider.")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.locator("#log")).not_to_contain_text("signinup")


def test_an_expired_access_token_is_refreshed_and_the_call_made_again(demo: Demo, browser: Browser) -> None:
    """Without an access token that counts, the page refreshes by itself and asks again: the person notices nothing."""
    with visit(browser, demo.origin) as page:
        sign_up(page)
        context = page.context
        token = next(cookie for cookie in context.cookies() if cookie["name"] == "sAccessToken")
        context.add_cookies([{**token, "value": "not.a.token"}])  # type: ignore[typeddict-item] - what cookies() gave
        page.reload()
        expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
        expect(page.locator("#log li")).to_contain_text(
            ["GET /api/session: 200", "POST /auth/session/refresh: 200", "GET /api/session: 401"]
        )


def test_a_session_that_ended_elsewhere_is_said_in_words(demo: Demo, browser: Browser) -> None:
    """Signed out in one tab, the other shows the sign-in form; a refresh of nothing says that it is over."""
    with visit(browser, demo.origin) as page:
        sign_up(page)
        other = page.context.new_page()
        other.goto("/")
        other.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("You signed out in another tab.")

        sign_up(page)
        page.context.clear_cookies()
        page.get_by_role("button", name="Refresh the session").click()
        expect(page.get_by_role("status")).to_have_text("Your session has ended. Please sign in again.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desktop"])
def test_the_page_fits_and_can_be_read(demo: Demo, browser: Browser, viewport: dict[str, int], scheme: str) -> None:
    """Nothing sticks out sideways, every control has a name and room for a thumb, and text has enough contrast."""
    with visit(browser, demo.origin, viewport=viewport, color_scheme=scheme) as page:
        assert [] == page.evaluate(LOOK)
        sign_up(page)
        page.get_by_text("The whole front token").click()
        assert [] == page.evaluate(LOOK)


# Wider than the window; a control without a name or lower than 24 px; text under 4.5:1 (WCAG 2.2 AA).
LOOK = """
() => {
  const problems = [];
  if (document.documentElement.scrollWidth > innerWidth) problems.push("the page is wider than the window");
  for (const control of document.querySelectorAll("button, input, textarea")) {
    if (!control.offsetParent) continue;
    const label = control.labels?.[0]?.textContent || control.textContent || control.ariaLabel;
    if (!label.trim()) problems.push("no name: " + control.id);
    if (control.getBoundingClientRect().height < 24) problems.push("too low: " + (control.id || label));
  }
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = channels(color).map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  for (const element of document.querySelectorAll("body *")) {
    if (!element.offsetParent || ![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) problems.push("low contrast: " + element.textContent.slice(0, 40));
  }
  return problems;
}
"""
