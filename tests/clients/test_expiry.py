"""Tokens that run out and are replaced while an official client holds them: two-second access tokens, no settle age."""

import pytest
import pytest_asyncio

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Tab, Visit, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", params=["cookie", "header"])
async def visitor(request: pytest.FixtureRequest, visit: Visit, short_lived_site: Site) -> Visitor:
    """Somebody new, once with tokens in cookies and once in headers."""
    return await visit(short_lived_site, "web_js", request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(visitor: Visitor, email: str) -> Tab:
    """The website in a tab, with a new session."""
    tab = await visitor.open()
    await tab.ask("signUp", email, PASSWORD)
    return tab


async def test_an_expired_access_token_is_refreshed_unseen(visitor: Visitor, tab: Tab) -> None:
    """The API refuses the expired token, the client refreshes and repeats: the page only sees the answer."""
    first = await tab.ask("getPayload")
    asked_before = visitor.refreshes

    await tab.page.wait_for_function("expiry => Date.now() > expiry", arg=first["exp"] * 1000)
    answer = await tab.ask("call", "GET", "/api/session")

    assert answer["status"] == 200
    assert first["sessionHandle"] == answer["body"]["handle"]
    assert asked_before < visitor.refreshes


async def test_the_payload_is_never_read_from_an_expired_token(tab: Tab) -> None:
    """Reading the payload after the token ran out refreshes first."""
    first = await tab.ask("getPayload")

    await tab.page.wait_for_function("expiry => Date.now() > expiry", arg=first["exp"] * 1000)
    second = await tab.ask("getPayload")

    assert second["exp"] > first["exp"]
    assert first["sessionHandle"] == second["sessionHandle"]


async def test_a_stolen_refresh_token_ends_the_session(visitor: Visitor, tab: Tab) -> None:
    """A refresh token that comes back after its child was used signs everybody out, the browser included.

    The attack: a thief copied the browser's refresh token and uses it after the browser has gone on. Here
    the browser itself plays the thief: the old token is put back into its jar.
    """
    name = "sRefreshToken" if await visitor.cookie("sRefreshToken") else "st-refresh-token"
    stolen = await visitor.cookie(name)
    assert stolen is not None
    for _ in range(2):
        assert await tab.ask("refresh")
    replaced = await visitor.cookie(name)
    assert replaced is not None
    assert stolen["value"] != replaced["value"]

    await visitor.context.add_cookies([stolen])  # type: ignore[list-item]  # as the browser gave it
    refreshed = await tab.ask("refresh")

    assert not refreshed
    assert not await tab.ask("doesSessionExist")
    assert "UNAUTHORISED" in await tab.events()
    await visitor.context.add_cookies([replaced])  # type: ignore[list-item]  # and the newest one is dead too
    assert (await tab.ask("call", "GET", "/api/session"))["status"] == 401
