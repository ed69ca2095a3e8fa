"""What a browser makes of our answers: how it keeps the cookies, and which answers it lets a website read."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Error

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Past the official client, which would refresh and repeat: what the browser itself lets a page see.
RAW_FETCH = """async (url) => {
    const response = await fetch(url + "?superTokensDoNotDoInterception", { credentials: "include" });
    return [response.status, await response.text()];
}"""


async def test_the_browser_keeps_the_session_cookies_as_they_must_be(visit: Visit, site: Site, email: str) -> None:
    """Out of reach of scripts, for the API's host only, the refresh token only at its endpoint (CK-1, CK-2)."""
    visitor = await visit(site, "web_js", "cookie")
    tab = await visitor.open()
    await tab.ask("signUp", email, PASSWORD)

    access, refresh = await visitor.cookie("sAccessToken"), await visitor.cookie("sRefreshToken")

    assert access is not None
    assert refresh is not None
    host = site.api.split("://")[1].split(":")[0]
    secure = site.api.startswith("https")
    for cookie, path, days in ((access, "/", 365), (refresh, "/auth/session/refresh", 100)):
        assert (path, host, True, secure, "Lax") == (
            cookie["path"],
            cookie["domain"],
            cookie["httpOnly"],
            cookie["secure"],
            cookie["sameSite"],
        )
        expires_at = datetime.fromtimestamp(cookie["expires"], UTC)
        assert abs(expires_at - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)
    assert "sAccessToken" not in await tab.page.evaluate("document.cookie")


async def test_cookies_of_two_sites_are_sent_across_and_only_over_https(
    visit: Visit, https_site: Site, email: str
) -> None:
    """Where website and API are two sites, the cookies are SameSite=None and Secure; else Lax (CK-2)."""
    visitor = await visit(https_site, "web_js", "cookie")
    await (await visitor.open()).ask("signUp", email, PASSWORD)

    cookie = await visitor.cookie("sAccessToken")

    assert cookie is not None
    expected = "None" if "other-site" in https_site.api else "Lax"
    assert (expected, True) == (cookie["sameSite"], cookie["secure"])


async def test_the_website_can_read_every_kind_of_failure(visit: Visit, site: Site, email: str) -> None:
    """401, 403, 404 and 500 carry the CORS headers: the browser shows them instead of a network error."""
    visitor = await visit(site, "web_js", "cookie")
    tab = await visitor.open()

    assert await tab.page.evaluate(RAW_FETCH, f"{site.api}/api/session") == [401, '{"message":"unauthorised"}']
    assert (await tab.page.evaluate(RAW_FETCH, f"{site.api}/api/broken"))[0] == 500
    await tab.ask("signUp", email, PASSWORD)
    assert (await tab.page.evaluate(RAW_FETCH, f"{site.api}/api/forbidden"))[0] == 403
    if site.api != site.website:  # on one origin every unknown address is the website's page
        assert (await tab.page.evaluate(RAW_FETCH, f"{site.api}/api/unknown"))[0] == 404


async def test_a_stranger_cannot_read_our_answers(visit: Visit, https_site: Site, email: str) -> None:
    """The browser gives nothing that the API answers to a website that is not named in the configuration.

    The attack: a page on another site asks the API with the visitor's cookies, to read who they are.
    """
    visitor = await visit(https_site, "web_js", "cookie")
    await (await visitor.open()).ask("signUp", email, PASSWORD)
    stranger = await visitor.context.new_page()
    await stranger.goto(f"{https_site.stranger}/blank")

    with pytest.raises(Error, match="Failed to fetch"):
        await stranger.evaluate(RAW_FETCH, f"{https_site.api}/api/session")
