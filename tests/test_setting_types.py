"""Every setting of every object that an application configures is of its declared type, or refused where it stands."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Unpack, get_args, get_origin

import pytest

import watchword
from tests.test_refused_settings import app_info, made
from tests.test_refused_settings import watchword as new_watchword
from watchword import Limit, Protection, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.service import ConsoleService
from watchword.delivery.smtp import SmtpService
from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.ids import RandomIds
from watchword.recipes import EmailPassword, EmailVerification, Session, ThirdParty
from watchword.recipes.recipe import Recipe
from watchword.recipes.thirdparty import providers
from watchword.recipes.thirdparty.providers import Google

#: Exported, and no settings: what is handed to the application, what it raises, what it subclasses without arguments.
NO_SETTINGS = {
    "SessionContainer", "User", "JsonFormatter", "FormField", "EmailPasswordContext", "ThirdPartyContext", "Answer",
    "ApiRequest", "SignInUpResult", "SessionClaim", "PrimitiveClaim", "PrimitiveArrayClaim", "BooleanClaim",
    "ClaimValidator", "EmailVerificationClaim", "Health", "AuthorisationUrl", "ProviderUserInfo", "RedirectUriInfo",
    "ClaimFailure", "AuditEvent", "Ban", "IdMapping", "LoginMethod", "Mail", "RenderedMail", "RenderedSms",
    "SessionInformation", "Sms", "Tenant", "ThirdPartyIdentity", "UserPage",
}  # fmt: skip

#: What has a sentence of its own, or is a function, which `check_callable` looks at.
OTHER_WORDS = {
    "secret", "database", "recipe_list", "challenge", "cookie_same_site", "form_fields", "on_event", "validate",
    "set_jwt_payload", "set_session_data", "token_transfer_method", "tracer_provider", "meter_provider", "resolve",
}  # fmt: skip


class Wrong:
    """Nothing that any setting could be."""


def configured() -> dict[str, type[Any]]:
    """Every public class that is configured, with those that are found in its arguments."""
    exported = {
        name: getattr(module, name)
        for module in (watchword, watchword.recipes, providers)  # type: ignore[attr-defined] - a sub-package
        for name in module.__all__
    }
    kinds = {name: kind for name, kind in exported.items() if inspect.isclass(kind) and name not in NO_SETTINGS}
    more = (PasswordHasher, OutgoingClient, EmailDelivery, SmtpService)
    kinds |= {kind.__name__: kind for kind in more}
    return {name: kind for name, kind in kinds.items() if not issubclass(kind, BaseException)}


def settings_of(kind: type[Any]) -> Iterator[str]:
    """The names of its settings, those in `**options` too."""
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        if get_origin(parameter.annotation) is Unpack:
            yield from inspect.get_annotations(get_args(parameter.annotation)[0])
        elif parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            yield name


CASES = [(kind, name) for kind in configured().values() for name in settings_of(kind) if name not in OTHER_WORDS]


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}.{name}" for kind, name in CASES])
def test_a_setting_of_another_type_is_refused_at_construction(kind: type[Any], name: str) -> None:
    """The sentence names the setting and what to write, before anything else of the object is looked at."""
    with pytest.raises(ConfigurationError, match=rf"(^|\.){name}: is Wrong; write "):
        kind(**{name: Wrong()})


def test_there_are_settings_to_look_at() -> None:
    """The test above goes over something."""
    assert len(CASES) > 120
    assert {"Watchword", "Protection", "Session", "Google", "SmtpService"} <= {kind.__name__ for kind, _ in CASES}


SENTENCES: dict[str, tuple[Callable[[], Any], str]] = {
    "text for a setting object": (
        lambda: new_watchword(protection="x"),
        "protection: is str; write Protection(…) or None",
    ),
    "a class": (
        lambda: new_watchword(ids=RandomIds),
        "ids: is the class RandomIds; write an object that has session_handle, user_id or None",
    ),
    "a number in quotes": (
        lambda: made(PasswordHasher, workers="4"),
        "password_hasher.workers: is str; write a whole number or None",
    ),
    "True for a number": (
        lambda: made(Protection, failures_per_account=True),
        "protection.failures_per_account: is bool; write a whole number or None",
    ),
    "a number for a limit": (
        lambda: made(Protection, sign_in=200),
        "protection.sign_in: is int; write Limit(…) or None",
    ),
    "half a request": (lambda: made(Limit, 2.5, seconds=60), "limit.requests: is float; write a whole number"),
    "no number": (
        lambda: OutgoingClient(total_timeout_seconds=float("nan")),
        "outgoing.total_timeout_seconds: is nan; write a number",
    ),
    "nothing": (lambda: app_info(app_name=None), "app_info.app_name: is None; write a text"),
    "a truth in quotes": (
        lambda: made(Session, cookie_secure="no"),
        "cookie_secure: is str; write True or False or None",
    ),
    "a word that is none": (
        lambda: made(EmailVerification, mode="required"),
        "mode: 'required' is not one of 'REQUIRED', 'OPTIONAL'",
    ),
    "a provider for a list": (
        lambda: made(ThirdParty, providers=Google(client_id="a", client_secret="b")),
        "providers: is Google; write a list, of Provider(…) each",
    ),
    "the class of a provider": (
        lambda: made(ThirdParty, providers=[Google]),
        "providers: holds the class Google; write a list, of Provider(…) each",
    ),
    "a number in a list of texts": (
        lambda: made(EmailPassword, disabled_apis=[1]),
        "disabled_apis: holds int; write a list, of a text each",
    ),
    "a text for the secret of a provider's list": (
        lambda: made(Google, client_id="a", client_secret="b", scope="openid"),
        "Google.scope: is one text; write a list: ['openid']",
    ),
    "no service": (
        lambda: made(EmailDelivery, ConsoleService),
        "email_delivery.service: is the class ConsoleService; write an object that has send",
    ),
    "a link that is over before it is mailed": (
        lambda: EmailPassword(password_reset_token_life_ms=0),
        "password_reset_token_life_ms: is 0; set more than 0 milliseconds",
    ),
    "a link of a negative life": (
        lambda: EmailVerification(mode="OPTIONAL", token_life_ms=-1),
        "token_life_ms: is -1; set more than 0 milliseconds",
    ),
}


@pytest.mark.parametrize(("attempt", "sentence"), SENTENCES.values(), ids=list(SENTENCES))
def test_the_sentence_says_what_to_write(attempt: Callable[[], Any], sentence: str) -> None:
    """As a newcomer reads it."""
    with pytest.raises(ConfigurationError) as caught:
        attempt()
    assert sentence == str(caught.value)


def test_a_value_that_may_be_a_secret_is_not_shown() -> None:
    """A secret in the wrong place would stand in the log of the start."""
    with pytest.raises(ConfigurationError) as caught:
        made(PasswordHasher, workers="s3cret-s3cret")
    assert "s3cret" not in str(caught.value)


def test_names_that_are_none_are_told_by_python() -> None:
    """A misspelt setting, and one that is missing."""
    with pytest.raises(TypeError, match="protektion"):
        new_watchword(protektion=Protection())
    with pytest.raises(TypeError, match="app_info"):
        made(Watchword)


def test_a_recipe_of_the_application_has_what_arguments_it_likes() -> None:
    """Only what our own `__init__` is given is looked at."""

    class Own(Recipe):
        def __init__(self, colour: Any) -> None:
            super().__init__()
            self.colour = colour

    assert "red" == Own("red").colour
