"""Sessions as clients see them. Source: FDI section 14 lines 36 to 48; security 2.5, 4.4; the seed."""

import asyncio
from typing import Any

import pytest

from tests.site import Browser, Carry, Site, running_site
from watchword.http.messages import HttpRequest
from watchword.recipes import Session, SessionFeature
from watchword.recipes.api import Answer
from watchword.sessions.errors import TokenTheftDetected, Unauthorised

SETTLE_MS = 130_000
SOFT_MS = 60_000
HOUR_MS = 3_600_000


async def test_an_expired_access_token_asks_for_a_refresh(site: Site, ada: Browser) -> None:
    """401 `try refresh token`, on optional routes too, and nothing is cleared; a refresh helps."""
    site.clock.advance(HOUR_MS + 6_000)
    for path in ("/me", "/maybe"):
        answer = await ada.get(path)
        assert (401, b'{"message":"try refresh token"}') == (answer.status_code, answer.content)
        assert "set-cookie" not in answer.headers
        assert "front-token" not in answer.headers
    assert 200 == (await ada.refresh()).status_code
    assert 200 == (await ada.get("/me")).status_code


async def test_an_optional_session_may_be_absent(site: Site) -> None:
    """Without a token the route runs without a session."""
    assert {"userId": None} == (await site.browser().get("/maybe")).json()


async def test_a_refresh_within_the_settle_age_gives_an_access_token_only(
    site: Site, ada: Browser, carry: Carry
) -> None:
    """The jar keeps its refresh token (R1); body `{}`, a front token, the same handle and payload."""
    before = (await ada.get("/me")).json()
    answer = await ada.refresh()
    assert (200, b"{}") == (answer.status_code, answer.content)
    assert "front-token" in answer.headers
    assert "st-refresh-token" not in answer.headers
    assert not any(cookie.startswith("sRefreshToken") for cookie in answer.headers.get_list("set-cookie"))
    assert before == (await ada.get("/me")).json()


async def test_a_refresh_of_age_gives_a_new_pair(site: Site, ada: Browser, carry: Carry) -> None:
    """After the settle age both tokens are new; the session is the same."""
    before = (await ada.get("/me")).json()
    site.clock.advance(SETTLE_MS + 1)
    answer = await ada.refresh()
    if carry == "cookies":
        assert 2 == len(answer.headers.get_list("set-cookie"))
    else:
        assert answer.headers["st-refresh-token"]
    assert before == (await ada.get("/me")).json()


async def test_a_stolen_token_ends_the_session(site: Site, ada: Browser, carry: Carry) -> None:
    """A thief presents a token whose successor is proved: 401 `token theft detected`, everything is cleared, and
    the session is gone for both."""
    stolen = ada.client.cookies["sRefreshToken"] if carry == "cookies" else ada.tokens["st-refresh-token"]
    for _ in range(2):
        site.clock.advance(SETTLE_MS + 1)
        assert 200 == (await ada.refresh()).status_code
    site.clock.advance(SOFT_MS + 1)
    thief = {"authorization": f"Bearer {stolen}"}
    answer = await site.browser("headers").refresh(headers=thief)
    assert (401, b'{"message":"token theft detected"}') == (answer.status_code, answer.content)
    assert "remove" == answer.headers["front-token"]
    assert 401 == (await ada.refresh()).status_code


async def test_an_old_token_too_soon_is_refused_softly(site: Site, ada: Browser, carry: Carry) -> None:
    """Within the soft window the answer is 409, nothing is cleared, and the session lives on (R5)."""
    old = ada.client.cookies["sRefreshToken"] if carry == "cookies" else ada.tokens["st-refresh-token"]
    for _ in range(2):
        site.clock.advance(SETTLE_MS + 1)
        await ada.refresh()
    answer = await site.browser("headers").refresh(headers={"authorization": f"Bearer {old}"})
    assert (409, b'{"message":"try again"}') == (answer.status_code, answer.content)
    assert "front-token" not in answer.headers
    assert 200 == (await ada.refresh()).status_code


async def test_a_soft_refusal_keeps_native_clients_calm(site: Site) -> None:
    """Without Origin, a 409 repeats the front token of the access token that came along; a browser gets none."""
    browser = site.browser("cookies")
    await browser.sign_up()
    old = browser.client.cookies["sRefreshToken"]
    for _ in range(2):
        site.clock.advance(SETTLE_MS + 1)
        await browser.refresh()
    access = browser.client.cookies["sAccessToken"]
    held = browser.tokens["front-token"]
    cookies = {"cookie": f"sAccessToken={access}; sRefreshToken={old}", "rid": "session"}
    client = site.browser().client
    native = await client.post("/auth/session/refresh", headers=cookies)
    assert (409, held) == (native.status_code, native.headers["front-token"])
    page = await client.post("/auth/session/refresh", headers={**cookies, "origin": site.url})
    assert 409 == page.status_code
    assert "front-token" not in page.headers


async def test_two_tabs_that_refresh_together_stay_signed_in(site: Site, ada: Browser) -> None:
    """One browser, two tabs, one refresh token sent many times at once: nobody is signed out."""
    site.clock.advance(SETTLE_MS + 1)
    answers = await asyncio.gather(*(ada.refresh() for _ in range(8)))
    assert [200] * 8 == [answer.status_code for answer in answers]
    assert 200 == (await ada.get("/me")).status_code
    assert 200 == (await ada.refresh()).status_code


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "%00", "A" * 5000])
async def test_a_broken_refresh_token_is_unauthorised(site: Site, token: str) -> None:
    """Garbage, an access token, too much: 401 `unauthorised`, everything cleared."""
    answer = await site.browser("headers").refresh(headers={"authorization": f"Bearer {token}"})
    assert (401, b'{"message":"unauthorised"}') == (answer.status_code, answer.content)
    assert "remove" == answer.headers["front-token"]


async def test_an_access_token_is_no_refresh_token(site: Site) -> None:
    """The kinds cannot be confused (JW-3)."""
    browser = site.browser("headers")
    await browser.sign_up()
    access = {"authorization": f"Bearer {browser.tokens['st-access-token']}"}
    assert 401 == (await site.browser("headers").refresh(headers=access)).status_code
    refresh = {"authorization": f"Bearer {browser.tokens['st-refresh-token']}"}
    assert 401 == (await site.browser("headers").get("/me", headers=refresh)).status_code


async def test_sign_out_ends_the_session_and_clears_its_transport(site: Site, ada: Browser, carry: Carry) -> None:
    """`OK`, cleared, gone; signing out again with the same token is not an error; without a token 401."""
    token = ada.client.cookies["sAccessToken"] if carry == "cookies" else ada.tokens["st-access-token"]
    answer = await ada.call("POST", "/auth/signout")
    assert b'{"status":"OK"}' == answer.content
    assert "remove" == answer.headers["front-token"]
    assert ("set-cookie" in answer.headers) == (carry == "cookies")
    assert ("st-access-token" in answer.headers) == (carry == "headers")
    held = {"cookie": f"sAccessToken={token}"} if carry == "cookies" else {"authorization": f"Bearer {token}"}
    assert 401 == (await site.browser().client.get("/me", headers=held)).status_code
    again = await site.browser().client.post("/auth/signout", headers=held)
    assert (b'{"status":"OK"}', "remove") == (again.content, again.headers["front-token"])
    assert 401 == (await site.browser().call("POST", "/auth/signout")).status_code


async def test_a_session_revoked_elsewhere_is_refused(site: Site, ada: Browser) -> None:
    """By handle, without a request: `check_database` and this node's other routes refuse it, and clear."""
    handle = (await ada.get("/me")).json()["handle"]
    token = ada.tokens.get("st-access-token") or ada.client.cookies["sAccessToken"]
    assert await site.auth.sessions.revoke(handle)
    for path in ("/exact", "/me"):
        answer = await site.browser().client.get(path, headers={"authorization": f"Bearer {token}"})
        assert 401 == answer.status_code
        assert "remove" == answer.headers["front-token"]


async def test_revoking_in_a_handler_clears_the_client(site: Site, ada: Browser) -> None:
    """`session.revoke()` makes the response take the tokens away."""
    answer = await ada.call("POST", "/revoke")
    assert 200 == answer.status_code
    assert "remove" == answer.headers["front-token"]


async def test_a_session_error_in_the_applications_handler_is_answered(site: Site, ada: Browser) -> None:
    """Session data of a session that is gone: the handler's error becomes 401 with clearing."""
    handle = (await ada.get("/me")).json()["handle"]
    await site.auth.sessions.revoke(handle)
    answer = await ada.get("/data")
    assert 401 == answer.status_code


async def test_payload_changes_reach_the_client_in_the_same_answer(site: Site, ada: Browser) -> None:
    """Replace and merge: new access and front token, same expiry and handle, later iat, no refresh token."""
    first = ada.front_token["up"]
    site.clock.advance(5_000)
    answer = await ada.call("PUT", "/payload", json={"role": "admin", "old": 1})
    assert "st-refresh-token" not in answer.headers
    up = ada.front_token["up"]
    assert "admin" == up["role"]
    assert first["exp"] == up["exp"]
    assert first["iat"] < up["iat"]
    for name in ("sub", "sessionHandle", "refreshTokenHash1", "iss", "tId", "rsub"):
        assert first[name] == up[name]
    await ada.call("PATCH", "/payload", json={"old": None, "new": [1]})
    assert {"role": "admin", "new": [1]} == (await ada.get("/me")).json()["payload"]


async def test_a_payload_changed_by_handle_is_seen_after_the_refresh(site: Site, ada: Browser) -> None:
    """Without a request only the database changes; the client sees it at its next refresh."""
    handle = (await ada.get("/me")).json()["handle"]
    await site.auth.sessions.update_jwt_payload(handle, {"role": "owner"})
    assert {} == (await ada.get("/me")).json()["payload"]
    await ada.refresh()
    assert {"role": "owner"} == (await ada.get("/me")).json()["payload"]
    assert "owner" == ada.front_token["up"]["role"]


@pytest.mark.parametrize(
    "name", ["sub", "iat", "exp", "iss", "sessionHandle", "refreshTokenHash1", "antiCsrfToken", "tId", "rsub", "stt"]
)
async def test_reserved_claims_are_refused_by_name(site: Site, ada: Browser, name: str) -> None:
    """400, the claim named, nothing changed."""
    answer = await ada.call("PUT", "/payload", json={name: "x", "role": "admin"})
    assert 400 == answer.status_code
    assert name in answer.json()["message"]
    assert {} == (await ada.get("/me")).json()["payload"]


async def test_a_payload_too_large_for_a_cookie_is_refused_with_its_biggest_keys(site: Site, ada: Browser) -> None:
    """A browser would drop the cookie in silence; we say which keys to move to the session data."""
    answer = await ada.call("PUT", "/payload", json={"small": 1, "huge": "x" * 4000})
    assert 400 == answer.status_code
    assert "huge" in answer.json()["message"]
    assert {} == (await ada.get("/me")).json()["payload"]


async def test_session_data_never_leaves_the_server(site: Site, ada: Browser) -> None:
    """A canary in the session data appears in no header and no token of any answer of ours."""
    canary = "canary-4f1d"
    await ada.call("PUT", "/data", json={"note": canary})
    for answer in (await ada.get("/me"), await ada.refresh(), await ada.call("PUT", "/payload", json={"a": 1})):
        assert canary not in str(answer.headers) + answer.text + str(ada.front_token)


async def test_create_session_for_people_signed_in_by_other_means(site: Site, carry: Carry) -> None:
    """Any text is a user id; payload and tokens are on the response."""
    browser = site.browser(carry)
    answer = await browser.call("POST", "/login", json={"userId": "ldap:ada", "jwtPayload": {"by": "ldap"}})
    assert 200 == answer.status_code
    assert {"userId": "ldap:ada", "payload": {"by": "ldap"}} == {
        key: value for key, value in (await browser.get("/me")).json().items() if key != "handle"
    }


class OwnAnswers(Session):
    """An application that answers session errors in its own words and watches for theft."""

    def __init__(self) -> None:
        super().__init__(session_expired_status_code=440)
        self.thefts: list[tuple[str, str]] = []

    async def on_unauthorised(self, error: Unauthorised, request: HttpRequest) -> Answer | None:
        return Answer(body={"message": "please sign in"}, status=440)

    async def on_token_theft_detected(self, error: TokenTheftDetected, request: HttpRequest) -> Answer | None:
        self.thefts.append((error.handle, error.user_id))
        return None


async def test_the_application_may_answer_session_errors_itself(database_url: str) -> None:
    """Own body and status for no session; the theft handler learns who; others use the set status (S118-S122)."""
    session = OwnAnswers()
    async with running_site(database_url, session=session) as site:
        browser = site.browser("headers")
        answer = await browser.get("/me")
        assert (440, {"message": "please sign in"}) == (answer.status_code, answer.json())
        await browser.sign_up()
        me = (await browser.get("/me")).json()
        stolen = browser.tokens["st-refresh-token"]
        for _ in range(2):
            site.clock.advance(SETTLE_MS + 1)
            await browser.refresh()
        site.clock.advance(SOFT_MS + 1)
        answer = await browser.refresh(headers={"authorization": f"Bearer {stolen}"})
        assert (440, {"message": "token theft detected"}) == (answer.status_code, answer.json())
        assert [(me["handle"], me["userId"])] == session.thefts


async def test_hooks_fill_the_session(database_url: str) -> None:
    """The seed: both hooks get (user, context, action); payload in the token, data in the database; not on refresh."""
    calls: list[tuple[str, str | None, str, str]] = []

    async def set_jwt_payload(user: Any, context: Any, action: str) -> dict[str, Any]:
        calls.append(("payload", user.email, context.login_type, action))
        return {"role": "member"}

    def set_session_data(user: Any, context: Any, action: str) -> dict[str, Any] | None:
        calls.append(("data", user.email, context.login_type, action))
        return {"first": True} if action == "signup" else None

    feature = SessionFeature(set_jwt_payload=set_jwt_payload, set_session_data=set_session_data)
    async with running_site(database_url, session_feature=feature) as site:
        browser = site.browser()
        await browser.sign_up()
        assert {"role": "member"} == (await browser.get("/me")).json()["payload"]
        assert {"first": True} == (await browser.get("/data")).json()
        await browser.refresh()
        await browser.sign_in()
        assert {} == (await browser.get("/data")).json()
    expected = [
        (kind, "ada@example.com", "emailpassword", action)
        for action in ("signup", "signin")
        for kind in ("payload", "data")
    ]
    assert expected == calls


@pytest.mark.parametrize("result", ["raises", ["a", "list"], {"sub": "x"}, {"x": float("nan")}, {"x": object()}])
@pytest.mark.parametrize("hook", ["set_jwt_payload", "set_session_data"])
async def test_a_failing_hook_leaves_no_session(
    database_url: str, result: Any, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with a code, no tokens, no session; the log names the hook; the user stays and the next sign-in works."""
    if hook == "set_session_data" and result == {"sub": "x"}:
        result = "text"
    fail = True

    def failing(user: Any, context: Any, action: str) -> Any:
        if fail and result == "raises":
            raise RuntimeError("the application's own mistake")
        return result if fail else {}

    feature = SessionFeature(**{hook: failing})  # type: ignore[arg-type]
    async with running_site(database_url, session_feature=feature) as site:
        browser = site.browser()
        answer = await browser.sign_up()
        assert (500, "hook_failed") == (answer.status_code, answer.json()["code"])
        assert "front-token" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert hook in caplog.text
        assert "mistake" not in answer.text
        fail = False
        answer = await browser.sign_in()
        assert "OK" == answer.json()["status"]
        handles = await site.auth.sessions.list_handles(answer.json()["user"]["id"])
        assert 1 == len(handles)
