"""A password that is reset or changed while somebody signs in with the old one. Source: security PW-11."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.site import PASSWORD, Browser, Site, running_site
from watchword.accounts.users import User
from watchword.crypto.passwords import PasswordHasher
from watchword.protection.settings import Protection
from watchword.recipes import Action, EmailPassword, Session, SessionFeature, SignInContext
from watchword.recipes.user_context import UserContext
from watchword.sessions.session import SessionContainer

NEW = "another password 2"
Change = Callable[[EmailPassword, str], Awaitable[Any]]


async def reset(recipe: EmailPassword, user_id: str) -> None:
    """By a link from a mail."""
    token = await recipe.create_reset_password_token(user_id, "ada@example.com", tenant_id="public", user_context={})
    await recipe.reset_password(token, NEW, tenant_id="public", user_context={})


async def change(recipe: EmailPassword, user_id: str) -> None:
    """By the application's own page."""
    await recipe.update_email_or_password(user_id, password=NEW)


class Meanwhile:
    """Hooks that do something once, between the comparison of a password and the session."""

    def __init__(self) -> None:
        self.do: Callable[[str], Awaitable[None]] | None = None

    async def __call__(self, user: User, context: SignInContext, action: Action) -> dict[str, Any]:
        do, self.do = self.do, None
        if do is not None:
            await do(user.id)
        return {}


async def assert_nobody_is_in(site: Site, user_id: str, thief: Browser) -> None:
    """No session of the user is alive, and the thief has no token."""
    assert [] == await site.auth.sessions.list_handles(user_id)
    assert not thief.tokens.get("st-access-token")
    assert 401 == (await thief.get("/exact")).status_code


@pytest.mark.parametrize("how", [reset, change])
async def test_a_sign_in_that_began_with_the_old_password_gets_no_session(database_url: str, how: Change) -> None:
    """Attack: know the password, and be signing in at the very moment when its owner resets it.

    The comparison was right, the reset signed out everywhere, and then the session was made: it lived for
    a hundred days behind the new password.
    """
    hook = Meanwhile()
    recipe = EmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe]) as site:
        user_id = (await site.browser("headers").sign_up()).json()["user"]["id"]
        hook.do = lambda user_id: how(recipe, user_id)
        thief = site.browser("headers")
        assert {"status": "WRONG_CREDENTIALS_ERROR"} == (await thief.sign_in()).json()
        await assert_nobody_is_in(site, user_id, thief)
        assert "OK" == (await site.browser("headers").sign_in(password=NEW)).json()["status"]


async def test_a_sign_up_whose_password_is_reset_at_once_gets_no_session(database_url: str) -> None:
    """Attack: sign up with somebody else's address and a slow hook; the owner resets the password meanwhile."""
    hook = Meanwhile()
    recipe = EmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe]) as site:
        owner: list[str] = []

        async def owner_resets(user_id: str) -> None:
            owner.append(user_id)
            await reset(recipe, user_id)

        hook.do = owner_resets
        thief = site.browser("headers")
        assert {"status": "WRONG_CREDENTIALS_ERROR"} == (await thief.sign_up()).json()
        await assert_nobody_is_in(site, owner[0], thief)


@pytest.mark.parametrize("how", [reset, change])
async def test_of_many_sign_ins_under_way_none_outlives_the_old_password(database_url: str, how: Change) -> None:
    """Attack: keep a dozen sign-ins with the old password under way until its owner changes it.

    Wherever the change falls between them, nobody is signed in after it.
    """
    recipe = EmailPassword()
    async with running_site(database_url, recipes=[recipe]) as site:
        user_id = (await site.browser("headers").sign_up()).json()["user"]["id"]
        thieves = [site.browser("headers") for _ in range(12)]
        under_way = [asyncio.create_task(thief.sign_in()) for thief in thieves]
        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        await how(recipe, user_id)
        answers = await asyncio.gather(*under_way)
        assert {200, 429} >= {answer.status_code for answer in answers}  # so many with the old one count as guesses
        assert [] == await site.auth.sessions.list_handles(user_id)
        assert {401} == {(await thief.get("/exact")).status_code for thief in thieves}


async def test_a_hash_that_the_sign_in_itself_renews_is_no_change(database_url: str) -> None:
    """Hashes from before the operator raised their cost are made anew on the way, and the person is let in."""
    recipe = EmailPassword()
    async with running_site(database_url, recipes=[recipe]) as site:
        await site.browser("headers").sign_up()
        stronger = PasswordHasher(iterations=3, workers=1)
        object.__setattr__(recipe.engine, "passwords", stronger)  # as after a restart with other settings
        browser = site.browser("headers")
        assert "OK" == (await browser.sign_in()).json()["status"]
        assert 200 == (await browser.get("/exact")).status_code
        assert "OK" == (await browser.sign_in()).json()["status"]
        stronger.stop()


async def test_people_whom_only_an_override_knows_are_let_in(database_url: str) -> None:
    """Without a hash of ours there is nothing that could have changed."""

    class Elsewhere(EmailPassword):
        """Knows one person from another system."""

        async def sign_in(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
            return User(id="from elsewhere", time_joined_ms=1, login_methods=())

    async with running_site(database_url, recipes=[Elsewhere()]) as site:
        browser = site.browser("headers")
        answer = await browser.post_form("/auth/signin", {"email": "ada@example.com", "password": PASSWORD})
        assert 200 == answer.status_code
        assert "from elsewhere" == (await browser.get("/me")).json()["userId"]


class LosesContext(EmailPassword):
    """Signs in as ever, with a context of its own."""

    async def sign_in(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        return await super().sign_in(email, password, tenant_id=tenant_id, user_context={})


class SessionsWithoutContext(Session):
    """Stores sessions as ever, with a context of its own."""

    async def create_new_session(self, user_id: str, **options: Any) -> SessionContainer:
        return await super().create_new_session(user_id, **{**options, "user_context": {}})


OVERRIDES = [(EmailPassword, Session), (LosesContext, Session), (EmailPassword, SessionsWithoutContext)]


@pytest.mark.parametrize(("password_recipe", "session_recipe"), OVERRIDES)
async def test_an_override_that_leaves_the_context_behind_lets_no_thief_in(
    database_url: str, password_recipe: type[EmailPassword], session_recipe: type[Session]
) -> None:
    """Attack: as above, at an application whose overrides do not hand on what we told them."""
    hook = Meanwhile()
    recipe = password_recipe(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe], session=session_recipe()) as site:
        user_id = (await site.browser("headers").sign_up()).json()["user"]["id"]
        hook.do = lambda user_id: reset(recipe, user_id)
        thief = site.browser("headers")
        assert {"status": "WRONG_CREDENTIALS_ERROR"} == (await thief.sign_in()).json()
        await assert_nobody_is_in(site, user_id, thief)


@pytest.mark.parametrize(("password_recipe", "session_recipe"), OVERRIDES)
async def test_a_right_password_sets_failures_back_with_a_session_and_without(
    database_url: str, password_recipe: type[EmailPassword], session_recipe: type[Session]
) -> None:
    """Whatever becomes of the session, who knows the password is not kept waiting for the failures before."""
    hook = Meanwhile()
    recipe = password_recipe(session_feature=SessionFeature(set_session_data=hook))
    protection = Protection(failures_per_account=3)

    async def fail(_: str) -> None:
        raise LookupError

    async with running_site(database_url, recipes=[recipe], session=session_recipe(), protection=protection) as site:
        await site.browser("headers").sign_up()
        for do, status in ((None, 200), (fail, 500), (None, 200)):
            for _ in range(2):
                answer = await site.browser("headers").sign_in(password="wrong 1")
                assert "WRONG_CREDENTIALS_ERROR" == answer.json()["status"]
            hook.do = do
            assert status == (await site.browser("headers").sign_in()).status_code
