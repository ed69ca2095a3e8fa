"""Requests that the person did not mean. Source: FDI 4.7, section 14 line 52; security 2.7."""

import pytest

from tests.site import PASSWORD, Browser, Site, running_site
from watchword import AppInfo
from watchword.fdi.cookies import CookiePolicy
from watchword.fdi.csrf import AntiCsrfMode, anti_csrf_mode
from watchword.http.messages import HttpRequest
from watchword.recipes import Session
from watchword.sessions.settings import SessionSettings


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which."""
    return sqlite_url


EVIL = "https://evil.example"
SIGN_IN = {"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": EVIL, "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"origin": EVIL, "sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/auth/signin", "/auth/signup", "/auth/session/refresh", "/auth/signout", "/act"])
async def test_a_page_of_another_site_can_change_nothing(site: Site, headers: dict[str, str], path: str) -> None:
    """The attack: a page elsewhere makes a signed-in browser post to us, cookies and all. 403, nothing cleared,
    and the session lives on (CS-2, CS-4, CS-6)."""
    browser = site.browser()
    await browser.sign_up()
    answer = await browser.call("POST", path, json=SIGN_IN, headers=headers)
    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers
    assert "front-token" not in answer.headers
    assert 200 == (await browser.get("/me")).status_code
    assert 200 == (await browser.refresh()).status_code


@pytest.mark.parametrize("origin", [None, "own", "configured"])
async def test_our_own_pages_and_scripts_may(database_url: str, origin: str | None) -> None:
    """The website's origin, a configured one, and a client that is no browser are let through."""
    async with running_site(database_url, origins=["http://localhost:3999"]) as site:
        headers = {} if origin is None else {"origin": site.url if origin == "own" else "http://localhost:3999"}
        browser = site.browser()
        await browser.sign_up()
        assert 200 == (await browser.call("POST", "/act", headers=headers)).status_code
        assert 200 == (await browser.refresh(headers=headers)).status_code


async def without_rid(browser: Browser, method: str, path: str) -> int:
    """Call with the cookies but without the `rid` header."""
    return (await browser.client.request(method, path)).status_code


async def test_the_custom_header_mode_wants_any_rid(database_url: str) -> None:
    """POST without `rid` is 401 and clears nothing, any `rid` passes, GET passes, headers are never checked."""
    async with running_site(database_url, session=Session(anti_csrf="VIA_CUSTOM_HEADER")) as site:
        browser = site.browser()
        await browser.sign_up()
        answer = await browser.client.post("/act")
        assert (401, "try refresh token") == (answer.status_code, answer.json()["message"])
        assert "set-cookie" not in answer.headers
        assert 200 == await without_rid(browser, "GET", "/me")
        assert 200 == (await browser.call("POST", "/act", headers={"rid": "anything"})).status_code
        answer = await browser.client.post("/auth/session/refresh")
        assert (401, "remove") == (answer.status_code, answer.headers["front-token"])
        headers = site.browser("headers")
        await headers.sign_up("b@example.com")
        bearer = {"authorization": f"Bearer {headers.tokens['st-access-token']}"}
        assert 200 == (await site.browser().client.post("/act", headers=bearer)).status_code


async def test_the_token_mode_wants_the_token(database_url: str) -> None:
    """A cookie session gets `anti-csrf`; POST without or with a wrong one is 401, refresh with a wrong one clears."""
    async with running_site(database_url, session=Session(anti_csrf="VIA_TOKEN")) as site:
        browser = site.browser()
        answer = await browser.sign_up()
        assert "front-token, anti-csrf" == answer.headers["access-control-expose-headers"]
        token = browser.tokens["anti-csrf"]
        assert 200 == (await browser.call("POST", "/act")).status_code
        assert 200 == await without_rid(browser, "GET", "/me")
        for wrong in ({}, {"anti-csrf": "wrong"}):
            answer = await browser.client.post("/act", headers=wrong)
            assert (401, "try refresh token") == (answer.status_code, answer.json()["message"])
        site.clock.advance(130_001)
        assert 200 == (await browser.refresh()).status_code
        assert browser.tokens["anti-csrf"] != token
        assert 200 == (await browser.call("POST", "/act")).status_code
        answer = await browser.client.post("/auth/session/refresh", headers={"anti-csrf": "wrong"})
        assert (401, "remove") == (answer.status_code, answer.headers["front-token"])


async def test_header_sessions_get_no_anti_csrf_token(database_url: str) -> None:
    """They need none: no browser sends `Authorization` by itself."""
    async with running_site(database_url, session=Session(anti_csrf="VIA_TOKEN")) as site:
        browser = site.browser("headers")
        assert "anti-csrf" not in (await browser.sign_up()).headers
        assert 200 == (await browser.call("POST", "/act")).status_code
        assert 200 == (await browser.refresh()).status_code


@pytest.mark.parametrize(
    ("api", "website", "mode"),
    [
        ("https://api.example.com", "https://example.com", "NONE"),
        ("https://api.example.com", "https://other.example.org", "VIA_CUSTOM_HEADER"),
        ("https://a.github.io", "https://b.github.io", "VIA_CUSTOM_HEADER"),
        ("http://localhost:8000", "http://localhost:3000", "NONE"),
    ],
)
def test_without_a_setting_cookies_that_go_across_sites_want_the_header(api: str, website: str, mode: str) -> None:
    """Attack: a page elsewhere posts with cookies that must be SameSite=None; nobody has to know which mode to set
    (CS-1)."""
    info = AppInfo(app_name="T", api_domain=api, website_domain=website)
    request = HttpRequest("POST", "/act", headers=(("origin", website),))
    assert mode == anti_csrf_mode(CookiePolicy(info, SessionSettings()), request)


@pytest.mark.parametrize("mode", ["NONE", "VIA_CUSTOM_HEADER", "VIA_TOKEN"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/act"), ("PUT", "/payload"), ("PATCH", "/payload")])
async def test_every_method_that_may_change_something_is_checked(
    database_url: str, mode: AntiCsrfMode, method: str, path: str
) -> None:
    """Attack: use the method that the check forgot; a page of another site changes nothing in any mode (CS-1, CS-2)."""
    async with running_site(database_url, session=Session(anti_csrf=mode)) as site:
        browser = site.browser()
        await browser.sign_up()
        answer = await browser.call(method, path, json={"role": "admin"}, headers={"origin": EVIL})
        assert 403 == answer.status_code
        assert {} == (await browser.get("/me")).json()["payload"]
        assert 200 == (await browser.call(method, path, json={"role": "admin"})).status_code
