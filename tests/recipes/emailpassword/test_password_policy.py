"""New passwords that would be guessed are refused where they are chosen, and nowhere else, on both databases."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from tests.http.outside import response, serve
from tests.recipes.emailpassword.test_password_reset import reset, token_for
from tests.site import PASSWORD, Site, running_site
from watchword.errors import ConfigurationError, FieldErrors
from watchword.http.client import OutgoingClient
from watchword.recipes import EmailPassword, InputFormField, PasswordPolicy, PwnedPasswords, UserContext
from watchword.recipes.emailpassword.form_fields import validate_password
from watchword.recipes.emailpassword.password_policy import COMMON, OWN_WORDS

ADA = "ada.lovelace@example.com"
LOOSE = PasswordPolicy(refuse_common=False, refuse_own_words=False)
PRECOMPOSED, COMBINING = "caf\u00e9 horse 1", "cafe\u0301 horse 1"


def refused(sentence: str) -> dict[str, Any]:
    """The answer that official clients show beside the field (FDI 3.3)."""
    return {"status": "FIELD_ERROR", "formFields": [{"id": "password", "error": sentence}]}


def passwords_of(site: Site) -> EmailPassword:
    """The recipe of the site."""
    recipe = site.auth.recipe_list[0]
    assert isinstance(recipe, EmailPassword)
    return recipe


@pytest.mark.parametrize(
    ("password", "sentence"),
    [("Password123", COMMON), ("1qaz2wsx", COMMON), ("lovelace1815", OWN_WORDS), ("Test-1815", OWN_WORDS)],
)
async def test_sign_up_refuses_what_is_guessed_first(database_url: str, password: str, sentence: str) -> None:
    """Attack: try the passwords of a list, or the address and the site's name, at every account (security PW-9)."""
    async with running_site(database_url, recipes=[EmailPassword()]) as site:
        assert refused(sentence) == (await site.browser().sign_up(ADA, password)).json()
        assert {"status": "OK", "exists": False} == (
            await site.browser().get("/auth/emailpassword/email/exists", params={"email": ADA})
        ).json()
        assert "OK" == (await site.browser().sign_up(ADA, PASSWORD)).json()["status"]


async def test_a_reset_refuses_it_and_the_link_stays_good(database_url: str) -> None:
    """Attack: choose at the reset what sign-up refuses. The person's address is known from the token."""
    async with running_site(database_url, recipes=[EmailPassword()]) as site:
        await site.browser().sign_up(ADA)
        token = await token_for(site, ADA)
        assert refused(COMMON) == (await reset(site.browser(), token, "qwerty123")).json()
        assert refused(OWN_WORDS) == (await reset(site.browser(), token, "Lovelace-1815")).json()
        assert refused(COMMON) == (await reset(site.browser(), "unknown", "qwerty123")).json()
        assert {"status": "OK"} == (await reset(site.browser(), token, "thieves horse 2")).json()


async def test_a_change_refuses_it_unless_told_not_to(database_url: str) -> None:
    """The function that an application's own page calls applies the form's rule and the policy."""
    async with running_site(database_url, recipes=[EmailPassword()]) as site:
        user_id = (await site.browser().sign_up(ADA)).json()["user"]["id"]
        change = passwords_of(site).update_email_or_password
        for password in ("short 1", "qwerty123", "lovelace1815", "x" * 5_000):
            with pytest.raises(FieldErrors):
                await change(user_id, password=password)
        with pytest.raises(FieldErrors):
            await change(user_id, email="grace.hopper@example.com", password="grace.hopper1")
        assert "OK" == (await site.browser().sign_in(ADA)).json()["status"]
        await change(user_id, password="qwerty123", apply_password_policy=False)
        assert "OK" == (await site.browser().sign_in(ADA, "qwerty123")).json()["status"]


async def test_signing_in_is_never_asked(database_url: str) -> None:
    """Who has such a password from before keeps getting in (FDI 14, 14)."""
    async with running_site(database_url, recipes=[EmailPassword()]) as site:
        await passwords_of(site).sign_up(ADA, "password1", tenant_id="public", user_context={})
        assert "OK" == (await site.browser().sign_in(ADA, "password1")).json()["status"]


async def test_it_is_switched_off_in_one_line_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Without the two checks the form's rule is left, and a line of the log names each that is off."""
    with caplog.at_level(logging.WARNING, "watchword"):
        async with running_site("sqlite://", recipes=[EmailPassword(password_policy=LOOSE)]) as site:
            assert "OK" == (await site.browser().sign_up(ADA, "lovelace1815")).json()["status"]
            assert "OK" == (await site.browser().sign_up("eve@example.com", "password1")).json()["status"]
    said = [record.getMessage() for record in caplog.records if "password_policy" in record.getMessage()]
    assert ["refuse_common", "refuse_own_words"] == [line.split(".")[1].split()[0] for line in said]


class NoHorses(PasswordPolicy):
    """A rule of the application's own, beside ours."""

    async def find_problem(self, password: str, *, words: Sequence[str], outgoing: OutgoingClient) -> str | None:
        if "horse" in password:
            return f"No horses at {words[0]}"
        return await super().find_problem(password, words=words, outgoing=outgoing)


async def test_rules_of_ones_own_are_a_subclass() -> None:
    """What it returns is shown; what it passes on to `super` is checked as ever."""
    async with running_site("sqlite://", recipes=[EmailPassword(password_policy=NoHorses())]) as site:
        assert refused("No horses at Test") == (await site.browser().sign_up(ADA)).json()
        assert refused(COMMON) == (await site.browser().sign_up(ADA, "password1")).json()


async def test_a_minimum_length_replaces_the_rule_of_the_form() -> None:
    """15 characters of any kind, as NIST recommends where the password is the only factor (security PW-8)."""
    policy = PasswordPolicy(min_length=15, further_words=["Babbage"])
    async with running_site("sqlite://", recipes=[EmailPassword(password_policy=policy)]) as site:
        too_short = "Password must contain at least 15 characters"
        assert refused(too_short) == (await site.browser().sign_up(ADA, "correct horse1")).json()
        assert refused(OWN_WORDS) == (await site.browser().sign_up(ADA, "Babbage Babbage")).json()
        assert "OK" == (await site.browser().sign_up(ADA, "correct battery " * 8)).json()["status"]


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
async def test_a_normal_form_opens_from_any_keyboard(database_url: str, form: Any) -> None:
    """One setting for sign-up, sign-in, reset and change; without it a password is hashed as it was typed."""
    recipes = [EmailPassword(password_policy=PasswordPolicy(normalise=form))]
    async with running_site(database_url, recipes=recipes) as site:
        user_id = (await site.browser().sign_up(ADA, COMBINING)).json()["user"]["id"]
        assert "OK" == (await site.browser().sign_in(ADA, PRECOMPOSED)).json()["status"]
        await reset(site.browser(), await token_for(site, ADA), COMBINING + "2")
        assert "OK" == (await site.browser().sign_in(ADA, PRECOMPOSED + "2")).json()["status"]
        await passwords_of(site).update_email_or_password(user_id, password=COMBINING + "3")
        assert "OK" == (await site.browser().sign_in(ADA, PRECOMPOSED + "3")).json()["status"]


async def test_without_a_normal_form_it_is_as_typed() -> None:
    """The default: imported hashes were made so (security PW-8)."""
    async with running_site("sqlite://", recipes=[EmailPassword()]) as site:
        await site.browser().sign_up(ADA, COMBINING)
        assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(ADA, PRECOMPOSED)).json()["status"]


async def test_leaked_ones_are_refused_when_that_is_asked_for() -> None:
    """The whole way: the form, the look-up at a real server, the sentence beside the field."""
    suffix = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()[5:]  # noqa: S324 - the service's key
    async with serve(response(f"{suffix}:3\r\n", content_type="text/plain"), None) as outside:
        leaked = PasswordPolicy(breached=PwnedPasswords(f"http://localhost:{outside.port}/range/"))
        async with running_site("sqlite://", recipes=[EmailPassword(password_policy=leaked)]) as site:
            answer: httpx2.Response = await site.browser().sign_up(ADA)
            assert refused("This password has leaked from another site. Choose another one.") == answer.json()
            assert "OK" == (await site.browser().sign_up(ADA, "thieves horse 2")).json()["status"]


class Unchecked(EmailPassword):
    """Takes over the whole check."""

    async def check_new_password(self, password: str, *, email: str | None, user_context: UserContext) -> None:
        assert email is not None


async def test_the_check_is_a_recipe_function_to_override() -> None:
    """`check_new_password` is where a team decides for itself."""
    async with running_site("sqlite://", recipes=[Unchecked()]) as site:
        assert "OK" == (await site.browser().sign_up(ADA, "password1")).json()["status"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_length": 7}, r"password_policy\.min_length: is 7; set a number from 8 to 64"),
        ({"normalise": "NFD"}, r"password_policy\.normalise: 'NFD' is not one of 'NFC', 'NFKC'"),
        ({"further_words": "acme"}, r"password_policy\.further_words: is one text; write a list"),
        ({"breached": True}, r"password_policy\.breached: is bool; write PwnedPasswords\("),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, Any], words: str) -> None:
    """Each names the setting and what to write."""
    with pytest.raises(ConfigurationError, match=words):
        PasswordPolicy(**settings)


def test_two_rules_for_one_field_stop_the_start() -> None:
    """Neither of `min_length` and an own validator would be known to win."""
    own = [InputFormField("password", validate_password)]
    with pytest.raises(ConfigurationError, match=r"password_policy\.min_length: and InputFormField"):
        EmailPassword(form_fields=own, password_policy=PasswordPolicy(min_length=15))
    with pytest.raises(ConfigurationError, match="password_policy: is int; write PasswordPolicy"):
        EmailPassword(password_policy=15)  # type: ignore[arg-type] - newcomers have no type checker
