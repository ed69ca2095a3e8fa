"""`supertokens-web-js`, unmodified, in a real browser: every shape of site, tokens in cookies and in headers."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Tab, Visit, Visitor, sign_in_at_provider

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", params=["cookie", "header"])
async def visitor(request: pytest.FixtureRequest, visit: Visit, site: Site) -> Visitor:
    """Somebody new, once with tokens in cookies and once in headers."""
    return await visit(site, "web_js", request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(visitor: Visitor) -> Tab:
    """The website in a tab."""
    return await visitor.open()


async def read_session(tab: Tab) -> dict[str, Any]:
    """The session as the API sees it."""
    answer = await tab.ask("call", "GET", "/api/session")
    assert answer["status"] == 200
    return answer["body"]


async def test_sign_up_starts_a_session_with_what_the_hooks_put_in_it(tab: Tab, email: str) -> None:
    """A session starts by itself at sign-up; the website reads its payload, the API its data."""
    answer = await tab.ask("signUp", email, PASSWORD)

    assert answer["status"] == "OK"
    assert [email] == answer["user"]["emails"]
    assert await tab.ask("doesSessionExist")
    payload = await tab.ask("getPayload")
    assert answer["user"]["id"] == payload["sub"] == await tab.ask("getUserId")
    assert {"role": "member", "joinedBy": "emailpassword", "greeting": "Žluťoučký kůň 🐎"}.items() <= payload.items()
    assert (await read_session(tab))["data"] == {"firstSeen": True}
    assert "SESSION_CREATED" in await tab.events()


async def test_a_taken_email_is_answered_at_its_field(tab: Tab, email: str) -> None:
    """A second sign-up with one address starts no session and says so beside the field."""
    await tab.ask("signUp", email, PASSWORD)
    await tab.ask("signOut")

    answer = await tab.ask("signUp", email.upper(), PASSWORD)

    assert answer == {
        "status": "FIELD_ERROR",
        "formFields": [{"id": "email", "error": "This email already exists. Please sign in instead."}],
    }
    assert await tab.ask("doesEmailExist", email) == {"status": "OK", "doesExist": True}
    assert not await tab.ask("doesSessionExist")


async def test_only_the_right_password_signs_in(tab: Tab, email: str) -> None:
    """A wrong password starts no session; the right one does, and the hooks know that it is no sign-up."""
    await tab.ask("signUp", email, PASSWORD)
    await tab.ask("signOut")

    assert await tab.ask("signIn", email, "another horse 2") == {"status": "WRONG_CREDENTIALS_ERROR"}
    assert not await tab.ask("doesSessionExist")

    assert (await tab.ask("signIn", email, PASSWORD))["status"] == "OK"
    assert (await read_session(tab))["data"] == {"firstSeen": False}


async def test_the_provider_signs_up_and_then_in(tab: Tab) -> None:
    """Somebody who comes back from the provider a second time is the same user."""
    await tab.page.goto(await tab.ask("providerUrl"))
    await sign_in_at_provider(tab.page, "ada")
    await tab.page.wait_for_function("window.client")
    first = await tab.ask("comeBackFromProvider")
    joined_by = (await tab.ask("getPayload"))["joinedBy"]
    await tab.ask("signOut")

    await tab.page.goto(await tab.ask("providerUrl"))  # the provider remembers the person and asks nothing
    await tab.page.wait_for_function("window.client")
    second = await tab.ask("comeBackFromProvider")

    assert [first["status"], second["status"]] == ["OK", "OK"]
    assert joined_by == "thirdparty"
    assert first["user"]["emails"] == ["ada@people.example"]
    assert first["user"]["id"] == second["user"]["id"]
    assert not second["createdNewRecipeUser"]
    assert (await read_session(tab))["data"] == {"firstSeen": False}


async def test_a_lost_access_token_is_refreshed_unseen(visitor: Visitor, tab: Tab, email: str) -> None:
    """The client refreshes and repeats the request; the session stays the same one."""
    await tab.ask("signUp", email, PASSWORD)
    before = await read_session(tab)
    asked_before = visitor.refreshes

    await visitor.forget_access_token()
    after = await read_session(tab)

    assert before == after
    assert asked_before + 1 == visitor.refreshes
    assert "REFRESH_SESSION" in await tab.events()


async def test_two_tabs_that_refresh_together_stay_signed_in(visitor: Visitor, tab: Tab, email: str) -> None:
    """One browser, two tabs, both without an access token at once: nobody is signed out."""
    await tab.ask("signUp", email, PASSWORD)
    handle = (await read_session(tab))["handle"]
    other = await visitor.open()

    await visitor.forget_access_token()
    together = await asyncio.gather(read_session(tab), read_session(other))
    refreshed = await asyncio.gather(tab.ask("refresh"), other.ask("refresh"))

    assert [handle, handle] == [session["handle"] for session in together]
    assert refreshed == [True, True]
    assert handle == (await read_session(other))["handle"]


async def test_a_changed_payload_is_on_the_website_at_once(visitor: Visitor, tab: Tab, email: str) -> None:
    """Replace and merge reach every open tab with the very answer, and survive a refresh."""
    await tab.ask("signUp", email, PASSWORD)
    other = await visitor.open()

    replaced = await tab.ask("call", "PUT", "/api/session/payload", {"role": "editor", "step": 1})
    seen_replaced = await other.ask("getPayload")
    merged = await tab.ask("call", "PATCH", "/api/session/payload", {"step": None, "city": "Brno"})
    seen_merged = await tab.ask("getPayload")
    await tab.ask("refresh")
    seen_later = await other.ask("getPayload")

    assert replaced == {"status": 200, "body": {"role": "editor", "step": 1}}
    assert {"role": "editor", "step": 1}.items() <= seen_replaced.items()
    assert "joinedBy" not in seen_replaced
    assert merged == {"status": 200, "body": {"role": "editor", "city": "Brno"}}
    for seen in (seen_merged, seen_later):
        assert {"role": "editor", "city": "Brno"}.items() <= seen.items()
        assert "step" not in seen
    assert "ACCESS_TOKEN_PAYLOAD_UPDATED" in await tab.events()


async def test_session_data_stays_on_the_server(tab: Tab, email: str) -> None:
    """Changed session data is read back from the API and never shows in the payload."""
    await tab.ask("signUp", email, PASSWORD)

    await tab.ask("call", "PUT", "/api/session/data", {"cart": [1]})
    merged = await tab.ask("call", "PATCH", "/api/session/data", {"seen": True})

    assert merged == {"status": 200, "body": {"cart": [1], "seen": True}}
    assert (await read_session(tab))["data"] == {"cart": [1], "seen": True}
    assert not {"cart", "seen"} & (await tab.ask("getPayload")).keys()


async def test_sign_out_ends_the_session_in_every_tab(visitor: Visitor, tab: Tab, email: str) -> None:
    """After sign-out no tab has a session, the API says 401, and the browser holds no token."""
    await tab.ask("signUp", email, PASSWORD)
    other = await visitor.open()

    await tab.ask("signOut")

    assert not await tab.ask("doesSessionExist")
    assert not await other.ask("doesSessionExist")
    assert (await other.ask("call", "GET", "/api/session"))["status"] == 401
    assert "SIGN_OUT" in await tab.events()
    for name in ("sAccessToken", "sRefreshToken", "sFrontToken", "st-access-token", "st-refresh-token"):
        assert await visitor.cookie(name) is None
