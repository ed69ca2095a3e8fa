"""The application changes what Watchword does, by subclassing. Mission S065, S093, S163 to S168, V013, V035, V036."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import HTTPException

from tests.site import PASSWORD, SECRET, Site, running_site
from watchword import AppInfo, SessionContainer, Watchword
from watchword.accounts.users import User
from watchword.errors import ConfigurationError, GeneralError, SignUpNotAllowed
from watchword.ids import RandomIds
from watchword.recipes import EmailPassword, Session, ThirdPartyEmailPassword
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.session_feature import FormField
from watchword.recipes.user_context import UserContext


class InviteOnly(ThirdPartyEmailPassword):
    """Sign-up needs an invitation; everything else is as shipped."""

    async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        if not email.endswith("@example.com"):
            raise SignUpNotAllowed("This site is by invitation: ask a member for one.")
        return await super().sign_up(email, password, tenant_id=tenant_id, user_context=user_context)


async def test_a_recipe_function_is_replaced_with_the_original_at_hand(sqlite_url: str) -> None:
    """The override decides, `super()` does the rest, over HTTP and with the contract's status."""
    async with running_site(sqlite_url, recipes=[InviteOnly()]) as site:
        refused = await site.browser().sign_up("eve@elsewhere.org")
        reason = "This site is by invitation: ask a member for one."
        assert {"status": "SIGN_UP_NOT_ALLOWED", "reason": reason} == refused.json()
        assert "OK" == (await site.browser().sign_up("ada@example.com")).json()["status"]


class Watching(EmailPassword):
    """Acts after a sign-up, changes an answer, and refuses some people with a sentence of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.joined: list[tuple[str | None, str]] = []

    async def sign_up_post(self, form_fields: Any, api: ApiRequest) -> Answer:
        answer = await super().sign_up_post(form_fields, api)
        assert answer.user is not None
        self.joined.append((answer.user.email, api.user_context["request"].header("x-campaign") or ""))
        return answer.with_body(welcome="first steps")

    async def sign_in_post(self, form_fields: Any, api: ApiRequest) -> Answer:
        if FormField("email", "eve@example.com") in form_fields:
            raise GeneralError("Please call us.")
        return await super().sign_in_post(form_fields, api)


async def test_an_api_is_replaced_with_the_original_at_hand(sqlite_url: str) -> None:
    """Code after a sign-up sees user and request, the answer may be changed, and a GENERAL_ERROR is shown."""
    recipe = Watching()
    async with running_site(sqlite_url, recipes=[recipe]) as site:
        browser = site.browser("cookies", **{"x-campaign": "spring"})
        answer = await browser.sign_up()
        assert ("OK", "first steps") == (answer.json()["status"], answer.json()["welcome"])
        assert [("ada@example.com", "spring")] == recipe.joined
        answer = await site.browser().sign_in("eve@example.com")
        assert {"status": "GENERAL_ERROR", "message": "Please call us."} == answer.json()


class Mistaken(EmailPassword):
    """Raises what FastAPI understands in its routes only, and forgets to return."""

    async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        raise HTTPException(403, "by invitation only")

    async def sign_in(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> Any:
        """Has no return."""


async def test_a_mistake_in_an_override_is_found_in_the_log(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the API, and what to do instead; the client gets a 500 that tells nothing."""
    async with running_site(sqlite_url, recipes=[Mistaken()]) as site:
        assert 500 == (await site.browser().sign_up()).status_code
        assert "the API sign_up_post (in an override raise a type of watchword.errors, for" in caplog.text
        answer = await site.browser().sign_in()
        assert (500, True) == (answer.status_code, "the API sign_in_post failed" in caplog.text)
        assert "Mistaken.sign_in returned NoneType; return a User, as super() does" in caplog.text
        assert "NoneType" not in answer.text


class OwnSessions(Session):
    """The later form of the seed's hooks: session creation itself is overridden."""

    async def create_new_session(
        self,
        user_id: str,
        *,
        jwt_payload: Mapping[str, Any],
        session_data: Mapping[str, Any],
        recipe_user_id: str | None = None,
        tenant_id: str = "public",
        with_anti_csrf_token: bool = False,
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        return await super().create_new_session(
            user_id,
            jwt_payload={**jwt_payload, "plan": "pro"},
            session_data={**session_data, "ip": "10.0.0.1"},
            recipe_user_id=recipe_user_id,
            tenant_id=tenant_id,
            with_anti_csrf_token=with_anti_csrf_token,
            user_context=user_context,
        )


async def test_session_creation_is_replaced(sqlite_url: str) -> None:
    """Its input holds user id, payload and data; both are as the override made them (the form of July 2021)."""
    async with running_site(sqlite_url, session=OwnSessions()) as site:
        browser = site.browser()
        await browser.sign_up()
        assert {"plan": "pro"} == (await browser.get("/me")).json()["payload"]
        assert {"ip": "10.0.0.1"} == (await browser.get("/data")).json()


class Counting(RandomIds):
    """User ids in a format of the application's own."""

    def __init__(self) -> None:
        self.made = 0

    def user_id(self) -> str:
        self.made += 1
        return f"acme-{self.made:08d}"


def watchword(database_url: str, **settings: Any) -> Watchword:
    """A `Watchword` that nobody serves."""
    info = AppInfo(app_name="T", api_domain="http://localhost:8000", website_domain="http://localhost:8000")
    return Watchword(
        **{"app_info": info, "database": database_url, "secret": SECRET, "recipe_list": [EmailPassword()]} | settings
    )


async def test_user_ids_may_have_a_format_of_your_own(sqlite_url: str) -> None:
    """An `ids` object makes them, in process and without HTTP (V013)."""
    recipe = EmailPassword()
    auth = watchword(sqlite_url, recipe_list=[recipe], ids=Counting())
    await auth.start()
    try:
        user = await recipe.sign_up("ada@example.com", PASSWORD, tenant_id="public", user_context={})
        assert "acme-00000001" == user.id
        assert user == await recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    finally:
        await auth.stop()


async def test_an_in_memory_database_needs_nothing(site_in_memory: Site) -> None:
    """`sqlite://` is enough to try it out (S021)."""
    browser = site_in_memory.browser()
    assert "OK" == (await browser.sign_up()).json()["status"]
    assert 200 == (await browser.get("/me")).status_code


@pytest.fixture
async def site_in_memory() -> Any:
    """A site that keeps everything in memory."""
    async with running_site("sqlite://") as site:
        yield site


async def test_two_watchwords_in_one_process_share_nothing(tmp_path: Any) -> None:
    """No globals: each has its own users and keys (style, section 6)."""
    async with (
        running_site(f"sqlite:///{tmp_path / 'one.db'}") as one,
        running_site(f"sqlite:///{tmp_path / 'two.db'}") as two,
    ):
        browser = one.browser("headers")
        await browser.sign_up()
        token = {"authorization": f"Bearer {browser.tokens['st-access-token']}"}
        assert 200 == (await one.browser().client.get("/me", headers=token)).status_code
        assert 401 == (await two.browser().client.get("/me", headers=token)).status_code
        assert "WRONG_CREDENTIALS_ERROR" == (await two.browser().sign_in()).json()["status"]


def test_wrong_wiring_stops_the_start(sqlite_url: str) -> None:
    """One recipe object for two applications, a recipe listed twice, two session recipes, a wrong API name, a short
    secret: each is refused in a sentence that names the setting (SC-1, SC-7)."""
    shared = EmailPassword()
    watchword(sqlite_url, recipe_list=[shared])
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("recipe_list", {"recipe_list": [shared]}),
        ("recipe_list", {"recipe_list": [EmailPassword(), ThirdPartyEmailPassword()]}),
        ("recipe_list", {"recipe_list": [Session(), Session()]}),
        ("disabled_apis", {"recipe_list": [EmailPassword(disabled_apis=["signUpPOST"])]}),
        ("secret", {"secret": "too short"}),
        ("database", {"database": "mysql://localhost/x"}),
        ("table_prefix", {"table_prefix": "Robert'); drop table users;--"}),
    ]
    for setting, settings in wrong:
        with pytest.raises(ConfigurationError) as caught:
            watchword(sqlite_url, **settings)
        assert setting == caught.value.setting
        assert "too short" not in str(caught.value)
