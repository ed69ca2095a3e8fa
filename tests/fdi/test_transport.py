"""Tokens in cookies and in headers. Source: FDI 4, section 14 lines 25 to 31, 34, 40, 45, 53, 54; security CK-*."""

import base64
import json
import re
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.site import PASSWORD, Browser, Carry, Site, running_site
from watchword.recipes import Session
from watchword.sessions.session import SessionContainer

COOKIE = re.compile(
    r"(?P<name>\w+)=(?P<value>[^;]*); Path=(?P<path>[^;]+); Expires=(?P<expires>[^;]+); HttpOnly; SameSite=Lax"
)
CLEARED = "Thu, 01 Jan 1970 00:00:00 GMT"


def jwt_payload_text(token: str) -> str:
    """The payload of a JWT as the bytes that were signed."""
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


@pytest.mark.parametrize(
    ("mode", "expected"), [(None, "headers"), ("nonsense", "headers"), ("Header", "headers"), ("cookie", "cookies")]
)
async def test_the_client_chooses_the_transport(site: Site, mode: str | None, expected: str) -> None:
    """`st-auth-mode` decides when a session starts; a client that says nothing gets headers."""
    body = {"formFields": [{"id": "email", "value": "a@b.co"}, {"id": "password", "value": PASSWORD}]}
    answer = await site.browser().client.post("/auth/signup", json=body, headers={"st-auth-mode": mode} if mode else {})
    assert ("st-access-token" in answer.headers) == (expected == "headers")
    assert ("set-cookie" in answer.headers) == (expected == "cookies")


async def test_cookies_have_the_contracts_attributes_in_its_order(site: Site) -> None:
    """Path, expiry, HttpOnly and SameSite, spelled and ordered as the suites read them; no token headers."""
    answer = await site.browser().sign_up()
    cookies = [COOKIE.fullmatch(cookie) for cookie in answer.headers.get_list("set-cookie")]
    assert all(cookies)
    access, refresh, device = cookies
    assert access is not None
    assert refresh is not None
    assert device is not None
    assert ("sAccessToken", "/") == (access["name"], access["path"])
    assert ("sRefreshToken", "/auth/session/refresh") == (refresh["name"], refresh["path"])
    assert ("sKnownDevice", "/auth") == (device["name"], device["path"])
    now = site.clock.now_ms() / 1000
    assert abs(parsedate_to_datetime(access["expires"]).timestamp() - now - 365 * 86_400) < 60
    assert abs(parsedate_to_datetime(refresh["expires"]).timestamp() - now - 100 * 86_400) < 60
    assert "st-access-token" not in answer.headers
    assert "st-refresh-token" not in answer.headers
    assert "no-store" == answer.headers["cache-control"]


async def test_header_sessions_have_no_cookies(site: Site) -> None:
    """Both tokens in headers, no cookie, no anti-CSRF token."""
    answer = await site.browser("headers").sign_up()
    assert "set-cookie" not in answer.headers
    assert "anti-csrf" not in answer.headers
    assert "front-token, st-access-token, st-refresh-token" == answer.headers["access-control-expose-headers"]


async def test_the_access_token_may_be_shown_to_scripts_by_setting(database_url: str) -> None:
    """With the setting, cookie sessions also get `st-access-token`, never `st-refresh-token`."""
    session = Session(expose_access_token_to_frontend_in_cookie_based_auth=True)
    async with running_site(database_url, session=session) as site:
        browser = site.browser()
        for answer in (
            await browser.sign_up(),
            await browser.refresh(),
            await browser.call("PUT", "/payload", json={"a": 1}),
        ):
            assert 200 == answer.status_code
            assert "st-access-token" in answer.headers
            assert "st-refresh-token" not in answer.headers


async def test_front_token_and_jwt_hold_the_same_text(ada: Browser, carry: Carry) -> None:
    """`up` is byte for byte the JWT's payload, `ate` its expiry in milliseconds; other scripts survive."""
    await ada.call("PUT", "/payload", json={"b": "žluťoučký 🐎", "a": {"z": [1, 2.5, None]}})
    token = ada.client.cookies["sAccessToken"] if carry == "cookies" else ada.tokens["st-access-token"]
    front = ada.front_token
    assert json.loads(jwt_payload_text(token)) == front["up"]
    assert jwt_payload_text(token) == json.dumps(front["up"], ensure_ascii=False, separators=(",", ":"))
    assert front["ate"] == front["up"]["exp"] * 1000
    assert "žluťoučký 🐎" == front["up"]["b"]


async def test_many_payload_changes_leave_one_cookie(site: Site) -> None:
    """However often the payload changed, one response has one `Set-Cookie` of a name: the last."""
    app_routes = site.browser()
    await app_routes.sign_up()
    answer = await app_routes.call("PATCH", "/payload", json={"n": 3})
    assert 1 == len(answer.headers.get_list("set-cookie"))
    assert 1 == len(answer.headers.get_list("front-token"))
    assert "front-token" == answer.headers["access-control-expose-headers"]


async def test_a_sign_in_in_one_transport_clears_the_other(site: Site) -> None:
    """A client with a cookie session that signs in by header loses the cookies, and the other way round."""
    browser = site.browser("cookies")
    await browser.sign_up()
    browser.carry = "headers"
    answer = await browser.sign_in()
    assert any(cookie.startswith("sAccessToken=;") for cookie in answer.headers.get_list("set-cookie"))
    assert answer.headers["st-access-token"]
    browser.carry = "cookies"
    answer = await browser.call(
        "POST",
        "/auth/signin",
        json={"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]},
        headers={"authorization": "Bearer nonsense"},
    )
    assert "" == answer.headers["st-access-token"]
    assert any(cookie.startswith("sAccessToken=ey") for cookie in answer.headers.get_list("set-cookie"))


async def test_a_refresh_without_a_session_clears_everything(site: Site) -> None:
    """Every first visit asks once; the answer is 401, clears all four things and says `remove`."""
    answer = await site.browser().refresh()
    assert 401 == answer.status_code
    assert b'{"message":"unauthorised"}' == answer.content
    assert "remove" == answer.headers["front-token"]
    assert ("", "") == (answer.headers["st-access-token"], answer.headers["st-refresh-token"])
    assert [
        f"sAccessToken=; Path=/; Expires={CLEARED}; HttpOnly; SameSite=Lax",
        f"sRefreshToken=; Path=/auth/session/refresh; Expires={CLEARED}; HttpOnly; SameSite=Lax",
    ] == answer.headers.get_list("set-cookie")


async def test_no_token_on_a_protected_route_clears_nothing(site: Site) -> None:
    """Another tab may just be receiving new cookies, so the answer leaves them alone."""
    answer = await site.browser().get("/me")
    assert (401, b'{"message":"unauthorised"}') == (answer.status_code, answer.content)
    assert "front-token" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_a_foreign_bearer_does_not_disturb_a_cookie_session(site: Site) -> None:
    """The application's own bearer is not ours: the cookie is used, also to refresh."""
    browser = site.browser()
    assert 401 == (await browser.get("/me", headers={"authorization": "Bearer x.y.z"})).status_code
    await browser.sign_up()
    foreign = {"authorization": "Bearer x.y.z"}
    assert 200 == (await browser.get("/me", headers=foreign)).status_code
    assert 200 == (await browser.refresh(headers=foreign)).status_code


async def test_the_header_token_wins_over_the_cookie(site: Site) -> None:
    """With both, the header's session counts, on verify and on refresh, and refresh clears the cookies."""
    cookies, headers = site.browser("cookies"), site.browser("headers")
    await cookies.sign_up("cookie@example.com")
    await headers.sign_up("header@example.com")
    bearer = {"authorization": f"Bearer {headers.tokens['st-access-token']}"}
    assert (await headers.get("/me")).json()["userId"] == (await cookies.get("/me", headers=bearer)).json()["userId"]
    refresh = {"authorization": f"Bearer {headers.tokens['st-refresh-token']}"}
    answer = await cookies.refresh(headers=refresh)
    assert answer.headers["st-access-token"]
    assert any(cookie.startswith("sAccessToken=;") for cookie in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("method", ["cookie", "header"])
async def test_a_fixed_transport_ignores_the_other(database_url: str, method: Any) -> None:
    """With the transport set to one, tokens in the other are as if they were not there (FDI 4.9, 4.10 tables)."""
    async with running_site(database_url, session=Session(token_transfer_method=method)) as site:
        browser = site.browser("cookies" if method == "cookie" else "headers")
        await browser.sign_up()
        assert 200 == (await browser.get("/me")).status_code
        assert 200 == (await browser.refresh()).status_code
        if method == "cookie":
            moved = {"authorization": f"Bearer {browser.client.cookies['sAccessToken']}"}
        else:
            moved = {"cookie": f"sAccessToken={browser.tokens['st-access-token']}"}
        answer = await site.browser().client.get("/me", headers=moved)
        assert 401 == answer.status_code
        assert b'{"message":"unauthorised"}' == answer.content


async def test_two_access_cookies_do_not_confuse_anyone(site: Site) -> None:
    """A cookie planted on a parent domain, or left by an old setting, neither locks out nor loops (CK-4)."""
    browser = site.browser()
    await browser.sign_up()
    good = browser.client.cookies["sAccessToken"]
    for header in (f"sAccessToken={good}; sAccessToken=planted", f"sAccessToken=planted; sAccessToken={good}"):
        assert 200 == (await site.browser().client.get("/me", headers={"cookie": header})).status_code


async def test_two_refresh_cookies_refresh_the_younger(site: Site) -> None:
    """Of two refresh cookies of one session the stale one must not look like theft (CK-4)."""
    browser = site.browser()
    await browser.sign_up()
    old = browser.client.cookies["sRefreshToken"]
    for _ in range(2):
        site.clock.advance(200_000)
        assert 200 == (await browser.refresh()).status_code
    site.clock.advance(200_000)
    new = browser.client.cookies["sRefreshToken"]
    assert new != old
    header = {"cookie": f"sRefreshToken={old}; sRefreshToken={new}", "rid": "session"}
    assert 200 == (await site.browser().client.post("/auth/session/refresh", headers=header)).status_code
    assert 200 == (await browser.refresh()).status_code


async def test_an_older_cookie_domain_is_cleaned_up(database_url: str) -> None:
    """With `older_cookie_domain`, verify asks for a refresh, and that refresh deletes the old cookies (FDI 4.11)."""
    async with running_site(database_url, session=Session(older_cookie_domain=".example.com")) as site:
        browser = site.browser()
        await browser.sign_up()
        good = browser.client.cookies["sAccessToken"]
        doubled = {"cookie": f"sAccessToken={good}; sAccessToken={good}; sRefreshToken=x", "rid": "session"}
        answer = await site.browser().client.get("/me", headers=doubled)
        assert (401, "try refresh token") == (answer.status_code, answer.json()["message"])
        answer = await site.browser().client.post("/auth/session/refresh", headers=doubled)
        assert 200 == answer.status_code
        assert "front-token" not in answer.headers
        assert any("Domain=.example.com; Path=/;" in cookie for cookie in answer.headers.get_list("set-cookie"))


async def test_the_marker_of_an_old_protocol_is_migrated(site: Site) -> None:
    """`sIdRefreshToken` makes verify ask for a refresh; the refresh deletes it, whether it works or not."""
    browser = site.browser()
    await browser.sign_up()
    access, refresh = browser.client.cookies["sAccessToken"], browser.client.cookies["sRefreshToken"]
    old = {"cookie": f"sIdRefreshToken=1; sAccessToken={access}; sRefreshToken={refresh}", "rid": "session"}
    client = site.browser().client
    assert "try refresh token" == (await client.get("/me", headers=old)).json()["message"]
    for cookie in (old["cookie"], "sIdRefreshToken=1"):
        answer = await client.post("/auth/session/refresh", headers={"cookie": cookie, "rid": "session"})
        assert any(line.startswith("sIdRefreshToken=;") for line in answer.headers.get_list("set-cookie"))


async def test_signing_in_again_ends_the_session_it_replaces(site: Site, carry: Carry) -> None:
    """One browser, two sign-ins: the first session is gone from the database (SE-2)."""
    browser = site.browser(carry)
    await browser.sign_up()
    first = (await browser.get("/me")).json()["handle"]
    await browser.sign_in()
    assert first != (await browser.get("/me")).json()["handle"]
    user_id = (await browser.get("/me")).json()["userId"]
    assert first not in await site.auth.sessions.list_handles(user_id)


async def test_an_expired_token_of_somebody_else_ends_nothing(site: Site) -> None:
    """The attack: an old access token, found in a log, is sent along with a sign-up of the thief's own."""
    victim, thief = site.browser("headers"), site.browser("headers")
    await victim.sign_up("victim@example.com")
    found = {"authorization": f"Bearer {victim.tokens['st-access-token']}"}
    site.clock.advance(3_700_000)
    fields = {"email": "eve@example.com", "password": PASSWORD}
    assert "OK" == (await thief.post_form("/auth/signup", fields, headers=found)).json()["status"]
    assert 200 == (await victim.refresh()).status_code


async def test_before_3_1_the_same_persons_session_is_kept(site: Site, carry: Carry) -> None:
    """An old client that signs in again keeps its session and gets no new tokens (FDI 11)."""
    browser = site.browser(carry, **{"fdi-version": "3.0"})
    await browser.sign_up()
    first = (await browser.get("/me")).json()["handle"]
    answer = await browser.sign_in()
    assert "front-token" not in answer.headers
    assert first == (await browser.get("/me")).json()["handle"]


async def test_linking_asked_for_without_a_session_is_401(site: Site) -> None:
    """`shouldTryLinkingWithSessionUser: true` needs a session (FDI 11)."""
    body = {"formFields": [], "shouldTryLinkingWithSessionUser": True}
    assert 401 == (await site.browser().client.post("/auth/signin", json=body)).status_code


async def test_a_session_object_never_shows_its_tokens(site: Site) -> None:
    """`repr` of a session holds the handle, not a token."""
    session = await site.auth.sessions.create("u1", jwt_payload={"secret": "in the token"})
    assert isinstance(session, SessionContainer)
    assert session.access_token not in repr(session) + repr(session.issued)
