"""After so many wrong passwords none is compared any more: who still gets in, and what lifts it; over HTTP."""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.site import PASSWORD, SECRET, FakeClock, Site, running_site
from watchword import AppInfo, Protection, Watchword
from watchword.recipes import EmailPassword
from watchword.recipes.emailpassword.recovery import PasswordRecovery

ADA = "ada@example.com"
WRONG, NEW = "wrong horse 2", "correct horse 2"
SETTINGS = Protection(failures_per_account=3, failures_before_reset=5)
HOUR_MS = 3_600_000


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site where the fifth failure is the last."""
    async with running_site(database_url, clock=FakeClock(), protection=SETTINGS) as running:
        yield running


async def stop(site: Site, email: str = ADA) -> Sequence[httpx2.Response]:
    """Attack: guess as often as it goes, an hour apart; returns the answers of one try more than that."""
    answers: list[httpx2.Response] = []
    for _ in range(6):
        answers.append(await site.browser().sign_in(email, WRONG))
        site.clock.advance(HOUR_MS)  # type: ignore[attr-defined] - the one of the fixture
    return answers


def password_recipe(site: Site) -> PasswordRecovery:
    """The recipe of the site."""
    return next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, PasswordRecovery))


async def reset(site: Site) -> None:
    """What the owner does with the mail."""
    browser, recipe = site.browser(), password_recipe(site)
    await browser.post_form("/auth/user/password/reset/token", {"email": ADA})
    await recipe.after_answer.finish()
    token = parse_qs(urlsplit(await site.mail.take_link()).query)["token"][0]
    form: dict[str, Any] = {
        "method": "token",
        "token": token,
        "formFields": [{"id": "password", "value": NEW}],
    }
    assert {"status": "OK"} == (await browser.call("POST", "/auth/user/password/reset", json=form)).json()


async def test_the_answer_is_a_sentence_that_clients_show_and_tells_nothing_else(site: Site) -> None:
    """Attack: learn from the stop who has an account; all answers are the same bytes (EN-1, RL-1)."""
    await site.browser().sign_up(ADA)
    seen = [await stop(site, email) for email in (ADA, "nobody@example.com")]
    assert [["WRONG_CREDENTIALS_ERROR"] * 5 + ["GENERAL_ERROR"]] * 2 == [
        [answer.json()["status"] for answer in answers] for answers in seen
    ]
    last = seen[0][-1]
    assert [answer.content for answer in seen[0]] == [answer.content for answer in seen[1]]
    assert (200, "sign_in_stopped") == (last.status_code, last.json()["code"])
    assert "set a new one" in last.json()["message"]
    assert last.json() == (await site.browser().sign_in(ADA, PASSWORD)).json(), "the right password is not looked at"


async def test_the_owner_s_browser_still_signs_in_and_lifts_nothing(site: Site) -> None:
    """A stranger locks nobody out who has been there before, and gains no tries by the owner's signing in (RL-2)."""
    owner = site.browser()
    await owner.sign_up(ADA)
    await stop(site)
    assert "OK" == (await owner.sign_in(ADA)).json()["status"]
    assert "GENERAL_ERROR" == (await site.browser().sign_in(ADA)).json()["status"]


async def test_a_reset_by_mail_lifts_it(site: Site) -> None:
    """The owner, at a browser that is new, follows the sentence; five more guesses are all that strangers gain."""
    await site.browser().sign_up(ADA)
    await stop(site)
    await reset(site)
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]
    assert "GENERAL_ERROR" == (await stop(site))[-1].json()["status"]


async def test_a_device_that_forgot_its_password_is_let_in_after_a_reset(site: Site) -> None:
    """The owner typed five wrong ones at their own browser: the new password works there, too."""
    owner = site.browser()
    await owner.sign_up(ADA)
    for _ in range(11):  # its own tries, and then the account's
        answer = await owner.sign_in(ADA, WRONG)
        site.clock.advance(HOUR_MS)  # type: ignore[attr-defined] - the one of the fixture
    assert "GENERAL_ERROR" == answer.json()["status"]
    await reset(site)
    assert "OK" == (await owner.sign_in(ADA, NEW)).json()["status"]


async def test_a_changed_password_or_a_support_desk_lifts_it(site: Site) -> None:
    """Whoever may change the password may decide that guessing at the old one is over; it is recorded."""
    user = (await site.browser().sign_up(ADA)).json()["user"]
    recipe = password_recipe(site)
    await stop(site)
    await recipe.update_email_or_password(user["loginMethods"][0]["recipeUserId"], password=NEW)
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]
    await stop(site)
    await recipe.forget_failed_sign_ins(" ADA@example.com")
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]
    events = await site.auth.audit.list(kinds=["sign_in_stopped", "sign_in_reopened"])
    assert ["sign_in_reopened", "sign_in_stopped", "sign_in_stopped"] == [event.kind for event in events]
    assert user["id"] == events[0].user_id
    assert {"failures": 5} == events[1].facts


async def test_two_nodes_stop_together(database_url: str) -> None:
    """Attack: go on at the node that counted less."""
    clock = FakeClock()
    async with (
        running_site(database_url, clock=clock, protection=SETTINGS) as one,
        running_site(database_url, clock=clock, protection=SETTINGS) as two,
    ):
        statuses: list[str] = []
        for n in range(7):
            statuses.append((await (one, two)[n % 2].browser().sign_in(ADA, WRONG)).json()["status"])
            clock.advance(HOUR_MS)
    assert ["WRONG_CREDENTIALS_ERROR"] * 5 + ["GENERAL_ERROR"] * 2 == statuses


async def test_where_no_link_can_be_mailed_it_is_not_in_force(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It would lock owners out for good; the start says so."""
    recipe = EmailPassword(disabled_apis=["generate_password_reset_token_post"])
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
        database=database_url,
        secret=SECRET,
        recipe_list=[recipe],
    )
    with caplog.at_level(logging.WARNING):
        await auth.start()
    await auth.stop()
    assert any("failures_before_reset is not in force" in record.getMessage() for record in caplog.records)
    assert not recipe.engine.limits.resets_are_mailed
