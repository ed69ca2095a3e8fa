"""E-mail verification over HTTP, both databases: mail, link, claim, both modes, and who tries otherwise."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.recipes.engine import make_tenant
from tests.site import Browser, Carry, Site, running_site
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError
from watchword.recipes import EmailPassword, EmailVerification, Session, ThirdParty, UserContext
from watchword.recipes.emailverification.use_of_tokens import VerifiedEmail

ADA = "ada@example.com"
MAIL_API, API = "/auth/user/email/verify/token", "/auth/user/email/verify"
OK = {"status": "OK"}
INVALID = {"status": "EMAIL_VERIFICATION_INVALID_TOKEN_ERROR"}
ALREADY = {"status": "EMAIL_ALREADY_VERIFIED_ERROR"}
NOT_VERIFIED = {
    "message": "invalid claim",
    "claimValidationErrors": [
        {"id": "st-ev", "reason": {"message": "wrong value", "expectedValue": True, "actualValue": False}}
    ],
}
DAY_MS = 86_400_000


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site that lets nobody in before the address is verified."""
    session = Session(access_token_validity_ms=2 * DAY_MS, signing_key_algorithm="EdDSA")
    async with running_site(
        database_url, recipes=[EmailPassword(), EmailVerification(mode="REQUIRED"), session]
    ) as running:
        yield running


@pytest.fixture
async def ada(site: Site) -> Browser:
    """Somebody who has signed up."""
    browser = site.browser()
    await browser.sign_up(ADA)
    return browser


def recipe_of(site: Site) -> EmailVerification:
    """The recipe of a running site."""
    return next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, EmailVerification))


def token_in(link: str) -> str:
    """What the page behind the link reads from its address."""
    return parse_qs(urlsplit(link).query)["token"][0]


async def token_for(site: Site, browser: Browser) -> str:
    """The token in the mail that the button causes."""
    assert OK == (await browser.call("POST", MAIL_API, json={})).json()
    return token_in(await site.mail.take_link())


async def verify(browser: Browser, token: Any, path: str = API) -> httpx2.Response:
    """What the page behind the link posts."""
    return await browser.call("POST", path, json={"method": "token", "token": token})


def claim_in(browser: Browser) -> bool:
    """The value that the page can read, from the newest front token."""
    return browser.front_token["up"]["st-ev"]["v"]


@pytest.mark.parametrize("carry", ["cookies", "headers"])
async def test_verifying_opens_the_door_in_the_same_answer(site: Site, carry: Carry) -> None:
    """A new session is refused until the link was used; then the answer itself brings the claim (FDI 14, 57)."""
    browser = site.browser(carry)
    await browser.sign_up(ADA)
    assert claim_in(browser) is False
    refused = await browser.get("/me")
    assert (403, NOT_VERIFIED) == (refused.status_code, refused.json())
    token = await token_for(site, browser)
    assert {"status": "OK", "isVerified": False} == (await browser.get(API)).json()
    answer = await verify(browser, token)
    assert (200, OK) == (answer.status_code, answer.json())
    assert "front-token" in answer.headers
    assert claim_in(browser) is True
    assert 200 == (await browser.get("/me")).status_code
    assert {"status": "OK", "isVerified": True} == (await browser.get(API)).json()


async def test_the_link_is_the_contracts(site: Site, ada: Browser) -> None:
    """On the website, token first, URL-safe without `=`, then the tenant (FDI 8.4)."""
    assert OK == (await ada.call("POST", MAIL_API, json={}, headers={"x-forwarded-host": "evil.example"})).json()
    link = await site.mail.take_link()
    assert re.fullmatch(re.escape(site.url) + r"/auth/verify-email\?token=[A-Za-z0-9_-]{43}&tenantId=public", link)


async def test_every_built_in_api_works_with_a_failing_claim(site: Site, ada: Browser) -> None:
    """Somebody unverified can refresh, ask, verify and sign out (FDI 14, 56)."""
    assert 200 == (await ada.refresh()).status_code
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()
    assert OK == (await ada.call("POST", MAIL_API, json={})).json()
    assert INVALID == (await verify(ada, "nonsense")).json()
    assert "OK" == (await ada.sign_in(ADA)).json()["status"]
    assert OK == (await ada.call("POST", "/auth/signout")).json()


async def test_a_link_opened_elsewhere_lets_the_first_browser_in(site: Site, ada: Browser) -> None:
    """No session is needed to verify; the other one sees it when its false is older than 10 s (FDI 7, 14 line 56)."""
    answer = await verify(site.browser(), await token_for(site, ada))
    assert OK == answer.json()
    assert not {"set-cookie", "front-token", "st-access-token"} & set(answer.headers)
    assert 403 == (await ada.get("/me")).status_code
    site.clock.advance(10_000)
    assert 403 == (await ada.get("/me")).status_code
    site.clock.advance(1)
    answer = await ada.get("/me")
    assert 200 == answer.status_code
    assert "front-token" in answer.headers
    assert "front-token" not in (await ada.get("/me")).headers


async def test_a_session_from_before_gets_the_claim_at_its_next_check(site: Site, ada: Browser) -> None:
    """A session without the claim, as one from before the recipe was listed, fetches it (FDI 14, 56)."""
    await verify(site.browser(), await token_for(site, ada))
    handle = (await site.auth.sessions.list_handles((await user_of(site))["user_id"]))[0]
    await site.auth.sessions.merge_into_jwt_payload(handle, {"st-ev": None})
    assert 200 == (await ada.refresh()).status_code
    assert "st-ev" not in ada.front_token["up"]
    assert 200 == (await ada.get("/me")).status_code
    assert claim_in(ada) is True


async def user_of(site: Site, email: str = ADA) -> Any:
    """The row of the user who has an address."""
    row = await site.auth.recipe_list[0].engine.db.find(
        Statement("select user_id from {login_methods} where app_id = 'public' and email = :email"), email=email
    )
    assert row is not None
    return row


async def test_a_verified_address_is_not_asked_again(site: Site, ada: Browser) -> None:
    """Then no mail goes out, and a session that does not know yet learns it from the answer (FDI 8.4)."""
    await verify(site.browser(), await token_for(site, ada))
    answer = await ada.call("POST", MAIL_API, json={})
    assert (200, ALREADY) == (answer.status_code, answer.json())
    assert claim_in(ada) is True
    assert 200 == (await ada.get("/me")).status_code
    assert site.mail.is_empty()


async def test_the_session_learns_that_an_address_is_not_verified_any_more(site: Site, ada: Browser) -> None:
    """`unverify_email` shows at the next question, in the claim too."""
    await verify(ada, await token_for(site, ada))
    await recipe_of(site).unverify_email((await user_of(site))["user_id"], user_context={})
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()
    assert 403 == (await ada.get("/me")).status_code


async def test_no_session_no_mail(site: Site) -> None:
    """Asking for a mail, and for how it stands, needs a session."""
    assert 401 == (await site.browser().call("POST", MAIL_API, json={})).status_code
    assert 401 == (await site.browser().get(API)).status_code


async def test_somebody_who_is_no_user_of_ours(site: Site) -> None:
    """A session for a user id that nobody has: refused where it must be verified, and ended by these APIs (FDI 8.4)."""
    browser = site.browser()
    assert 200 == (await browser.call("POST", "/login", json={"userId": "elsewhere"})).status_code
    refused = await browser.get("/me")
    assert "value does not exist" == refused.json()["claimValidationErrors"][0]["reason"]["message"]
    answer = await browser.get(API)
    assert (401, "remove") == (answer.status_code, answer.headers["front-token"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Please provide the email verification token"),
        ({"token": None}, "Please provide the email verification token"),
        ({"token": 1}, "The email verification token must be a string"),
    ],
)
async def test_a_token_that_is_none(site: Site, body: dict[str, Any], message: str) -> None:
    """The sentences of FDI 8.4."""
    answer = await site.browser().call("POST", API, json=body)
    assert (400, {"message": message}) == (answer.status_code, answer.json())


async def test_a_token_works_once_and_takes_all_others_with_it(site: Site, ada: Browser) -> None:
    """Attack: use a link again, or an older one that is still in the mailbox."""
    first, second = await token_for(site, ada), await token_for(site, ada)
    assert OK == (await verify(site.browser(), second)).json()
    assert INVALID == (await verify(site.browser(), second)).json()
    assert INVALID == (await verify(site.browser(), first)).json()


async def test_of_50_uses_at_once_one_wins(site: Site, ada: Browser) -> None:
    """Attack: race a token (TK-1)."""
    token = await token_for(site, ada)
    browsers = [site.browser() for _ in range(10)]
    answers = await asyncio.gather(*(verify(browsers[number % 10], token) for number in range(50)))
    bodies = [answer.json() for answer in answers]
    assert (1, 49) == (bodies.count(OK), bodies.count(INVALID))


async def test_a_token_ends_after_a_day(site: Site, ada: Browser) -> None:
    """Good for 24 hours to the millisecond, by the injected clock (TK-3)."""
    late = await token_for(site, ada)
    site.clock.advance(DAY_MS)
    assert INVALID == (await verify(site.browser(), late)).json()
    early = await token_for(site, ada)
    site.clock.advance(DAY_MS - 1)
    assert OK == (await verify(site.browser(), early)).json()


async def test_a_token_of_another_tenant_is_unknown(site: Site, ada: Browser) -> None:
    """Attack: use a token in a tenant it was not made for; the session's tenant does not help (TK-2)."""
    await make_tenant(site.auth.recipe_list[0].engine, "t2")
    token = await token_for(site, ada)
    assert INVALID == (await verify(ada, token, "/auth/t2/user/email/verify")).json()
    assert OK == (await verify(ada, token)).json()


async def test_a_reset_token_verifies_nothing(site: Site, ada: Browser) -> None:
    """Attack: a token of another purpose (TK-2)."""
    await site.browser().post_form("/auth/user/password/reset/token", {"email": ADA})
    token = token_in(await site.mail.take_link())
    assert INVALID == (await verify(ada, token)).json()
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()


async def test_proof_for_one_address_says_nothing_about_another(site: Site, ada: Browser) -> None:
    """Attack: ask for a link to my address, change it to yours, then use the link (TK-8)."""
    token, user_id = await token_for(site, ada), (await user_of(site))["user_id"]
    passwords = site.auth.recipe_list[0]
    assert isinstance(passwords, EmailPassword)
    await passwords.update_email_or_password(user_id, email="eve@example.com", revoke_sessions=False)
    assert "email_changed" == (await site.mail.take()).kind
    assert INVALID == (await verify(ada, token)).json()
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()
    assert OK == (await ada.call("POST", MAIL_API, json={})).json()
    mail = await site.mail.take()
    assert "eve@example.com" == mail.to


async def test_a_changed_address_is_unverified(site: Site, ada: Browser) -> None:
    """Verify A, change to B: B is unverified, and the sessions of before have ended (TK-8)."""
    await verify(ada, await token_for(site, ada))
    passwords = site.auth.recipe_list[0]
    assert isinstance(passwords, EmailPassword)
    await passwords.update_email_or_password((await user_of(site))["user_id"], email="ada@example.org")
    assert 401 == (await ada.get("/me")).status_code
    again = site.browser()
    await again.sign_in("ada@example.org")
    assert claim_in(again) is False


async def test_somebody_elses_link_leaves_my_session_alone(site: Site, ada: Browser) -> None:
    """Attack: have a signed-in victim open the attacker's link. It verifies the attacker's address only."""
    eve = site.browser()
    await eve.sign_up("eve@example.com")
    token = await token_for(site, eve)
    answer = await verify(ada, token)
    assert OK == answer.json()
    assert "front-token" not in answer.headers
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()


async def test_a_scanner_that_opens_the_link_verifies_nothing(site: Site, ada: Browser) -> None:
    """Mail scanners follow links: a GET of the page's address and of the API changes nothing (TK-6)."""
    assert OK == (await ada.call("POST", MAIL_API, json={})).json()
    link = await site.mail.take_link()
    for url in (link, f"{site.url}{API}?token={token_in(link)}"):
        await site.browser().get(url)
    assert {"status": "OK", "isVerified": False} == (await ada.get(API)).json()
    assert OK == (await verify(ada, token_in(link))).json()


async def test_a_reset_proves_the_address(site: Site, ada: Browser) -> None:
    """Whoever used a reset link reads that mailbox: the address is verified (FDI 8.2, TK-8)."""
    await site.browser().post_form("/auth/user/password/reset/token", {"email": ADA})
    body = {
        "token": token_in(await site.mail.take_link()),
        "formFields": [{"id": "password", "value": "correct horse 2"}],
    }
    assert OK == (await site.browser().call("POST", "/auth/user/password/reset", json=body)).json()
    again = site.browser()
    await again.sign_in(ADA, "correct horse 2")
    assert claim_in(again) is True
    assert 200 == (await again.get("/me")).status_code


async def test_an_optional_verification_refuses_nobody(database_url: str) -> None:
    """In mode OPTIONAL the claim is there and no route asks for it by itself."""
    async with running_site(database_url, recipes=[EmailPassword(), EmailVerification(mode="OPTIONAL")]) as site:
        browser = site.browser()
        await browser.sign_up(ADA)
        assert claim_in(browser) is False
        assert 200 == (await browser.get("/me")).status_code


async def test_an_address_that_a_provider_vouches_for_is_verified_at_once(database_url: str) -> None:
    """Somebody who comes from a provider that is trusted with the address is let in, and asked for nothing."""
    people = ThirdParty()
    async with running_site(database_url, recipes=[people, EmailVerification(mode="REQUIRED")]) as site:
        for is_verified, status in ((True, 200), (False, 403)):
            browser = site.browser()
            person = await people.sign_in_up(
                "corp",
                f"{is_verified}",
                email=ADA,
                is_verified=is_verified,
                oauth_tokens={},
                raw_user_info={},
                tenant_id="public",
                user_context={},
            )
            await browser.call("POST", "/login", json={"userId": person.user.id})
            assert is_verified is claim_in(browser)
            assert status == (await browser.get("/me")).status_code
            answer = await browser.call("POST", MAIL_API, json={})
            assert (ALREADY if is_verified else OK) == answer.json()


class _Welcome(EmailVerification):
    """An application that mails in its own words and acts on a verification."""

    def __init__(self) -> None:
        super().__init__(mode="REQUIRED", disabled_apis=["is_email_verified_get"])
        self.links: list[str] = []
        self.welcomed: list[str] = []

    async def create_email_verification_link(
        self, recipe_user_id: str, email: str | None = None, *, tenant_id: str, user_context: UserContext
    ) -> str:
        link = await super().create_email_verification_link(
            recipe_user_id, email, tenant_id=tenant_id, user_context=user_context
        )
        return link.replace("/auth/verify-email", "/welcome")

    async def send_email_verification_email(
        self, recipe_user_id: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        self.links.append(
            await self.create_email_verification_link(recipe_user_id, tenant_id=tenant_id, user_context=user_context)
        )

    async def verify_email_using_token(self, token: str, *, tenant_id: str, user_context: UserContext) -> VerifiedEmail:
        verified = await super().verify_email_using_token(token, tenant_id=tenant_id, user_context=user_context)
        self.welcomed.append(verified.email)
        return verified


async def test_link_mail_and_what_follows_can_be_the_applications_own(sqlite_url: str) -> None:
    """The functions are overridden by subclassing, with `super()`; a disabled API's path is the application's."""
    recipe = _Welcome()
    async with running_site(sqlite_url, recipes=[EmailPassword(), recipe]) as site:
        browser = site.browser()
        await browser.sign_up(ADA)
        assert OK == (await browser.call("POST", MAIL_API, json={})).json()
        assert recipe.links[0].startswith(site.url + "/welcome?token=")
        assert OK == (await verify(browser, token_in(recipe.links[0]))).json()
        assert [ADA] == recipe.welcomed
        assert 404 == (await browser.get(API)).status_code
        assert site.mail.is_empty()


async def test_revoked_links_are_dead(site: Site, ada: Browser) -> None:
    """`revoke_email_verification_tokens` voids what is under way."""
    token = await token_for(site, ada)
    await recipe_of(site).revoke_email_verification_tokens((await user_of(site))["user_id"], user_context={})
    assert INVALID == (await verify(ada, token)).json()


def test_a_mode_that_is_none_is_refused() -> None:
    """The message names the setting and its two values."""
    with pytest.raises(ConfigurationError, match="mode: 'required' is not one of 'REQUIRED', 'OPTIONAL'"):
        EmailVerification(mode="required")  # type: ignore[arg-type] - what somebody might write


async def test_nobody_can_flood_a_mailbox(site: Site, ada: Browser) -> None:
    """Attack: sign up with somebody else's address and ask for mails; five an hour go out, and it says `OK` (RL-7)."""
    answers = [await ada.call("POST", "/auth/user/email/verify/token", json={}) for _ in range(8)]
    assert [{"status": "OK"}] * 8 == [answer.json() for answer in answers]
    for _ in range(5):
        await site.mail.take_link()
    await site.post_mail()
    assert site.mail.is_empty()
