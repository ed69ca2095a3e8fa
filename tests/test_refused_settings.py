"""What newcomers write first: each is refused where it stands, in a sentence that says what to write instead."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from tests.site import SECRET
from watchword import AppInfo, SignUps, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.errors import ConfigurationError
from watchword.frameworks.fastapi import install, verify_session
from watchword.http.client import OutgoingClient
from watchword.recipes import (
    EmailPassword,
    InputFormField,
    PrimitiveClaim,
    Session,
    SessionFeature,
    ThirdParty,
    ThirdPartyEmailPassword,
)
from watchword.recipes.recipe import Recipe

ANY: Any = None  # the type checker refuses most of what follows; newcomers have none


def watchword(**changed: Any) -> Watchword:
    """A `Watchword` with some settings changed."""
    settings: dict[str, Any] = {
        "app_info": app_info(),
        "database": "sqlite://",
        "secret": SECRET,
        "recipe_list": [EmailPassword()],
    }
    return Watchword(**settings | changed)


def app_info(**changed: Any) -> AppInfo:
    """An `AppInfo` with some settings changed."""
    localhost = "http://localhost:8000"
    return AppInfo(**{"app_name": "Test", "api_domain": localhost, "website_domain": localhost} | changed)


def made(kind: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
    """Called without a type checker."""
    return kind(*arguments, **settings)


class Uninitialised(EmailPassword):
    """Has an `__init__` of its own, which forgets ours."""

    def __init__(self) -> None:
        self.seen = 0


def one(_: Any) -> Mapping[str, Any]:
    """A hook that takes one argument."""
    return {}


def use_class_for_dependency() -> None:
    """A route that gets `verify_session` itself."""

    async def me(session: Any = Depends(verify_session)) -> None: ...

    FastAPI().get("/me")(me)


claim = PrimitiveClaim[str]("role", lambda *_: "admin")
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no secret": (lambda: watchword(secret=None), "secret: is missing; set WATCHWORD_SECRET"),
    "one secret of two missing": (lambda: watchword(secret=[SECRET, None]), "secret: is missing; set"),
    "no database": (lambda: watchword(database=None), "database: is missing; write sqlite:///"),
    "a domain without its sign": (
        lambda: SignUps(allow=["example.com"]),
        "sign_ups.allow: 'example.com' is neither an address nor a domain; write 'ada@example.com' or '@example.com'",
    ),
    "one text for a list of addresses": (
        lambda: SignUps(deny="@example.com"),
        "sign_ups.deny: is one text; write a list: ['@example.com']",
    ),
    "nothing in a list of addresses": (
        lambda: SignUps(deny=made(list, [None])),
        "sign_ups.deny: holds NoneType",
    ),
    "a pool of 0 connections": (
        lambda: watchword(database_pool_size=0),
        "database_pool_size: is 0: a pool of none; set at least 1",
    ),
    "a pool of 0 connections to PostgreSQL": (
        lambda: watchword(database="postgresql://a@localhost/a", database_pool_size=0),
        "database_pool_size: is 0: a pool of none; set at least 1",
    ),
    "a pool of 0 hashes": (lambda: PasswordHasher(workers=0), "password_hasher.workers: is 0; set a value from 1 to"),
    "a pool of 0 requests": (lambda: OutgoingClient(max_parallel=0), "outgoing.max_parallel: is 0; set more than 0"),
    "a pool of 0 requests to a host": (
        lambda: OutgoingClient(max_parallel_per_host=0),
        "outgoing.max_parallel_per_host: is 0; set more than 0",
    ),
    "no time for an answer": (
        lambda: OutgoingClient(total_timeout_seconds=0),
        "outgoing.total_timeout_seconds: is 0; set more than 0",
    ),
    "empty database": (lambda: watchword(database=""), "database: is missing; write sqlite:///"),
    "a class": (lambda: watchword(recipe_list=[EmailPassword]), "recipe_list: write EmailPassword(), with parentheses"),
    "no list": (lambda: watchword(recipe_list=EmailPassword()), "recipe_list: is not a list; write a list like"),
    "a session feature": (
        lambda: watchword(recipe_list=[SessionFeature()]),
        "recipe_list: a SessionFeature is no recipe; give it to one, like EmailPassword(session_feature=…)",
    ),
    "something else": (lambda: watchword(recipe_list=["emailpassword"]), "recipe_list: 'emailpassword' is no recipe"),
    "no super init": (
        lambda: watchword(recipe_list=[Uninitialised()]),
        "recipe_list: Uninitialised.__init__ does not call super().__init__()",
    ),
    "feature is a dict": (lambda: made(EmailPassword, session_feature={}), "session_feature: is dict; write Session"),
    "hook is no function": (
        lambda: made(SessionFeature, set_jwt_payload={"a": 1}),
        "session_feature.set_jwt_payload: is dict and no function; set a function that takes (user, context, action)",
    ),
    "hook takes one": (
        lambda: made(SessionFeature, set_session_data=one),
        "session_feature.set_session_data: takes other arguments than it will get; set a function that takes (user,",
    ),
    "validate is no function": (
        lambda: made(InputFormField, "age", validate=True),
        "form_fields 'age', validate: is bool and no function; set a function that takes (value, tenant_id)",
    ),
    "field is text": (
        lambda: made(EmailPassword, form_fields=["age"]),
        """form_fields: holds 'age'; write InputFormField("age")""",
    ),
    "fields are a field": (lambda: made(EmailPassword, form_fields=InputFormField("a")), "form_fields: is not a list"),
    "providers": (
        lambda: made(EmailPassword, providers=[]),
        "providers: EmailPassword has no such setting; use ThirdPartyEmailPassword",
    ),
    "unknown setting": (lambda: made(ThirdParty, colour="red"), "colour: ThirdParty has no such setting"),
    "origins is text": (lambda: app_info(origins="http://a.example"), "app_info.origins: is one text; write a list: ["),
    "swapped": (
        lambda: made(install, watchword(), FastAPI()),
        "install: got Watchword, FastAPI; write install(app, auth): the application first",
    ),
    "verify_session without auth": (use_class_for_dependency, "verify_session: write Depends(verify_session(auth))"),
    "verify_session of the app": (lambda: made(verify_session, FastAPI()), "verify_session: got FastAPI; write verify"),
    "one validator": (
        lambda: made(verify_session, watchword(), override_global_claim_validators=claim.has_value("admin")),
        "override_global_claim_validators: is one validator; write a list",
    ),
    "a claim for a validator": (
        lambda: made(verify_session, watchword(), override_global_claim_validators=[claim]),
        (
            "override_global_claim_validators: holds PrimitiveClaim; list what claim.has_value(…) or claim.includes(…) "
            "answers"
        ),
    ),
    "validators that take one": (
        lambda: made(verify_session, watchword(), override_global_claim_validators=lambda _: []),
        "override_global_claim_validators: takes other arguments",
    ),
    "require beside an override": (
        lambda: made(verify_session, watchword(), require=[claim.has_value("a")], override_global_claim_validators=[]),
        "require: cannot stand beside override_global_claim_validators",
    ),
    "require one": (
        lambda: made(verify_session, watchword(), require=claim.has_value("a")),
        "require: is one validator; write a list",
    ),
    "roles without the recipe": (
        lambda: watchword().roles,
        "recipe_list: auth.roles needs UserRoles(); list it",
    ),
    "require a function": (
        lambda: made(verify_session, watchword(), require=lambda *_: []),
        "require: is a function; write a list",
    ),
    "reserved claim": (lambda: made(PrimitiveClaim, "sub", one), "claim sub: is a name of ours in the access token"),
    "claim without function": (
        lambda: made(PrimitiveClaim, "role", "admin"),
        "claim role, fetch_value: is str and no function; set a function that takes (owner, user_context)",
    ),
    "mysql": (lambda: open_database("mysql://localhost/a"), "database: MySQL is not supported; use SQLite or Postgre"),
    "a driver": (lambda: open_database("postgresql+asyncpg://a@b/c"), "database: names the driver asyncpg, and Watch"),
    "sqlite with a driver": (lambda: open_database("sqlite+aiosqlite:///a.db"), "database: names the driver aiosqlite"),
}


@pytest.mark.parametrize(("attempt", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_it_is_refused_with_what_to_write(attempt: Callable[[], Any], sentence: str) -> None:
    """The sentence names the setting and the way to write it."""
    with pytest.raises(ConfigurationError) as caught:
        attempt()
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("password", ["sesa/me", "1/2", "sesa#me", "sesa?me", "s:e@s/ame"])
def test_a_password_that_is_not_encoded_is_told_and_not_shown(password: str) -> None:
    """The sentence has the percent codes and `postgres_url`, and no part of the password."""
    with pytest.raises(ConfigurationError, match=r"^database: is not a URL; .*%2F for /.*postgres_url") as caught:
        open_database(f"postgresql://ada:{password}@localhost/app")
    assert "sesa" not in str(caught.value)


@pytest.mark.parametrize("recipe_list", [[], [Session()]], ids=["empty", "sessions only"])
async def test_an_empty_list_of_recipes_is_warned_of(
    recipe_list: list[Recipe], caplog: pytest.LogCaptureFixture
) -> None:
    """Sessions alone may be meant, so it starts; listing `Session()` says that it is."""
    auth = watchword(recipe_list=recipe_list)
    with caplog.at_level(logging.WARNING):
        await auth.start()
        await auth.stop()
    assert (not recipe_list) == ("recipe_list is empty" in caplog.text)


class Misspelt(EmailPassword):
    """Would never be called."""

    async def signup(self, email: str) -> None:
        """Meant to be `sign_up`."""


class Narrow(ThirdPartyEmailPassword):
    """Would fail at the first sign-in."""

    async def sign_in(self, email: str, password: str) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - the mistake
        """Takes less than it gets."""


class Wide(ThirdPartyEmailPassword):
    """Takes whatever comes, and has methods of its own."""

    async def sign_in(self, *arguments: Any, **options: Any) -> Any:
        """As shipped."""
        return await super().sign_in(*arguments, **options)

    async def invite(self, email: str) -> None:
        """The application's own."""


def test_overrides_that_cannot_work_are_refused() -> None:
    """A misspelt name and arguments that do not fit are told at start; what takes everything is fine."""
    with pytest.raises(ConfigurationError, match=r"^recipe_list: Misspelt\.signup replaces nothing.*mean sign_up\?"):
        watchword(recipe_list=[Misspelt()])
    with pytest.raises(ConfigurationError, match=r"Narrow\.sign_in does not take .*; write sign_in\(self, email"):
        watchword(recipe_list=[Narrow()])
    watchword(recipe_list=[Wide()])
