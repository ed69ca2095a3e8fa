"""The combined recipe: both parts side by side, one configuration, one class to override."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pytest

from tests.recipes.engine import call, count, form
from watchword.accounts.users import User
from watchword.errors import BadInput, ConfigurationError, FieldErrors
from watchword.recipes import (
    Action,
    Answer,
    ApiRequest,
    EmailPassword,
    FormField,
    InputFormField,
    SessionFeature,
    SignInContext,
    SignInUpResult,
    ThirdParty,
    ThirdPartyEmailPassword,
    UserContext,
)
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.providers import (
    GitHub,
    Google,
    OAuth2,
    ProviderClient,
    ProviderUserInfo,
    RedirectUriInfo,
)

R = TypeVar("R", bound=ThirdPartyEmailPassword)
PASSWORD = "correct horse 1"
ADA = form("ada@example.com", PASSWORD)


class Friend(OAuth2):
    """A provider whose users a test makes up: the tokens that a client brings say who they are."""

    def __init__(self) -> None:
        super().__init__(
            third_party_id="friend",
            client_id="ours",
            client_secret="s3cret",
            authorization_endpoint="https://friend.example/authorize",
            token_endpoint="https://friend.example/token",
            user_info_endpoint="https://friend.example/me",
            accept_access_tokens=True,
        )

    async def get_user_info(
        self,
        client: ProviderClient,
        oauth_tokens: dict[str, Any],
        *,
        callback: RedirectUriInfo | None,
        user_context: UserContext,
    ) -> ProviderUserInfo:
        """Believe the token."""
        person = oauth_tokens["access_token"]
        return ProviderUserInfo(
            third_party_user_id=person,
            email=f"{person}@example.com",
            is_verified=True,
            raw_user_info={"from_user_info_api": {"name": person}, "from_id_token_payload": {}},
        )


def bound(engine: Engine, recipe: R) -> R:
    """The recipe, wired."""
    recipe.bind(engine)
    return recipe


def brought(person: str) -> dict[str, Any]:
    """The body of a sign-in with a provider by a client that has tokens."""
    return {"thirdPartyId": "friend", "oAuthTokens": {"access_token": person, "token_type": "bearer"}}


async def test_one_address_with_password_and_provider_is_two_users(engine: Engine) -> None:
    """As in the seed's time: nothing is linked, neither blocks the other (FDI 8.2, 14 line 15)."""
    recipe = bound(engine, ThirdPartyEmailPassword(providers=[Friend()]))
    by_friend = await call(recipe, "sign_in_up_post", brought("ada"))
    exists = await call(recipe, "email_exists_get", query=(("email", "ada@example.com"),))
    assert {"status": "OK", "exists": False} == exists.body
    with pytest.raises(WrongCredentials):
        await call(recipe, "sign_in_post", ADA)

    by_password = await call(recipe, "sign_up_post", ADA)

    assert by_friend.user is not None
    assert by_password.user is not None
    assert by_friend.user.id != by_password.user.id
    assert by_friend.user.email == by_password.user.email
    assert (by_friend.user.third_party is None, by_password.user.third_party is None) == (False, True)
    again = await call(recipe, "sign_in_up_post", brought("ada"))
    assert (by_friend.user, False) == (again.user, again.created_new_recipe_user)
    assert by_password.user == (await call(recipe, "sign_in_post", ADA)).user
    assert 2 == await count(engine.db, "users")


async def test_one_set_of_hooks_serves_both_ways(engine: Engine) -> None:
    """The four cases of the seed: the context tells the way, the action whether the person is new (FDI 14, 59)."""
    calls: list[tuple[str, str, str, str]] = []

    async def set_jwt_payload(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
        calls.append(("jwt", user.id, context.login_type, action))
        return {"joined_by": context.login_type}

    def set_session_data(user: User, context: SignInContext, action: Action) -> dict[str, Any]:
        calls.append(("data", user.id, context.login_type, action))
        if context.login_type == "thirdparty":
            return {"provider": context.third_party_id, "name": context.raw_user_info["from_user_info_api"]["name"]}
        return {"fields": [field.id for field in context.form_fields]}

    recipe = bound(
        engine,
        ThirdPartyEmailPassword(
            providers=[Friend()],
            form_fields=[InputFormField("name")],
            session_feature=SessionFeature(set_jwt_payload=set_jwt_payload, set_session_data=set_session_data),
        ),
    )
    answers = [
        await call(recipe, "sign_up_post", form("ada@example.com", PASSWORD, name="Ada")),
        await call(recipe, "sign_in_post", ADA),
        await call(recipe, "sign_in_up_post", brought("ada")),
        await call(recipe, "sign_in_up_post", brought("ada")),
    ]
    expected = [
        ("emailpassword", "signup", {"fields": ["name"]}),
        ("emailpassword", "signin", {"fields": []}),
        ("thirdparty", "signup", {"provider": "friend", "name": "ada"}),
        ("thirdparty", "signin", {"provider": "friend", "name": "ada"}),
    ]
    for answer, (login_type, action, data) in zip(answers, expected, strict=True):
        assert answer.user is not None
        assert answer.session is not None
        assert {"joined_by": login_type} == answer.session.jwt_payload
        assert data == await answer.session.get_session_data()
        assert [("jwt", answer.user.id, login_type, action), ("data", answer.user.id, login_type, action)] == calls[:2]
        del calls[:2]


async def test_it_is_the_union_of_its_parts() -> None:
    """Routes, tables, `rid` values and first factors of both, each once."""
    both = ThirdPartyEmailPassword(providers=[GitHub(client_id="x", client_secret="y")])
    password, provider = EmailPassword(), ThirdParty()

    def names(recipe: EmailPassword | ThirdParty) -> list[tuple[str, str, str]]:
        return [(route.recipe_id, route.name, route.path) for route in recipe.routes()]

    assert sorted(names(password) + names(provider)) == sorted(names(both))
    assert {"thirdpartyemailpassword", "emailpassword", "thirdparty"} == set(both.recipe_ids)
    assert ("watchword.recipes.emailpassword", "watchword.recipes.thirdparty") == both.migration_packages
    assert {"emailpassword", "thirdparty"} == {factor.id for factor in await both.list_first_factors(None, "public")}


async def test_without_providers_their_routes_answer_400(engine: Engine) -> None:
    """Not 404: the recipe is there, the provider is not (FDI 14, 19)."""
    recipe = bound(engine, ThirdPartyEmailPassword())
    query = (("thirdPartyId", "google"), ("redirectURIOnProviderDashboard", "https://api.example.com/callback/google"))
    unknown = "^the provider google could not be found in the configuration$"
    with pytest.raises(BadInput, match=unknown):
        await call(recipe, "authorisation_url_get", query=query)
    with pytest.raises(BadInput, match=unknown):
        await call(recipe, "sign_in_up_post", {"thirdPartyId": "google", "oAuthTokens": {"access_token": "x"}})
    assert (await call(recipe, "sign_up_post", ADA)).session is not None


class Ours(ThirdPartyEmailPassword):
    """What an application writes: functions and APIs of both parts, each with `super()`."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.seen: list[str] = []

    async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        """Remember who signs up."""
        self.seen.append(f"sign_up {email}")
        return await super().sign_up(email, password, tenant_id=tenant_id, user_context=user_context)

    async def sign_in(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        """Remember who signs in."""
        self.seen.append(f"sign_in {email}")
        return await super().sign_in(email, password, tenant_id=tenant_id, user_context=user_context)

    async def sign_in_up(
        self,
        third_party_id: str,
        third_party_user_id: str,
        *,
        email: str,
        is_verified: bool,
        oauth_tokens: Mapping[str, Any],
        raw_user_info: Mapping[str, Any],
        issuer: str = "",
        tenant_id: str,
        user_context: UserContext,
    ) -> SignInUpResult:
        """Remember who comes by a provider."""
        self.seen.append(f"sign_in_up {third_party_id} {third_party_user_id}")
        return await super().sign_in_up(
            third_party_id,
            third_party_user_id,
            email=email,
            is_verified=is_verified,
            oauth_tokens=oauth_tokens,
            raw_user_info=raw_user_info,
            issuer=issuer,
            tenant_id=tenant_id,
            user_context=user_context,
        )

    async def sign_up_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """Add to the answer."""
        return (await super().sign_up_post(form_fields, api)).with_body(own=True)

    async def sign_in_up_post(
        self,
        third_party_id: str,
        client_type: str | None,
        redirect_uri_info: RedirectUriInfo | None,
        oauth_tokens: dict[str, Any] | None,
        api: ApiRequest,
    ) -> Answer:
        """Add to the answer."""
        answer = await super().sign_in_up_post(third_party_id, client_type, redirect_uri_info, oauth_tokens, api)
        return answer.with_body(own=True)


async def test_one_subclass_overrides_both_parts(engine: Engine) -> None:
    """Every function and every API of either part may be overridden, and `super()` does what was shipped."""
    recipe = bound(engine, Ours(providers=[Friend()]))
    for name, body in (("sign_up_post", ADA), ("sign_in_up_post", brought("eve"))):
        answer = await call(recipe, name, body)
        assert {"status": "OK", "own": True} == answer.body
        assert answer.session is not None
    assert {"status": "OK"} == (await call(recipe, "sign_in_post", ADA)).body
    assert ["sign_up ada@example.com", "sign_in_up friend eve", "sign_in ada@example.com"] == recipe.seen


def test_apis_of_either_part_are_disabled_by_name(engine: Engine) -> None:
    """Names of both parts count; an unknown one stops the start and names all there are."""
    recipe = bound(engine, ThirdPartyEmailPassword(disabled_apis=["email_exists_get", "apple_redirect_handler_post"]))
    assert {"email_exists_get", "apple_redirect_handler_post"} == recipe.disabled_apis
    with pytest.raises(ConfigurationError, match=r"'signUpPOST'.+sign_in_up_post.+sign_up_post"):
        bound(engine, ThirdPartyEmailPassword(disabled_apis=["signUpPOST"]))


def test_the_settings_of_both_parts_are_checked(engine: Engine) -> None:
    """A mistake in either part stops the start as it does in that part alone."""
    with pytest.raises(ConfigurationError, match="form_fields"):
        ThirdPartyEmailPassword(form_fields=[InputFormField("email", optional=True)])
    google = [Google(client_id=id, client_secret="y") for id in ("a", "b")]
    with pytest.raises(ConfigurationError, match="'google' is there twice"):
        ThirdPartyEmailPassword(providers=google)
    with pytest.raises(ConfigurationError, match="redirect_uris"):
        ThirdPartyEmailPassword(redirect_uris=["javascript:alert(1)"])
    recipe = bound(engine, ThirdPartyEmailPassword())
    with pytest.raises(ConfigurationError, match="serves one Watchword"):
        recipe.bind(engine)


async def test_the_password_form_is_the_password_recipes(engine: Engine) -> None:
    """Validators and sentences are those of the part."""
    recipe = bound(engine, ThirdPartyEmailPassword(form_fields=[InputFormField("name")]))
    with pytest.raises(FieldErrors) as caught:
        await call(recipe, "sign_up_post", form("ada", "x"))
    assert ["name", "password", "email"] == [field.id for field in caught.value.fields]
