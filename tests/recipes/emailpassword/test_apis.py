"""The HTTP APIs as the face calls them: answers, hooks, overriding and switching off."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.recipes.engine import call, count, form
from watchword.accounts.users import User
from watchword.errors import (
    BadInput,
    ConfigurationError,
    EmailAlreadyExists,
    FieldError,
    FieldErrors,
    GeneralError,
    HookFailed,
    SignUpNotAllowed,
)
from watchword.http.messages import HttpRequest
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.emailpassword.form_fields import InputFormField
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine
from watchword.recipes.session_feature import Action, EmailPasswordContext, FormField, SessionFeature
from watchword.recipes.user_context import UserContext
from watchword.settings import AppInfo

PASSWORD = "correct horse 1"
ADA = form("ada@example.com", PASSWORD)
TAKEN = (FieldError("email", "This email already exists. Please sign in instead."),)


def bound(engine: Engine, recipe: EmailPassword) -> EmailPassword:
    """The recipe, wired."""
    recipe.bind(engine)
    return recipe


async def test_sign_up_answers_user_and_session(recipe: EmailPassword, engine: Engine) -> None:
    """`OK`, the user, the login method used, and a session of that user in that tenant."""
    answer = await call(recipe, "sign_up_post", ADA)

    assert {"status": "OK"} == answer.body
    assert answer.created_new_recipe_user is None  # the contract has no such member here (FDI 2.4)
    assert answer.user is not None
    assert answer.session is not None
    assert (answer.user.id, answer.user.id, "public") == (
        answer.recipe_user_id,
        answer.session.user_id,
        answer.session.tenant_id,
    )


async def test_sign_in_answers_the_same_user_and_another_session(recipe: EmailPassword) -> None:
    """Every sign-in has a session of its own."""
    signed_up = await call(recipe, "sign_up_post", ADA)
    signed_in = await call(recipe, "sign_in_post", ADA)
    assert signed_up.session is not None
    assert signed_in.session is not None
    assert (signed_up.user, signed_up.body) == (signed_in.user, signed_in.body)
    assert signed_up.session.handle != signed_in.session.handle


async def test_a_taken_address_is_a_field_error_with_the_contracts_sentence(recipe: EmailPassword) -> None:
    """Also in another case and with blanks around (FDI 14, 11)."""
    await call(recipe, "sign_up_post", ADA)
    for email in ("ada@example.com", " ADA@Example.com "):
        with pytest.raises(FieldErrors) as caught:
            await call(recipe, "sign_up_post", form(email, PASSWORD))
        assert TAKEN == caught.value.fields


async def test_wrong_credentials_make_no_session(recipe: EmailPassword, engine: Engine) -> None:
    """Nothing is written for a refused sign-in."""
    await call(recipe, "sign_up_post", ADA)
    before = await count(engine.db, "sessions")
    for email, password in (("ada@example.com", "wrong"), ("eve@example.com", PASSWORD)):
        with pytest.raises(WrongCredentials):
            await call(recipe, "sign_in_post", form(email, password))
    assert before == await count(engine.db, "sessions")


async def test_the_password_is_not_trimmed(recipe: EmailPassword) -> None:
    """Blanks around a password are part of it (FDI 14, 14)."""
    await call(recipe, "sign_up_post", form("ada@example.com", f" {PASSWORD} "))
    with pytest.raises(WrongCredentials):
        await call(recipe, "sign_in_post", ADA)
    assert (await call(recipe, "sign_in_post", form("ada@example.com", f" {PASSWORD} "))).user is not None


async def test_sign_in_takes_no_field_of_the_applications_own(engine: Engine) -> None:
    """A field more than the two is too many (FDI 14, 14)."""
    recipe = bound(engine, EmailPassword(form_fields=[InputFormField("name")]))
    await call(recipe, "sign_up_post", form("ada@example.com", PASSWORD, name="Ada"))
    with pytest.raises(BadInput, match="Are you sending too many formFields"):
        await call(recipe, "sign_in_post", form("ada@example.com", PASSWORD, name="Ada"))


@pytest.mark.parametrize("email", ["1.google@stfakeemail.supertokens.com", "ada@x.fakeemail.com"])
async def test_made_up_addresses_neither_sign_up_nor_in(recipe: EmailPassword, engine: Engine, email: str) -> None:
    """Attack: sign up with the address made up for a provider's user (FDI 8.2): it is taken, and never opens."""
    with pytest.raises(FieldErrors) as caught:
        await call(recipe, "sign_up_post", form(email, PASSWORD))
    assert TAKEN == caught.value.fields
    await recipe.sign_up(email, PASSWORD, tenant_id="public", user_context={})
    with pytest.raises(WrongCredentials):
        await call(recipe, "sign_in_post", form(email, PASSWORD))
    assert 0 == await count(engine.db, "sessions")


class Hooks:
    """Two hooks that remember what they were told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, User, EmailPasswordContext, Action]] = []

    async def set_jwt_payload(self, user: User, context: EmailPasswordContext, action: Action) -> dict[str, Any]:
        """The payload names the action."""
        self.calls.append(("jwt", user, context, action))
        return {"action": action}

    def set_session_data(self, user: User, context: EmailPasswordContext, action: Action) -> dict[str, Any]:
        """The data repeats the fields."""
        self.calls.append(("data", user, context, action))
        return {"fields": {field.id: field.value for field in context.form_fields}}


async def test_the_hooks_get_user_context_and_action(engine: Engine) -> None:
    """At sign-up the context has the application's own fields, at sign-in none; never address or password."""
    hooks = Hooks()
    recipe = bound(
        engine,
        EmailPassword(
            form_fields=[InputFormField("name"), InputFormField("nick", optional=True)],
            session_feature=SessionFeature(
                set_jwt_payload=hooks.set_jwt_payload, set_session_data=hooks.set_session_data
            ),
        ),
    )
    signed_up = await call(recipe, "sign_up_post", form("ada@example.com", PASSWORD, name={"first": "Ada"}))
    signed_in = await call(recipe, "sign_in_post", ADA)

    at_sign_up = EmailPasswordContext((FormField("name", {"first": "Ada"}),))
    assert [
        ("jwt", signed_up.user, at_sign_up, "signup"),
        ("data", signed_up.user, at_sign_up, "signup"),
        ("jwt", signed_in.user, EmailPasswordContext(), "signin"),
        ("data", signed_in.user, EmailPasswordContext(), "signin"),
    ] == hooks.calls
    assert "emailpassword" == at_sign_up.login_type
    assert signed_up.session is not None
    assert signed_in.session is not None
    assert {"action": "signup"} == signed_up.session.jwt_payload
    assert {"action": "signin"} == signed_in.session.jwt_payload
    assert {"fields": {"name": {"first": "Ada"}}} == await signed_up.session.get_session_data()
    assert {"fields": {}} == await signed_in.session.get_session_data()


async def test_without_hooks_both_kinds_of_data_are_empty(recipe: EmailPassword) -> None:
    """The defaults of the seed."""
    answer = await call(recipe, "sign_up_post", ADA)
    assert answer.session is not None
    assert ({}, {}) == (answer.session.jwt_payload, await answer.session.get_session_data())


@pytest.mark.parametrize("bad", [RuntimeError("no"), "text", ["list"], {"sub": "eve"}, {"when": {1, 2}}])
@pytest.mark.parametrize("hook", ["set_jwt_payload", "set_session_data"])
async def test_a_failing_hook_leaves_the_user_and_no_session(engine: Engine, hook: str, bad: Any) -> None:
    """The sign-up stays as committed, nobody is signed in, and the next sign-in works (issue's rule)."""
    broken = True

    def failing(user: User, context: EmailPasswordContext, action: Action) -> Any:
        if not broken:
            return {}
        if isinstance(bad, Exception):
            raise bad
        return bad

    if hook == "set_session_data" and bad == {"sub": "eve"}:
        return  # a reserved claim name means nothing in session data
    recipe = bound(engine, EmailPassword(session_feature=SessionFeature(**{hook: failing})))
    with pytest.raises(HookFailed, match=hook):
        await call(recipe, "sign_up_post", ADA)
    assert (1, 0) == (await count(engine.db, "users"), await count(engine.db, "sessions"))
    with pytest.raises(HookFailed, match=hook):
        await call(recipe, "sign_in_post", ADA)
    assert 0 == await count(engine.db, "sessions")
    broken = False
    assert (await call(recipe, "sign_in_post", ADA)).session is not None


async def test_the_password_is_in_nothing_that_leaves(engine: Engine) -> None:
    """Attack: read the password back from a token, a context, an answer or the database."""
    hooks = Hooks()
    recipe = bound(
        engine,
        EmailPassword(
            session_feature=SessionFeature(
                set_jwt_payload=hooks.set_jwt_payload, set_session_data=hooks.set_session_data
            )
        ),
    )
    for name in ("sign_up_post", "sign_in_post"):
        answer = await call(recipe, name, ADA)
        assert PASSWORD not in repr(answer)
        assert answer.session is not None
        payload = answer.session.access_token.split(".")[1]
        assert PASSWORD not in json.dumps(json.loads(base64.urlsafe_b64decode(payload + "==")))
    assert PASSWORD not in repr(hooks.calls)


async def test_a_session_of_the_same_person_is_kept(recipe: EmailPassword) -> None:
    """Signing in while signed in as oneself, in the way of older clients, makes no second session (FDI 11)."""
    first = await call(recipe, "sign_up_post", ADA)
    assert first.session is not None
    route = next(route for route in recipe.routes() if route.name == "sign_in_post")
    http = HttpRequest(method="POST", path="/auth/signin")
    again = await route.handler(ApiRequest(http=http, body=ADA, session=first.session))
    assert again.session is first.session


@pytest.mark.parametrize("path", ["/emailpassword/email/exists", "/signup/email/exists"])
async def test_email_exists_on_both_paths(recipe: EmailPassword, path: str) -> None:
    """True, false, false for nonsense, and a 400 sentence without the parameter or with two (FDI 14, 15)."""
    await call(recipe, "sign_up_post", ADA)
    route = next(route for route in recipe.routes() if route.path == path)

    async def ask(*emails: str) -> Answer:
        http = HttpRequest(method="GET", path=path, query=tuple(("email", email) for email in emails))
        return await route.handler(ApiRequest(http=http))

    assert ("email_exists_get", False) == (route.name, route.changes_state)
    assert {"status": "OK", "exists": True} == (await ask("ADA@example.com ")).body
    assert {"status": "OK", "exists": False} == (await ask("eve@example.com")).body
    assert {"status": "OK", "exists": False} == (await ask("ada@")).body
    assert {"status": "OK", "exists": False} == (await ask("")).body
    for emails in ((), ("ada@example.com", "ada@example.com")):
        with pytest.raises(BadInput, match=r"^Please provide the email as a GET param$") as caught:
            await ask(*emails)
        assert "email" == caught.value.field


async def test_a_function_is_overridden_with_super(engine: Engine) -> None:
    """What an application writes: say no in words of its own, or do more (style of the handbook)."""
    invited = {"ada@example.com"}
    seen: list[UserContext] = []

    class InviteOnly(EmailPassword):
        async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
            seen.append(user_context)
            if email not in invited:
                raise SignUpNotAllowed("By invitation only")
            user = await super().sign_up(email, password, tenant_id=tenant_id, user_context=user_context)
            invited.discard(email)
            return user

        async def sign_in_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
            return (await super().sign_in_post(form_fields, api)).with_body(welcome="back")

        async def email_exists_get(self, email: str, api: ApiRequest) -> Answer:
            raise GeneralError("Not here")

    recipe = bound(engine, InviteOnly())
    assert (await call(recipe, "sign_up_post", form("Ada@example.com", PASSWORD))).session is not None
    with pytest.raises(SignUpNotAllowed):
        await call(recipe, "sign_up_post", form("eve@example.com", PASSWORD))
    answer = await call(recipe, "sign_in_post", ADA)
    assert {"status": "OK", "welcome": "back"} == answer.body
    with pytest.raises(GeneralError):
        await call(recipe, "email_exists_get", query=(("email", "ada@example.com"),))
    assert [{}, {}] == seen


async def test_an_override_may_say_that_an_address_is_taken(engine: Engine) -> None:
    """A typed error of an override becomes the contract's field error too."""

    class Closed(EmailPassword):
        async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
            raise EmailAlreadyExists

    with pytest.raises(FieldErrors) as caught:
        await call(bound(engine, Closed()), "sign_up_post", ADA)
    assert TAKEN == caught.value.fields


async def test_addresses_of_test_domains_work_on_this_machine_only(engine: Engine) -> None:
    """`.test` is refused where the API is on the internet and accepted on localhost."""
    local = AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000")
    at_home = bound(replace(engine, app_info=local), EmailPassword())
    with pytest.raises(FieldErrors):
        await call(bound(engine, EmailPassword()), "sign_up_post", form("ada@site.test", PASSWORD))
    assert (await call(at_home, "sign_up_post", form("ada@site.test", PASSWORD))).session is not None


def test_routes_are_data(recipe: EmailPassword) -> None:
    """Names, methods and paths of FDI 8.2 and 13.1."""
    assert [
        ("sign_up_post", "POST", "/signup", "json", "sign_in", True),
        ("sign_in_post", "POST", "/signin", "json", "sign_in", True),
        ("email_exists_get", "GET", "/emailpassword/email/exists", "none", "none", False),
        ("email_exists_get", "GET", "/signup/email/exists", "none", "none", False),
        ("generate_password_reset_token_post", "POST", "/user/password/reset/token", "json", "none", True),
        ("password_reset_post", "POST", "/user/password/reset", "json", "none", True),
    ] == [
        (route.name, route.method, route.path, route.body, route.session, route.changes_state)
        for route in recipe.routes()
    ]
    assert {"emailpassword"} == {route.recipe_id for route in recipe.routes()}


def test_disabling_an_api_that_does_not_exist_stops_the_start(engine: Engine) -> None:
    """A typing error must not leave an API open; the message lists the names there are."""
    bound(engine, EmailPassword(disabled_apis=["email_exists_get"]))
    with pytest.raises(ConfigurationError, match=r"no API is called 'emailExistsGET'.+email_exists_get"):
        bound(engine, EmailPassword(disabled_apis=["emailExistsGET"]))


def test_an_unknown_setting_is_refused() -> None:
    """A typing error in a setting's name is no silent default (security SC-7)."""
    with pytest.raises(ConfigurationError, match=r"^form_feilds: EmailPassword has no such setting"):
        EmailPassword(form_feilds=[])
