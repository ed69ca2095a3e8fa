"""Who may make an account, with a password and with a provider alike. Mission D024, D127, V020, V021."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from tests.recipes.engine import running_engine
from tests.recipes.thirdparty.conftest import corp
from tests.recipes.thirdparty.double import ProviderDouble, query_of, running_provider
from tests.site import PASSWORD, FakeClock, Site, running_site
from watchword import SignUps
from watchword.accounts.email import normalise_email
from watchword.accounts.sign_ups import CLOSED, NOT_THIS_ADDRESS
from watchword.database.database import Database
from watchword.errors import EmailAlreadyExists, GeneralError, SignUpNotAllowed
from watchword.recipes import ThirdPartyEmailPassword, UserContext
from watchword.recipes.thirdparty.operations import HAS_ACCOUNT

IN_CODE: dict[str, Any] = {"tenant_id": "public", "user_context": {}}


@dataclass
class Town:
    """A running site with both ways in, and the provider of one of them."""

    site: Site
    recipe: ThirdPartyEmailPassword
    provider: ProviderDouble

    async def come_from_provider(self, subject: str, email: str, *, verified: bool = True) -> dict[str, Any]:
        """All steps of the official client for a person with this address there; the body of the answer."""
        self.provider.person = {"sub": subject, "email": email, "email_verified": verified}
        browser = self.site.browser()
        redirect_uri = f"{self.site.url}/auth/callback/corp"
        asked = {"thirdPartyId": "corp", "redirectURIOnProviderDashboard": redirect_uri}
        started = (await browser.get("/auth/authorisationurl", params=asked)).json()
        async with httpx2.AsyncClient(trust_env=False) as there:
            back = await there.get(started["urlWithQueryParams"] + "&state=xyz")
        info = {
            "redirectURIOnProviderDashboard": redirect_uri,
            "redirectURIQueryParams": query_of(back.headers["location"]),
            "pkceCodeVerifier": started["pkceCodeVerifier"],
        }
        body = {"thirdPartyId": "corp", "redirectURIInfo": info}
        return (await browser.call("POST", "/auth/signinup", json=body)).json()

    async def sign_up(self, email: str) -> dict[str, Any]:
        """The body of the answer to a sign-up with a password."""
        return (await self.site.browser().sign_up(email)).json()


@asynccontextmanager
async def running_town(
    database: str | Database, sign_ups: SignUps, kind: type[ThirdPartyEmailPassword] = ThirdPartyEmailPassword
) -> AsyncIterator[Town]:
    """A site with these rules."""
    clock = FakeClock()
    async with running_provider(clock) as provider:
        recipe = kind(providers=[corp(provider)])
        async with running_site(database, recipes=[recipe], sign_ups=sign_ups, clock=clock) as site:
            yield Town(site, recipe, provider)


def refused(reason: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What somebody reads who comes with a password, and from a provider."""
    return (
        {"status": "SIGN_UP_NOT_ALLOWED", "reason": reason},
        {"status": "SIGN_IN_UP_NOT_ALLOWED", "reason": reason},
    )


async def test_closed_sign_ups(database_url: str) -> None:
    """Nobody makes an account in either way; who has one, made by code, signs in as ever."""
    async with running_town(database_url, SignUps(open=False)) as town:
        assert refused(CLOSED) == (
            await town.sign_up("eve@example.com"),
            await town.come_from_provider("eve", "eve@example.com"),
        )
        assert 0 == await town.site.auth.users.count()

        await town.recipe.sign_up("ada@example.com", PASSWORD, **IN_CODE)
        await town.recipe.sign_in_up(
            "corp",
            "bo",
            email="bo@example.com",
            is_verified=True,
            oauth_tokens={},
            raw_user_info={},
            issuer=town.provider.issuer,
            **IN_CODE,
        )
        assert "OK" == (await town.site.browser().sign_in("ada@example.com")).json()["status"]
        assert "OK" == (await town.come_from_provider("bo", "bo@elsewhere.org"))["status"]
        assert 2 == await town.site.auth.users.count()


@pytest.mark.parametrize(
    ("sign_ups", "welcome", "unwelcome"),
    [
        (SignUps(allow=["@Example.com"]), "ADA@example.COM", "ada@sub.example.com"),
        (SignUps(allow=["ada@example.com"]), "ada@example.com", "bo@example.com"),
        (SignUps(deny=["@example.org", "eve@example.com"]), "ada@example.com", "eve@example.com"),
        (SignUps(allow=["@example.com"], deny=["eve@example.com"]), "ada@example.com", " Eve@example.com"),
        (SignUps(allow=["@BÜCHER.example"]), "ada@xn--bcher-kva.example", "ada@bücher.example.com"),
    ],
)
def test_lists_of_addresses_and_domains(sign_ups: SignUps, welcome: str, unwelcome: str) -> None:
    """One spelling of an address is as good as another; a domain is exactly that one."""
    for is_vouched_for in (True, False):
        assert sign_ups.find_refusal(normalise_email(unwelcome), is_vouched_for=is_vouched_for) == NOT_THIS_ADDRESS
    assert sign_ups.find_refusal(normalise_email(welcome), is_vouched_for=True) is None


async def test_a_list_holds_for_both_ways_in(sqlite_url: str) -> None:
    """Whoever is not on it reads so, with a password and from a provider; whoever is comes in."""
    async with running_town(sqlite_url, SignUps(allow=["@example.com"])) as town:
        assert refused(NOT_THIS_ADDRESS) == (
            await town.sign_up("ada@elsewhere.org"),
            await town.come_from_provider("1", "ada@elsewhere.org"),
        )
        assert "OK" == (await town.sign_up("ADA@example.com"))["status"]
        assert "OK" == (await town.come_from_provider("2", "Ada@Example.com"))["status"]


async def test_an_address_that_a_provider_does_not_vouch_for_opens_no_list(sqlite_url: str) -> None:
    """An attacker writes a colleague's address into a profile at a provider that does not check it."""
    sign_ups = SignUps(allow=["@example.com"], reason="Colleagues only.")
    async with running_town(sqlite_url, sign_ups) as town:
        answer = await town.come_from_provider("eve", "ada@example.com", verified=False)
        assert refused("Colleagues only.")[1] == answer
        assert 0 == await town.site.auth.users.count()


class Members(ThirdPartyEmailPassword):
    """Asks a list of its own, whichever way people come; some read another kind of answer."""

    asked: list[tuple[str, str | None, bool]]

    async def check_sign_up(
        self, email: str, *, third_party_id: str | None, is_verified: bool, tenant_id: str, user_context: UserContext
    ) -> None:
        self.asked.append((email, third_party_id, is_verified))
        if email.startswith("eve"):
            raise GeneralError("Please call us.")
        if not email.startswith("ada"):
            raise SignUpNotAllowed("Members only.")
        await super().check_sign_up(
            email,
            third_party_id=third_party_id,
            is_verified=is_verified,
            tenant_id=tenant_id,
            user_context=user_context,
        )


async def test_one_override_for_every_way_in(sqlite_url: str) -> None:
    """It is asked once for each new person, before there is an account, and not for those who have one."""
    async with running_town(sqlite_url, SignUps(), Members) as town:
        recipe = town.recipe
        assert isinstance(recipe, Members)
        recipe.asked = []
        assert refused("Members only.") == (
            await town.sign_up("bo@example.com"),
            await town.come_from_provider("bo", "bo@example.com"),
        )
        answer = await town.sign_up("eve@example.com")
        assert {"status": "GENERAL_ERROR", "message": "Please call us."} == answer
        recipe.asked.clear()
        assert "OK" == (await town.sign_up("ada@example.com"))["status"]
        assert "OK" == (await town.come_from_provider("ada", "ada@example.com"))["status"]
        assert "OK" == (await town.come_from_provider("ada", "ada@example.com"))["status"]
        assert [("ada@example.com", None, False), ("ada@example.com", "corp", True)] == recipe.asked


async def test_one_account_for_an_address(database_url: str) -> None:
    """Whoever comes by the other way is told to sign in as before; the one account stays as it is."""
    async with running_town(database_url, SignUps(one_account_per_email=True)) as town:
        assert "OK" == (await town.sign_up("ada@example.com"))["status"]
        assert refused(HAS_ACCOUNT)[1] == await town.come_from_provider("ada", "Ada@example.com")

        assert "OK" == (await town.come_from_provider("bo", "bo@example.com"))["status"]
        taken = [{"id": "email", "error": "This email already exists. Please sign in instead."}]
        assert {"status": "FIELD_ERROR", "formFields": taken} == await town.sign_up("bo@example.com")
        assert 2 == await town.site.auth.users.count()


async def test_an_address_that_changes_stays_one_accounts(database_url: str) -> None:
    """A password user cannot take a provider user's; a provider user signs in, and keeps the one from before."""
    async with running_town(database_url, SignUps(one_account_per_email=True)) as town:
        await town.sign_up("ada@example.com")
        await town.come_from_provider("bo", "bo@example.com")
        users = town.site.auth.users
        (ada,) = await users.list_by_account_info(email="ada@example.com", tenant_id="public")
        with pytest.raises(EmailAlreadyExists):
            await town.recipe.update_email_or_password(ada.id, email="bo@example.com")
        await town.recipe.update_email_or_password(ada.id, email="ada@example.com")

        assert "OK" == (await town.come_from_provider("bo", "ada@example.com"))["status"]
        (still,) = await users.list_by_account_info(email="bo@example.com", tenant_id="public")
        assert "OK" == (await town.come_from_provider("bo", "bo@elsewhere.org"))["status"]
        assert "bo@elsewhere.org" == (await users.get(still.id)).email


async def test_an_address_is_another_ones_in_another_tenant(database_url: str) -> None:
    """The rule is about one tenant; who is let into one more must not bring an address that is somebody's there."""
    async with running_town(database_url, SignUps(one_account_per_email=True)) as town:
        auth = town.site.auth
        await auth.tenants.create_or_update("acme")
        ada = await town.recipe.sign_up("ada@example.com", PASSWORD, **IN_CODE)
        await town.recipe.sign_in_up(
            "corp",
            "1",
            email="ada@example.com",
            is_verified=True,
            oauth_tokens={},
            raw_user_info={},
            tenant_id="acme",
            user_context={},
        )
        with pytest.raises(EmailAlreadyExists):
            await auth.tenants.associate_user("acme", ada.id)
        assert ("public",) == (await auth.users.get(ada.id)).login_methods[0].tenant_ids


async def test_of_two_ways_in_at_the_same_moment_one_is_taken(db: Database) -> None:
    """Sixteen people with one address come at once by both ways: one account comes of it."""
    async with running_engine(db) as engine:
        recipe = ThirdPartyEmailPassword()
        recipe.bind(replace(engine, sign_ups=SignUps(one_account_per_email=True)))
        outcomes = await asyncio.gather(
            *(recipe.sign_up("ada@example.com", PASSWORD, **IN_CODE) for _ in range(8)),
            *(
                recipe.sign_in_up(
                    "corp",
                    str(n),
                    email="ada@example.com",
                    is_verified=True,
                    oauth_tokens={},
                    raw_user_info={},
                    **IN_CODE,
                )
                for n in range(8)
            ),
            return_exceptions=True,
        )
        assert 1 == sum(not isinstance(outcome, BaseException) for outcome in outcomes)
        codes = {getattr(outcome, "code", "") for outcome in outcomes if isinstance(outcome, BaseException)}
        assert codes <= {"email_already_exists", "sign_in_up_not_allowed"}


async def test_without_the_rule_two_ways_in_are_two_accounts(sqlite_url: str) -> None:
    """As SuperTokens has it without account linking."""
    async with running_town(sqlite_url, SignUps()) as town:
        assert "OK" == (await town.sign_up("ada@example.com"))["status"]
        assert "OK" == (await town.come_from_provider("ada", "ada@example.com"))["status"]
        assert 2 == await town.site.auth.users.count()
