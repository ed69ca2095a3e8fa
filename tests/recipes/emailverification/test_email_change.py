"""Another address that counts once it is proved, both databases: the mails, the link, and who tries otherwise."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.recipes.emailverification.test_http import DAY_MS, INVALID, OK, claim_in, token_in, verify
from tests.recipes.engine import make_tenant
from tests.site import PASSWORD, Browser, Site, running_site
from watchword.audit.rows import AuditEvent
from watchword.delivery.mail import RenderedMail
from watchword.errors import ConfigurationError, EmailAlreadyExists, FieldErrors, UserNotFound
from watchword.protection.errors import TooManyRequests
from watchword.recipes import EmailPassword, EmailVerification, Session, ThirdPartyEmailPassword

ADA, NEW, EVE = "ada@example.com", "ada@new.example", "eve@example.com"
TAKEN = {"status": "GENERAL_ERROR", "message": "Somebody else uses this email address by now. Yours stays as it was."}


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site that lets nobody in before the address is verified."""
    session = Session(access_token_validity_ms=2 * DAY_MS, signing_key_algorithm="EdDSA")
    async with running_site(
        database_url, recipes=[ThirdPartyEmailPassword(), EmailVerification(mode="REQUIRED"), session]
    ) as running:
        yield running


class Person:
    """Somebody who has signed up, in one browser."""

    def __init__(self, site: Site, browser: Browser, user_id: str) -> None:
        self.site, self.browser, self.id = site, browser, user_id

    async def ask(self, email: str = NEW, **options: Any) -> str:
        """Wish for another address; the token in the mail there, after the mail to the present one was read."""
        await self.site.auth.users.request_email_change(self.id, email, **options)
        mails = {mail.kind: mail for mail in [await self.site.mail.take(), await self.site.mail.take()]}
        assert email == mails["email_change"].to
        assert "token=" not in mails["email_change_requested"].text
        return token_of(mails["email_change"])

    async def email(self) -> tuple[str | None, bool]:
        """The address that counts, and whether it is verified."""
        user = await self.site.auth.users.get(self.id)
        return user.email, user.login_methods[0].verified


def token_of(mail: RenderedMail) -> str:
    """What the page behind the link in a mail reads from its address."""
    (link,) = {word for word in mail.text.split() if "token=" in word}
    assert "/auth/verify-email?token=" in link
    return token_in(link)


async def sign_up(site: Site, email: str) -> Person:
    """Make somebody."""
    browser = site.browser()
    answer = await browser.sign_up(email)
    return Person(site, browser, answer.json()["user"]["id"])


@pytest.fixture
async def ada(site: Site) -> Person:
    """Somebody whose address is not verified."""
    return await sign_up(site, ADA)


async def test_it_counts_once_the_link_was_followed(site: Site, ada: Person) -> None:
    """Until then the old address signs in; afterwards the new one does, verified, and the old one hears of both."""
    (here,) = await site.auth.sessions.list_handles(ada.id)
    elsewhere = site.browser()
    await elsewhere.sign_in(ADA)
    await site.auth.users.request_email_change(ada.id, " Ada@NEW.example ", keep_session=here)
    mails = {mail.kind: mail for mail in [await site.mail.take(), await site.mail.take()]}
    assert {"email_change": NEW, "email_change_requested": ADA} == {kind: mail.to for kind, mail in mails.items()}
    assert (ADA, False) == await ada.email()
    assert "OK" == (await site.browser().sign_in(ADA)).json()["status"]
    assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(NEW)).json()["status"]

    assert OK == (await verify(ada.browser, token_of(mails["email_change"]))).json()
    assert (NEW, True) == await ada.email()
    told = await site.mail.take()
    assert ("email_changed", ADA) == (told.kind, told.to)
    assert [here] == await site.auth.sessions.list_handles(ada.id)
    assert claim_in(ada.browser) is True
    assert (200, 401) == ((await ada.browser.get("/me")).status_code, (await elsewhere.get("/me")).status_code)
    assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(ADA)).json()["status"]
    again = site.browser()
    assert "OK" == (await again.sign_in(NEW)).json()["status"]
    assert claim_in(again) is True


async def test_a_link_opened_elsewhere_reaches_the_session_that_asked(site: Site, ada: Person) -> None:
    """No session is needed to follow it; the one that asked sees its claim when its false is older than 10 s."""
    (here,) = await site.auth.sessions.list_handles(ada.id)
    token = await ada.ask(keep_session=here)
    answer = await verify(site.browser(), token)
    assert (OK, False) == (answer.json(), "front-token" in answer.headers)
    site.clock.advance(10_001)
    assert 200 == (await ada.browser.get("/me")).status_code


async def test_a_browser_whose_session_ends_with_the_change_is_told(site: Site, ada: Person) -> None:
    """The link is good, whatever becomes of the session in the browser that follows it: its tokens are taken."""
    answer = await verify(ada.browser, await ada.ask())
    assert (200, OK, "remove") == (answer.status_code, answer.json(), answer.headers["front-token"])
    assert (NEW, True) == await ada.email()
    assert [] == await site.auth.sessions.list_handles(ada.id)


async def test_a_token_suffices_where_the_browser_holds_a_revoked_session(site: Site, ada: Person) -> None:
    """A session that ended elsewhere is as none (FDI 8.4): the proof counts, and the browser is cleared."""
    token = await ada.ask()
    await site.auth.sessions.revoke_all(ada.id)
    answer = await verify(ada.browser, token)
    assert (200, OK, "remove") == (answer.status_code, answer.json(), answer.headers["front-token"])
    assert (NEW, True) == await ada.email()


async def test_a_token_works_once(site: Site, ada: Person) -> None:
    """Attack: follow the link again, or make one up."""
    token = await ada.ask()
    assert INVALID == (await verify(site.browser(), token[:-1] + ("A" if token[-1] != "A" else "B"))).json()
    assert OK == (await verify(site.browser(), token)).json()
    assert INVALID == (await verify(site.browser(), token)).json()


async def test_of_many_uses_at_once_one_wins(site: Site, ada: Person) -> None:
    """Attack: race a token (TK-1)."""
    token = await ada.ask()
    bodies = [answer.json() for answer in await asyncio.gather(*(verify(site.browser(), token) for _ in range(12)))]
    assert (1, 11) == (bodies.count(OK), bodies.count(INVALID))
    assert (NEW, True) == await ada.email()


async def test_a_token_ends_after_a_day(site: Site, ada: Person) -> None:
    """Good for 24 hours to the millisecond, by the injected clock (TK-3)."""
    late = await ada.ask()
    site.clock.advance(DAY_MS)
    assert INVALID == (await verify(site.browser(), late)).json()
    early = await ada.ask()
    site.clock.advance(DAY_MS - 1)
    assert OK == (await verify(site.browser(), early)).json()


async def test_a_token_of_another_tenant_is_unknown(site: Site, ada: Person) -> None:
    """Attack: use a token in a tenant it was not made for (TK-2)."""
    await make_tenant(site.auth.recipe_list[0].engine, "t2")
    token = await ada.ask()
    assert INVALID == (await verify(site.browser(), token, "/auth/t2/user/email/verify")).json()
    assert (ADA, False) == await ada.email()


async def test_a_token_changes_its_own_person_only(site: Site, ada: Person) -> None:
    """Attack: have a signed-in victim follow the attacker's link: the victim's address and session stay (TK-2)."""
    eve = await sign_up(site, EVE)
    answer = await verify(ada.browser, await eve.ask())
    assert (OK, False) == (answer.json(), "front-token" in answer.headers)
    assert [(ADA, False), (NEW, True)] == [await ada.email(), await eve.email()]
    assert 1 == len(await site.auth.sessions.list_handles(ada.id))


async def test_the_newest_wish_counts(site: Site, ada: Person) -> None:
    """Two wishes: the link of the first is void, whichever is followed first."""
    first = await ada.ask("first@new.example")
    second = await ada.ask()
    assert INVALID == (await verify(site.browser(), first)).json()
    assert OK == (await verify(site.browser(), second)).json()
    assert (NEW, True) == await ada.email()


async def test_of_two_wishes_at_once_one_link_is_good(site: Site, ada: Person) -> None:
    """Attack: race two wishes, to hold links to two addresses."""
    users = site.auth.users
    await asyncio.gather(*(users.request_email_change(ada.id, f"{name}@new.example") for name in "ab"))
    mails = [await site.mail.take() for _ in range(4)]
    tokens = [token_of(mail) for mail in mails if mail.kind == "email_change"]
    answers = [(await verify(site.browser(), token)).json() for token in tokens]
    assert [1, 1] == [answers.count(OK), answers.count(INVALID)]


async def test_links_to_the_former_address_are_dead(site: Site, ada: Person) -> None:
    """Attack: who reads the old mailbox uses what was sent there: proofs, resets, and a change that was asked for."""
    verification = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, EmailVerification))
    passwords = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, EmailPassword))
    common: dict[str, Any] = {"tenant_id": "public", "user_context": {}}
    proof = await verification.create_email_verification_token(ada.id, **common)
    reset = await passwords.create_reset_password_token(ada.id, ADA, **common)
    assert OK == (await verify(site.browser(), await ada.ask())).json()
    for _ in range(2):  # also when the former address comes back
        assert INVALID == (await verify(site.browser(), proof)).json()
        body = {"token": reset, "formFields": [{"id": "password", "value": "another horse 2"}]}
        answer = await site.browser().call("POST", "/auth/user/password/reset", json=body)
        assert {"status": "RESET_PASSWORD_INVALID_TOKEN_ERROR"} == answer.json()
        await site.auth.users.update_email(ada.id, ADA)


@pytest.mark.parametrize("change", ["email", "password", "there and back"])
async def test_a_change_in_between_voids_the_link(site: Site, ada: Person, change: str) -> None:
    """Attack: ask for my address with a stolen session; the owner sets a new password or address, and is safe."""
    token, users = await ada.ask(), site.auth.users
    if change == "password":
        await users.update_password(ada.id, "another horse 2")
    else:
        await users.update_email(ada.id, "third@example.com")
    if change == "there and back":
        await users.update_email(ada.id, ADA)
    before = await ada.email()
    assert INVALID == (await verify(site.browser(), token)).json()
    assert before == await ada.email()


async def test_a_reset_voids_the_link(site: Site, ada: Person) -> None:
    """What the mail to the present address offers to whoever did not ask."""
    token = await ada.ask()
    passwords = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, EmailPassword))
    common: dict[str, Any] = {"tenant_id": "public", "user_context": {}}
    reset = await passwords.create_reset_password_token(ada.id, ADA, **common)
    await passwords.reset_password(reset, "another horse 2", **common)
    assert INVALID == (await verify(site.browser(), token)).json()


async def test_an_address_that_is_taken_meanwhile(site: Site, ada: Person) -> None:
    """Of two who want one address, whoever proves it first has it; the other reads why, and nothing changed."""
    eve = await sign_up(site, EVE)
    hers, mine = await eve.ask(), await ada.ask()
    answers = [answer.json() for answer in await asyncio.gather(*(verify(site.browser(), t) for t in (hers, mine)))]
    assert [OK, TAKEN] == sorted(answers, key=lambda answer: answer != OK)
    assert {(NEW, True), (EVE if answers[1] == OK else ADA, False)} == {await ada.email(), await eve.email()}


async def test_what_cannot_be_wished_for(site: Site, ada: Person) -> None:
    """No address, the present one, somebody else's, nobody's account, and one whose address a provider tells."""
    await sign_up(site, EVE)
    users = site.auth.users
    for email, sentence in (("no address", "not valid"), (" ADA@example.com", "already")):
        with pytest.raises(FieldErrors, match=sentence):
            await users.request_email_change(ada.id, email)
    with pytest.raises(EmailAlreadyExists):
        await users.request_email_change(ada.id, EVE)
    with pytest.raises(UserNotFound):
        await users.request_email_change("nobody", NEW)
    recipe = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, ThirdPartyEmailPassword))
    told: dict[str, Any] = {"email": ADA, "is_verified": True, "oauth_tokens": {}, "raw_user_info": {}}
    person = await recipe.sign_in_up("google", "1", **told, tenant_id="public", user_context={})
    with pytest.raises(UserNotFound):
        await users.request_email_change(person.user.id, NEW)
    await site.post_mail()
    assert site.mail.is_empty()


async def test_nobody_can_flood_mailboxes_or_try_addresses_at_will(site: Site, ada: Person) -> None:
    """Attack: with one account, learn of a hundred addresses who has an account, and mail them all (RL-7)."""
    for number in range(5):
        await ada.ask(f"{number}@new.example")
    for email in (NEW, EVE):
        with pytest.raises(TooManyRequests):
            await site.auth.users.request_email_change(ada.id, email)
    assert site.mail.is_empty()


async def test_who_names_an_address_does_not_bind_its_owner_to_it(site: Site, ada: Person) -> None:
    """Attack: wish for somebody's own address as often as is let through, so that they cannot leave it (RL-7)."""
    eve = await sign_up(site, EVE)
    for _ in range(5):
        with pytest.raises(EmailAlreadyExists):
            await site.auth.users.request_email_change(eve.id, ADA)
    assert await ada.ask()


async def test_a_session_that_goes_on_has_no_proof_for_an_address_given_at_once(site: Site, ada: Person) -> None:
    """Attack: prove an address of one's own, have it changed to somebody else's, and stay verified in that session.

    The client learns it at its next refresh, as everything that is changed from outside.
    """
    (here,) = await site.auth.sessions.list_handles(ada.id)
    await verify(ada.browser, await ada.ask(keep_session=here))
    await ada.browser.call("POST", "/auth/session/refresh")
    assert 200 == (await ada.browser.get("/me")).status_code
    await site.auth.users.update_email(ada.id, "boss@corp.example", keep_session=here)
    await ada.browser.call("POST", "/auth/session/refresh")
    assert 403 == (await ada.browser.get("/me")).status_code


async def test_what_happened_is_in_the_audit_log(site: Site, ada: Person) -> None:
    """The wish and the change, each with the person, and no address."""
    await verify(site.browser(), await ada.ask())
    events: list[AuditEvent] = await site.auth.audit.list(user_id=ada.id)
    told = {event.kind: event for event in events}
    assert {"by": "link", "sessions_end": True} == told["email_changed"].facts
    assert {"email_change_requested", "email_changed", "email_verified", "session_revoked"} <= set(told)
    assert "new.example" not in str(events)


async def test_sessions_may_stay(sqlite_url: str) -> None:
    """`revoke_sessions_on_email_change=False` signs nobody out."""
    recipes = [EmailPassword(), EmailVerification(mode="OPTIONAL", revoke_sessions_on_email_change=False)]
    async with running_site(sqlite_url, recipes=recipes) as site:
        ada = await sign_up(site, ADA)
        assert OK == (await verify(site.browser(), await ada.ask())).json()
        assert 1 == len(await site.auth.sessions.list_handles(ada.id))
        assert "OK" == (await site.browser().sign_in(NEW, PASSWORD)).json()["status"]


async def test_without_the_recipe_that_proves(sqlite_url: str) -> None:
    """The error names what is to be listed."""
    async with running_site(sqlite_url, recipes=[EmailPassword()]) as site:
        ada = await sign_up(site, ADA)
        with pytest.raises(ConfigurationError, match="no EmailVerification"):
            await site.auth.users.request_email_change(ada.id, NEW)
