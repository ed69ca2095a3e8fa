"""A forgotten password over HTTP, both databases: the mail, the link, the new password, and who tries otherwise."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.recipes.engine import make_tenant
from tests.site import PASSWORD, SECRET, Browser, Site, running_site
from watchword import AppInfo, Watchword
from watchword.database.statements import Statement
from watchword.http.messages import HttpRequest
from watchword.recipes import EmailPassword, EmailVerification, ThirdPartyEmailPassword, UserContext
from watchword.recipes.emailpassword.recovery import PasswordRecovery
from watchword.recipes.emailpassword.reset_operations import PasswordResetProof

ADA = "ada@example.com"
NEW = "correct horse 2"
TOKEN_API, RESET_API = "/auth/user/password/reset/token", "/auth/user/password/reset"
INVALID = {"status": "RESET_PASSWORD_INVALID_TOKEN_ERROR"}
HOUR_MS = 3_600_000


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with passwords and, beside them, e-mail verification."""
    async with running_site(
        database_url, recipes=[ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")]
    ) as running:
        yield running


async def ask(site: Site, email: str = ADA, **options: Any) -> httpx2.Response:
    """Press the button, and wait until what happens after the answer has happened."""
    answer = await site.browser().post_form(TOKEN_API, {"email": email}, **options)
    for recipe in site.auth.recipe_list:
        if isinstance(recipe, PasswordRecovery):
            await recipe.after_answer.finish()
    return answer


async def token_for(site: Site, email: str = ADA) -> str:
    """The token in the mail that the button causes."""
    assert {"status": "OK"} == (await ask(site, email)).json()
    return token_in(await site.mail.take_link())


def token_in(link: str) -> str:
    """What the page behind the link reads from its address."""
    return parse_qs(urlsplit(link).query)["token"][0]


async def reset(browser: Browser, token: Any, password: Any = NEW, path: str = RESET_API) -> httpx2.Response:
    """What the page behind the link posts."""
    body = {"method": "token", "token": token, "formFields": [{"id": "password", "value": password}]}
    return await browser.call("POST", path, json=body)


async def test_a_mail_only_for_a_known_address_and_one_answer_for_all(site: Site) -> None:
    """Attack: ask for a link to learn who has an account. The bytes of the answers do not tell (FDI 14, 17)."""
    await site.browser().sign_up(ADA)
    unknown = await ask(site, "eve@example.com")
    assert 0 == (await site.auth.outbox.get_progress()).waiting
    known = await ask(site, " ADA@example.com ")
    assert ADA == (await site.mail.take()).to
    assert site.mail.is_empty()
    own = ("date", "x-request-id")
    seen = {
        (answer.status_code, answer.content, str([header for header in answer.headers.items() if header[0] not in own]))
        for answer in (unknown, known)
    }
    assert 1 == len(seen)
    assert (200, b'{"status":"OK"}') == (known.status_code, known.content)


async def test_a_reset_ends_the_wait_that_strangers_caused(site: Site) -> None:
    """Attack: keep an account locked by guessing; its owner resets the password and signs in anywhere (RL-2)."""
    await site.browser().sign_up(ADA)
    for _ in range(10):
        await site.browser().sign_in(ADA, "wrong horse 3")
    assert 429 == (await site.browser().sign_in(ADA)).status_code
    assert {"status": "OK"} == (await reset(site.browser(), await token_for(site))).json()
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]


async def test_the_link_is_the_contracts(site: Site) -> None:
    """The token comes first in the query and is URL-safe without `=`; the tenant follows (FDI 8.2)."""
    await site.browser().sign_up(ADA)
    await ask(site)
    link = await site.mail.take_link()
    assert re.fullmatch(re.escape(site.url) + r"/auth/reset-password\?token=[A-Za-z0-9_-]{43}&tenantId=public", link)


async def test_the_host_that_a_request_names_is_never_in_the_link(site: Site) -> None:
    """Attack: have the victim's token mailed in a link to my server, by the headers of my request (TK-4)."""
    await site.browser().sign_up(ADA)
    headers = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "forwarded": "host=evil.example",
        "referer": "https://evil.example/",
    }
    assert {"status": "OK"} == (await ask(site, headers=headers)).json()
    assert (await site.mail.take_link()).startswith(site.url + "/auth/reset-password?token=")


async def test_the_whole_flow(site: Site) -> None:
    """The old password is dead, the new one works, no session starts, the old ones have ended (FDI 14, 18; PW-11)."""
    ada = site.browser()
    await ada.sign_up(ADA)
    page = site.browser()
    answer = await reset(page, await token_for(site))
    assert {"status": "OK"} == answer.json()
    assert not {"set-cookie", "front-token", "st-access-token"} & set(answer.headers)
    assert 401 == (await ada.get("/exact")).status_code
    assert 401 == (await ada.get("/me")).status_code
    assert 401 == (await ada.refresh()).status_code
    assert "WRONG_CREDENTIALS_ERROR" == (await site.browser().sign_in(ADA)).json()["status"]
    signed_in = await site.browser().sign_in(ADA, NEW)
    assert signed_in.json()["user"]["loginMethods"][0]["verified"] is True


async def test_sessions_survive_by_setting(database_url: str) -> None:
    """With `revoke_sessions_on_password_reset=False` a reset ends no session (FDI 14, 18)."""
    async with running_site(database_url, recipes=[EmailPassword(revoke_sessions_on_password_reset=False)]) as site:
        ada = site.browser()
        await ada.sign_up(ADA)
        assert {"status": "OK"} == (await reset(site.browser(), await token_for(site))).json()
        assert 200 == (await ada.get("/exact")).status_code


async def test_sessions_of_others_survive(site: Site) -> None:
    """A reset ends the sessions of its user only."""
    eve = site.browser()
    await site.browser().sign_up(ADA)
    await eve.sign_up("eve@example.com")
    await reset(site.browser(), await token_for(site))
    assert 200 == (await eve.get("/exact")).status_code


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"message": "Missing input param: formFields"}),
        ({"token": 1, "formFields": {}}, 400, {"message": "formFields must be an array"}),
        (
            {"token": 1, "formFields": [{"id": "password", "value": "short1"}]},
            200,
            {
                "status": "FIELD_ERROR",
                "formFields": [
                    {
                        "id": "password",
                        "error": "Password must contain at least 8 characters, including a number",
                    }
                ],
            },
        ),
        (
            {"formFields": [{"id": "password", "value": NEW}]},
            400,
            {"message": "Please provide the password reset token"},
        ),
        (
            {"token": 1, "formFields": [{"id": "password", "value": NEW}]},
            400,
            {"message": "The password reset token must be a string"},
        ),
        ({"token": "nonsense", "formFields": [{"id": "password", "value": NEW}]}, 200, INVALID),
        ({"token": "", "formFields": [{"id": "password", "value": NEW}]}, 200, INVALID),
    ],
)
async def test_the_form_is_checked_before_the_token(
    site: Site, body: dict[str, Any], status: int, expected: dict[str, Any]
) -> None:
    """Every sentence of FDI 8.2, the form's before the token's."""
    answer = await site.browser().call("POST", RESET_API, json=body)
    assert (status, expected) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    ("fields", "status", "expected"),
    [
        ({"email": "nobody"}, 200, {"id": "email", "error": "Email is not valid"}),
        ({"email": ""}, 200, {"id": "email", "error": "Field is not optional"}),
        ({"email": ADA, "x": "y"}, 400, "Are you sending too many formFields?"),
        ({"email": 1}, 400, "email value must be a string"),
    ],
)
async def test_asking_with_what_is_no_address(
    site: Site, fields: dict[str, Any], status: int, expected: dict[str, str] | str
) -> None:
    """The form of the token API is checked like the others (FDI 3.3)."""
    answer = await site.browser().post_form(TOKEN_API, fields)
    assert status == answer.status_code
    body = answer.json()
    assert expected == (body["message"] if isinstance(expected, str) else body["formFields"][0])


async def test_a_token_works_once_and_takes_all_others_with_it(site: Site) -> None:
    """Attack: use a link again, or an older one that is still in the mailbox."""
    await site.browser().sign_up(ADA)
    first, second = await token_for(site), await token_for(site)
    assert {"status": "OK"} == (await reset(site.browser(), second)).json()
    for token in (second, first):
        assert INVALID == (await reset(site.browser(), token, "another horse 3")).json()
    assert "OK" == (await site.browser().sign_in(ADA, NEW)).json()["status"]


async def test_a_token_ends_after_an_hour(site: Site) -> None:
    """Good for an hour to the millisecond, by the injected clock (TK-3)."""
    await site.browser().sign_up(ADA)
    late, early = await token_for(site), await token_for(site)
    site.clock.advance(HOUR_MS)
    assert INVALID == (await reset(site.browser(), late)).json()
    early = await token_for(site)
    site.clock.advance(HOUR_MS - 1)
    assert {"status": "OK"} == (await reset(site.browser(), early)).json()


async def test_of_50_uses_at_once_one_wins(site: Site) -> None:
    """Attack: race a token to set two passwords (TK-1)."""
    await site.browser().sign_up(ADA)
    token = await token_for(site)
    browsers = [site.browser() for _ in range(10)]
    passwords = [f"racing horse {number}" for number in range(50)]
    answers = await asyncio.gather(
        *(reset(browsers[number % 10], token, password) for number, password in enumerate(passwords))
    )
    bodies = [answer.json() for answer in answers]
    assert 1 == bodies.count({"status": "OK"})
    assert 49 == bodies.count(INVALID)
    winner = passwords[bodies.index({"status": "OK"})]
    assert "OK" == (await site.browser().sign_in(ADA, winner)).json()["status"]


async def test_a_token_of_another_tenant_is_unknown(site: Site) -> None:
    """Attack: use a token in a tenant it was not made for; it stays good in its own (TK-2)."""
    await site.browser().sign_up(ADA)
    token = await token_for(site)
    await make_tenant(site.auth.recipe_list[0].engine, "t2")
    assert INVALID == (await reset(site.browser(), token, path="/auth/t2/user/password/reset")).json()
    assert {"status": "OK"} == (await reset(site.browser(), token)).json()


async def test_a_tenant_mails_links_for_itself(site: Site) -> None:
    """Somebody of another tenant gets no mail from this one; the link names the tenant."""
    await make_tenant(site.auth.recipe_list[0].engine, "t2")
    fields = [{"id": "email", "value": ADA}, {"id": "password", "value": PASSWORD}]
    signed_up = await site.browser().call("POST", "/auth/t2/signup", json={"formFields": fields})
    assert "OK" == signed_up.json()["status"]
    await ask(site)
    assert site.mail.is_empty()
    assert {"status": "OK"} == (
        await site.browser().post_form("/auth/t2/user/password/reset/token", {"email": ADA})
    ).json()
    assert (await site.mail.take_link()).endswith("&tenantId=t2")


async def test_a_token_of_another_purpose_is_unknown(site: Site) -> None:
    """Attack: a verification token, which anybody signed in can ask for, sets no password (TK-2)."""
    ada = site.browser()
    await ada.sign_up(ADA)
    assert {"status": "OK"} == (await ada.call("POST", "/auth/user/email/verify/token", json={})).json()
    token = token_in(await site.mail.take_link())
    assert INVALID == (await reset(site.browser(), token)).json()


async def test_a_changed_address_voids_the_token(site: Site) -> None:
    """Attack: whoever reads the old mailbox gets nothing after the address was changed (TK-2)."""
    answer = await site.browser().sign_up(ADA)
    token = await token_for(site)
    recipe = site.auth.recipe_list[0]
    assert isinstance(recipe, EmailPassword)
    user_id = answer.json()["user"]["id"]
    await recipe.update_email_or_password(user_id, email="ada@example.org")
    await recipe.update_email_or_password(user_id, email=ADA)
    assert INVALID == (await reset(site.browser(), token)).json()


async def test_a_scanner_that_opens_the_link_uses_nothing_up(site: Site) -> None:
    """Mail scanners follow links: a GET of the page's address and of the API changes nothing (TK-6)."""
    await site.browser().sign_up(ADA)
    await ask(site)
    link = await site.mail.take_link()
    for url in (link, f"{site.url}{RESET_API}?token={token_in(link)}"):
        await site.browser().get(url)
    assert {"status": "OK"} == (await reset(site.browser(), token_in(link))).json()


async def test_the_token_is_not_in_the_database(site: Site) -> None:
    """Attack: read the database, or a backup of it. Tokens and outbox hold nothing that opens an account (TK-1)."""
    await site.browser().sign_up(ADA)
    token = await token_for(site)
    rows = await site.auth.recipe_list[0].engine.db.list(
        Statement("select token_hash, email from {password_reset_tokens} where app_id = 'public'")
    )
    assert [32] == [len(bytes(row["token_hash"])) for row in rows]
    assert token.encode() not in bytes(rows[0]["token_hash"])


class _Slow(EmailPassword):
    """Whose mail system hangs, as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.works = asyncio.Event()

    async def send_reset_password_email(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        self.asked.set()
        await self.works.wait()
        raise RuntimeError("the application's own mistake")


async def test_the_answer_does_not_wait_for_the_mail(database_url: str) -> None:
    """Attack: measure how long the answer takes. What depends on the account happens after it (EN-3)."""
    recipe = _Slow()
    async with running_site(database_url, recipes=[recipe]) as site:
        await site.browser().sign_up(ADA)
        for _ in range(8):
            answer = await site.browser().post_form(TOKEN_API, {"email": ADA})
            assert {"status": "OK"} == answer.json()
        await recipe.asked.wait()
        recipe.works.set()
        await recipe.after_answer.finish()


class _Own(EmailPassword):
    """An application that mails in its own words."""

    def __init__(self) -> None:
        super().__init__(disabled_apis=["email_exists_get"])
        self.links: asyncio.Queue[str] = asyncio.Queue()
        self.changed: list[str] = []

    async def reset_password(
        self, token: str, new_password: str, *, tenant_id: str, user_context: UserContext
    ) -> PasswordResetProof:
        proof = await super().reset_password(token, new_password, tenant_id=tenant_id, user_context=user_context)
        self.changed.append(proof.email)
        return proof

    async def create_reset_password_link(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> str:
        link = await super().create_reset_password_link(user_id, email, tenant_id=tenant_id, user_context=user_context)
        return link.replace("/auth/reset-password", "/new-password")

    async def send_reset_password_email(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        self.links.put_nowait(
            await self.create_reset_password_link(user_id, email, tenant_id=tenant_id, user_context=user_context)
        )


async def test_link_and_mail_can_be_the_applications_own(database_url: str) -> None:
    """Making the link, sending it, and what follows a reset are overridden by subclassing, with `super()`."""
    recipe = _Own()
    async with running_site(database_url, recipes=[recipe]) as site:
        await site.browser().sign_up(ADA)
        for _ in range(2):  # on every press of the button
            await ask(site)
            async with asyncio.timeout(10):
                link = await recipe.links.get()
        assert link.startswith(site.url + "/new-password?token=")
        assert site.mail.is_empty()  # before the reset, which tells the person that the password was changed
        assert {"status": "OK"} == (await reset(site.browser(), token_in(link))).json()
        assert [ADA] == recipe.changed


@pytest.mark.parametrize("name", ["generate_password_reset_token_post", "password_reset_post"])
async def test_each_api_can_be_disabled(sqlite_url: str, name: str) -> None:
    """A disabled API's path is the application's; the other one works on."""
    async with running_site(sqlite_url, recipes=[EmailPassword(disabled_apis=[name])]) as site:
        statuses = {
            path: (await site.browser().call("POST", path, json={"formFields": []})).status_code
            for path in (TOKEN_API, RESET_API)
        }
    assert [404] == [s for path, s in statuses.items() if path == (TOKEN_API if "token" in name else RESET_API)]
    assert 200 in statuses.values()


async def test_a_body_that_is_no_text_changes_nothing(site: Site) -> None:
    """Attack: tokens that cannot be hashed or stored: an unpaired surrogate, NUL, megabytes. No 5xx."""
    for token in ("\ud800", "\x00", "x" * 50_000):
        body = {"token": token, "formFields": [{"id": "password", "value": NEW}]}
        answer = await site.browser().call(
            "POST", RESET_API, content=json.dumps(body), headers={"content-type": "application/json"}
        )
        assert answer.status_code in (200, 400)
        assert "OK" != answer.json().get("status")


async def test_nobody_can_flood_a_mailbox(site: Site) -> None:
    """Attack: press the button for somebody else all day; five mails an hour go out, all answers are `OK` (RL-7)."""
    await site.browser().sign_up(ADA)
    answers = [await ask(site, spelling) for spelling in (ADA, " ADA@example.com ") * 4]
    assert {(200, b'{"status":"OK"}')} == {(answer.status_code, answer.content) for answer in answers}
    links = [await site.mail.take_link() for _ in range(5)]
    await site.post_mail()
    assert site.mail.is_empty()
    assert {"status": "OK"} == (await reset(site.browser(), token_in(links[0]))).json(), "the owner's link works"


class SendsItself(EmailPassword):
    """An application that mails the links in its own way."""

    async def send_reset_password_email(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        """Sends nothing in a test."""


def without_mail(recipe: EmailPassword) -> Watchword:
    """An application on the internet that has not said how mail is sent."""
    info = AppInfo(app_name="T", api_domain="https://api.example.com", website_domain="https://example.com")
    return Watchword(app_info=info, database="sqlite://", secret=SECRET, recipe_list=[recipe])


def test_without_mail_nobody_is_offered_a_link(caplog: pytest.LogCaptureFixture) -> None:
    """Where no mail can be sent the API is off, and the start says what to set; an own way to send turns it on."""
    ask_for_link = HttpRequest("POST", TOKEN_API)
    assert without_mail(EmailPassword()).fdi.find_route(ask_for_link) is None
    assert "set email_delivery=" in caplog.text
    assert without_mail(SendsItself()).fdi.find_route(ask_for_link) is not None
    assert without_mail(EmailPassword()).fdi.find_route(HttpRequest("POST", RESET_API)) is not None
