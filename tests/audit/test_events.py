"""What is recorded of what people and applications do, over HTTP and with everything real (LG-2)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.site import Site, running_site
from watchword import Limit, Protection, User
from watchword.audit.rows import AuditEvent
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import SignUpNotAllowed
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword, UserRoles
from watchword.recipes.emailpassword.recovery import PasswordRecovery
from watchword.recipes.thirdparty.providers import GitHub

ADA = "ada@example.com"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with passwords and e-mail verification."""
    async with running_site(
        database_url,
        recipes=[ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")],
        protection=Protection(sign_up=Limit(1, seconds=60)),
    ) as running:
        yield running


async def newest(site: Site, **filters: Any) -> AuditEvent:
    """The last event of a kind."""
    found = await site.auth.audit.list(**filters)
    assert found
    return found[0]


async def kinds(site: Site) -> list[str]:
    """The kinds of all events, the oldest first, without what the start records."""
    found = await site.auth.audit.list()
    return [event.kind for event in reversed(found) if event.kind != "signing_key_made"]


async def test_signing_in_and_out_is_recorded(site: Site) -> None:
    """Sign-up, failed and good sign-ins, sessions and their ends, with person, session and client."""
    browser = site.browser()
    user_id = (await browser.sign_up()).json()["user"]["id"]
    await site.browser().sign_in(password="wrong password 1")
    await site.browser().sign_in(email="nobody@example.com")
    await browser.sign_in()
    await browser.call("POST", "/auth/signout")

    assert [
        "sign_up", "session_created", "sign_in_failed", "sign_in_failed", "session_created", "sign_in",
        "session_revoked", "session_revoked",
    ] == await kinds(site)  # fmt: skip
    listed = await site.auth.audit.list()
    assert {"127.0.0.1"} == {event.address for event in listed if event.kind != "signing_key_made"}
    of_ada = await site.auth.audit.list(user_id=user_id)
    assert [True, None] == [
        event.facts.get("is_known") for event in of_ada if event.kind in ("sign_in_failed", "sign_in")
    ][::-1]
    ends = [event for event in of_ada[::-1] if event.kind == "session_revoked"]
    assert ["replaced", "signed_out"] == [event.facts["cause"] for event in ends]
    stranger = [event for event in listed if event.facts.get("is_known") is False]
    assert [None] == [event.user_id for event in stranger]


async def test_nothing_recorded_holds_an_address_a_password_or_a_token(site: Site) -> None:
    """Attack: read the log instead of the users' table. E-mail addresses, passwords and tokens are not in it (LG-1)."""
    browser = site.browser()
    await browser.sign_up()
    await site.browser().sign_in(password="wrong password 1")
    await browser.refresh()
    everything = repr(await site.auth.audit.list())

    held = [cookie.value for cookie in browser.client.cookies.jar if cookie.value and len(cookie.value) > 20]
    assert held
    for secret in (ADA, "ada@", "correct horse", "wrong password", *held):
        assert secret not in everything


async def test_a_forgotten_password_is_recorded(site: Site) -> None:
    """Asked for, set, and the sessions that ended with it."""
    browser = site.browser()
    await browser.sign_up()
    await site.browser().post_form("/auth/user/password/reset/token", {"email": ADA})
    for recipe in site.auth.recipe_list:
        if isinstance(recipe, PasswordRecovery):
            await recipe.after_answer.finish()
    token = parse_qs(urlsplit(await site.mail.take_link()).query)["token"][0]
    fields = [{"id": "password", "value": "a new password 1"}]
    await browser.call(
        "POST", "/auth/user/password/reset", json={"method": "token", "token": token, "formFields": fields}
    )

    assert [
        "sign_up",
        "session_created",
        "password_reset_requested",
        "password_changed",
        "session_revoked",
    ] == await kinds(site)
    assert {"by": "reset", "sessions_end": True} == (await newest(site, kinds=["password_changed"])).facts
    assert {"cause": "password_reset"} == (await newest(site, kinds=["session_revoked"])).facts


async def test_changes_of_an_account_are_recorded(site: Site) -> None:
    """A new address and password, in one transaction with what follows; and the proof of the address."""
    user_id = (await site.browser().sign_up()).json()["user"]["id"]
    recipe = site.auth.recipe_list[0]
    assert isinstance(recipe, ThirdPartyEmailPassword)
    await recipe.update_email_or_password(user_id, email="new@example.com", password="a new password 1")
    assert ["password_changed", "email_changed", "session_revoked"] == (await kinds(site))[2:]

    verification = site.auth.recipe_list[1]
    assert isinstance(verification, EmailVerification)
    token = await verification.create_email_verification_token(user_id, tenant_id="public", user_context={})
    await verification.verify_email_using_token(token, tenant_id="public", user_context={})
    await verification.unverify_email(user_id, user_context={})
    assert ["email_verified", "email_unverified"] == (await kinds(site))[5:]


async def test_a_limit_that_is_reached_is_recorded_once_in_a_while(site: Site) -> None:
    """A network that goes on and on fills nothing."""
    await site.browser().sign_up()
    for _ in range(3):
        assert 429 == (await site.browser().sign_up("bob@example.com")).status_code

    reached = await site.auth.audit.list(kinds=["limit_reached"])
    assert [("127.0.0.1", {"limit": "sign_up"})] == [(event.address, event.facts) for event in reached]


async def test_an_operator_s_reason_is_recorded(site: Site) -> None:
    """`revoke(…, reason=…)`: who asks later reads why."""
    user_id = (await site.browser().sign_up()).json()["user"]["id"]
    (handle,) = await site.auth.sessions.list_handles(user_id)
    await site.auth.sessions.revoke(handle, reason="stolen laptop")
    event = await newest(site, handle=handle)
    assert ("session_revoked", "stolen laptop", {"cause": "by_application"}) == (event.kind, event.reason, event.facts)


async def test_a_revoke_that_ends_nothing_records_nothing(site: Site) -> None:
    """An event says that a session has ended; a second one would say it ended twice."""
    user_id = (await site.browser().sign_up()).json()["user"]["id"]
    (handle,) = await site.auth.sessions.list_handles(user_id)
    for _ in range(2):
        await site.auth.sessions.revoke_many([handle, "never was"])
    assert 1 == len(await site.auth.audit.list(kinds=["session_revoked"]))


async def test_the_first_signing_key_is_recorded(site: Site) -> None:
    """Keys are part of the story: when each was made, and never its private half."""
    event = await newest(site, kinds=["signing_key_made"])
    assert {"kid", "algorithm", "signs_from_ms"} == event.facts.keys()


async def test_a_mailbox_that_has_had_enough_is_recorded(site: Site) -> None:
    """Attack: have us fill somebody's mailbox (RL-7). The event names the kind of mail, and not the address."""
    await site.browser().sign_up()
    recipe = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, PasswordRecovery))
    for _ in range(6):
        await site.browser().post_form("/auth/user/password/reset/token", {"email": ADA})
        await recipe.after_answer.finish()

    (reached,) = await site.auth.audit.list(kinds=["limit_reached"])
    assert {"limit": "mails_per_address", "mail": "password_reset"} == reached.facts
    assert 5 == len(await site.auth.audit.list(kinds=["password_reset_requested"]))


async def test_refusals_are_recorded(sqlite_url: str) -> None:
    """By an override's rule, and by what came back from a provider that nobody was sent to; with the error's code."""

    class ColleaguesOnly(ThirdPartyEmailPassword):
        """A rule of the application's."""

        async def sign_up(self, email: str, password: str, **named: Any) -> User:
            raise SignUpNotAllowed("Only colleagues can sign up.")

    github = GitHub(client_id="id", client_secret="secret")
    async with running_site(sqlite_url, recipes=[ColleaguesOnly(providers=[github])]) as site:
        assert "SIGN_UP_NOT_ALLOWED" == (await site.browser().sign_up()).json()["status"]
        forged = {"redirectURIOnProviderDashboard": f"{site.url}/auth/callback/github", "redirectURIQueryParams": {}}
        for provider in ("github", "nobody"):
            body = {"thirdPartyId": provider, "redirectURIInfo": forged}
            assert 400 == (await site.browser().call("POST", "/auth/signinup", json=body)).status_code

        refused = await site.auth.audit.list(kinds=["sign_in_refused"])
    assert [
        {"method": "thirdparty", "provider": "github", "error": "bad_input"},
        {"method": "emailpassword", "provider": None, "error": "sign_up_not_allowed"},
    ] == [event.facts for event in refused]


async def test_roles_are_recorded(database_url: str) -> None:
    """Who was given power, and over what; what changes nothing is no event."""
    roles = UserRoles()
    async with running_site(database_url, recipes=[ThirdPartyEmailPassword(), roles]) as site:
        for _ in range(2):
            await roles.create_or_add_permissions("admin", ["read", "write"])
            await roles.add_to_user("ada", "admin")
        await roles.remove_permissions("admin", ["write", "fly"])
        for _ in range(2):
            await roles.remove_from_user("ada", "admin")
        for _ in range(2):
            await roles.delete("admin")

        assert ["role_changed", "role_given", "role_changed", "role_taken", "role_deleted"] == await kinds(site)
        given = await newest(site, kinds=["role_given"])
        assert ("ada", {"role": "admin"}) == (given.user_id, given.facts)
        changed = await site.auth.audit.list(kinds=["role_changed"])
        assert {"role": "admin", "permissions_removed": 1} == changed[0].facts


async def test_without_its_event_nothing_is_revoked(site: Site, database_url: str) -> None:
    """No revocation without its event: where it cannot be recorded, the session lives, and the caller hears of it."""
    user_id = (await site.browser().sign_up()).json()["user"]["id"]
    (handle,) = await site.auth.sessions.list_handles(user_id)
    db = open_database(database_url)
    await db.start()
    try:
        await db.write_schema(lambda tx: tx.execute(Statement("alter table {audit_events} rename column mac to lost")))
        with pytest.raises(Exception, match="mac"):
            await site.auth.sessions.revoke(handle)
        await db.write_schema(lambda tx: tx.execute(Statement("alter table {audit_events} rename column lost to mac")))
    finally:
        await db.stop()

    assert [handle] == await site.auth.sessions.list_handles(user_id)
    assert [] == await site.auth.audit.list(kinds=["session_revoked"])
