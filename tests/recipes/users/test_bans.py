"""Who is banned is out at once, on every node, and told so in the client's own words. Mission D128; security SE-5."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.recipes.users.conftest import Town
from tests.site import FakeClock, running_site
from tests.test_nodes import API, until_refused
from watchword import User, Watchword
from watchword.accounts.errors import AccountBanned
from watchword.errors import BadInput, SignInUpNotAllowed, UserNotFound
from watchword.http.messages import HttpRequest
from watchword.recipes import Action, SessionFeature, SignInContext, ThirdPartyEmailPassword
from watchword.recipes.api import ApiRequest

SENTENCE = "This account is suspended. Please contact support."
Shut = Callable[[Watchword, str], Awaitable[Any]]


async def ban(auth: Watchword, user_id: str) -> None:
    """Shut somebody out."""
    await auth.users.ban(user_id)


async def delete(auth: Watchword, user_id: str) -> None:
    """Remove somebody."""
    assert await auth.users.delete(user_id)


@pytest.mark.parametrize("shut", [ban, delete])
async def test_in_mid_traffic_the_next_refresh_is_refused_on_every_node(database_url: str, shut: Shut) -> None:
    """SE-5: two nodes, a session used on both; banning or deleting on a third ends it for both, refresh included."""
    clock = FakeClock()
    async with (
        running_site(database_url, clock=clock, api_domain=API) as here,
        running_site(database_url, clock=clock, api_domain=API) as there,
    ):
        ada, eve = here.browser("headers"), here.browser("headers")
        user_id = (await ada.sign_up()).json()["user"]["id"]
        await eve.sign_up("eve@example.com")
        elsewhere, later = there.browser("headers"), here.browser("headers")
        for browser in (elsewhere, later):
            browser.tokens |= ada.tokens
        refresh_token = ada.tokens["st-refresh-token"]
        assert (200, 200) == ((await ada.get("/me")).status_code, (await elsewhere.get("/me")).status_code)

        await shut(there.auth, user_id)
        assert (401, 401) == ((await ada.get("/exact")).status_code, (await elsewhere.get("/me")).status_code)
        for site in (here, there):
            client = site.browser("headers")
            client.tokens = {"st-refresh-token": refresh_token}
            assert 401 == (await client.refresh()).status_code
        await until_refused(later)
        assert 200 == (await eve.get("/exact")).status_code, "others stay signed in"
        assert [] == await here.auth.sessions.list_handles(user_id)


async def test_the_banned_read_why(database_url: str) -> None:
    """The password is right, and the official clients show the sentence; a wrong password tells nothing of a ban."""
    async with running_site(database_url) as site:
        ada, users = site.browser(), site.auth.users
        user_id = (await ada.sign_up()).json()["user"]["id"]
        await users.ban(user_id)
        answer = await ada.sign_in()
        assert (200, {"status": "SIGN_IN_NOT_ALLOWED", "reason": SENTENCE}) == (answer.status_code, answer.json())
        assert not answer.headers.get_list("set-cookie")
        wrong = await site.browser().sign_in(password="wrong password 1")
        assert {"status": "WRONG_CREDENTIALS_ERROR"} == wrong.json()

        await users.ban(user_id, reason="Please pay your bill first.")
        assert "Please pay your bill first." == (await ada.sign_in()).json()["reason"]
        own = await ada.call("POST", "/login", json={"userId": user_id})
        assert "Please pay your bill first." == own.json()["reason"], "the application's own ways in are shut as well"

        await users.unban(user_id)
        assert "OK" == (await ada.sign_in()).json()["status"]


async def test_a_ban_ends_by_itself(town: Town) -> None:
    """Until the moment it says, and not longer; the sentence says until when."""
    ada, users = await town.sign_up(), town.auth.users
    until_ms = town.clock.now_ms() + 60_000
    made = await users.ban(ada.id, until_ms=until_ms)
    assert made == await users.find_ban(ada.id)
    with pytest.raises(AccountBanned) as caught:
        await town.auth.sessions.create(ada.id)
    assert caught.value.reason.startswith("This account is suspended until 2027-01-15 ")
    town.clock.advance(59_999)
    with pytest.raises(AccountBanned):
        await town.auth.sessions.create(ada.id)
    town.clock.advance(1)
    assert await users.find_ban(ada.id) is None
    assert await town.auth.sessions.create(ada.id)


class Meanwhile:
    """Hooks that do something once, after the credentials were accepted and before there is a session."""

    def __init__(self) -> None:
        self.do: Callable[[str], Awaitable[None]] | None = None
        self.calls = 0

    async def __call__(self, user: User, context: SignInContext, action: Action) -> dict[str, Any]:
        self.calls += 1
        do, self.do = self.do, None
        if do is not None:
            await do(user.id)
        return {}


@pytest.mark.parametrize("shut", [ban, delete])
async def test_a_sign_in_under_way_gets_no_session(database_url: str, shut: Shut) -> None:
    """Attack: keep signing in while one is being banned or deleted.

    The comparison was right before the ban; a session that is stored after it would outlive it.
    """
    hook = Meanwhile()
    recipe = ThirdPartyEmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe]) as site:
        thief = site.browser("headers")
        user_id = (await thief.sign_up()).json()["user"]["id"]
        hook.do = lambda user_id: shut(site.auth, user_id)
        answer = (await thief.sign_in()).json()
        assert answer["status"] in ("SIGN_IN_NOT_ALLOWED", "WRONG_CREDENTIALS_ERROR")
        assert [] == await site.auth.sessions.list_handles(user_id)


@pytest.mark.parametrize("shut", [ban, delete])
async def test_a_sign_in_with_a_provider_under_way_gets_none_either(database_url: str, shut: Shut) -> None:
    """The same attack by the other way in."""
    hook = Meanwhile()
    recipe = ThirdPartyEmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe]) as site:
        hook.do = lambda user_id: shut(site.auth, user_id)
        found = await recipe.sign_in_up(
            "google",
            "1234",
            email="ada@example.com",
            is_verified=True,
            oauth_tokens={},
            raw_user_info={},
            tenant_id="public",
            user_context={},
        )
        api = ApiRequest(http=HttpRequest(method="POST", path="/auth/signinup"))
        with pytest.raises(SignInUpNotAllowed):
            await recipe._signed_in("google", found, api)
        assert [] == await site.auth.sessions.list_handles(found.user.id)


async def test_the_id_from_before_a_mapping_opens_no_way_past_a_ban(town: Town) -> None:
    """Attack: come with the id from before; or be signing in while it is replaced, and keep that session."""
    ada, users, sessions = await town.sign_up(), town.auth.users, town.auth.sessions
    await users.create_id_mapping(ada.id, "customer-7")
    kept = await sessions.create(ada.id)
    await users.ban("customer-7")
    assert await sessions.find(kept.handle) is None
    for user_id in (ada.id, "customer-7"):
        with pytest.raises(AccountBanned):
            await sessions.create(user_id)


async def test_no_hook_runs_for_the_banned(sqlite_url: str) -> None:
    """What an application does at each sign-in does not happen."""
    hook = Meanwhile()
    recipe = ThirdPartyEmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(sqlite_url, recipes=[recipe]) as site:
        browser = site.browser()
        user_id = (await browser.sign_up()).json()["user"]["id"]
        await site.auth.users.ban(user_id)
        await browser.sign_in()
        assert 1 == hook.calls, "at the sign-up only"


async def test_a_ban_that_cannot_be_is_refused_by_name(town: Town) -> None:
    """Nobody of that id, a time that has passed, a reason that says nothing or too much."""
    ada, users = await town.sign_up(), town.auth.users
    for call in (users.ban("nobody"), users.unban("nobody"), users.find_ban("nobody"), users.ban("\0")):
        with pytest.raises(UserNotFound):
            await call
    for field, call in {
        "until_ms": users.ban(ada.id, until_ms=town.clock.now_ms()),
        "reason": users.ban(ada.id, reason=""),
        "reason ": users.ban(ada.id, reason="x" * 501),
    }.items():
        with pytest.raises(BadInput) as caught:
            await call
        assert field.strip() == caught.value.field
    assert (await users.get(ada.id)).ban is None
    await users.unban(ada.id)
