"""Every endpoint across two tenants: what belongs to one is unknown in the other. Source: security TN-2, TN-3."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.site import PASSWORD, Browser, Site, running_site
from watchword.recipes import EmailPassword, EmailVerification, ThirdParty
from watchword.recipes.thirdparty.providers import Google, ProviderUserInfo

ADA = "ada@example.com"


class Trusting(ThirdParty):
    """An application's own way to check what a mobile client brings."""

    async def get_user_info(self, third_party_id: str, oauth_tokens: dict[str, Any], **more: Any) -> ProviderUserInfo:
        """The token is the person."""
        return ProviderUserInfo(
            third_party_user_id=oauth_tokens["access_token"],
            email=ADA,
            is_verified=True,
        )


@dataclass
class Tenants:
    """Ada in the tenant `a`, and what an attacker knows who has all of hers and calls the tenant `b` with it."""

    site: Site
    ada: Browser
    user_id: str

    def stranger(self) -> Browser:
        """A browser without anything."""
        return self.site.browser()

    async def form(self, browser: Browser, path: str, **fields: str) -> dict[str, Any]:
        """Post a form and read the answer."""
        return (await browser.post_form(path, fields)).json()

    async def token(self) -> str:
        """The token in the next mail."""
        (token,) = re.findall(r"token=([\w-]+)", await self.site.mail.take_link())
        return token


@pytest.fixture
async def tenants(sqlite_url: str) -> AsyncIterator[Tenants]:
    """Two tenants, and a person in the first."""
    google = Google(client_id="a", client_secret="b")
    recipes = [EmailPassword(), Trusting(providers=[google]), EmailVerification(mode="OPTIONAL")]
    async with running_site(sqlite_url, recipes=recipes) as site:
        for tenant_id in ("a", "b"):
            await site.auth.tenants.create_or_update(tenant_id)
        ada = site.browser()
        answer = await ada.post_form("/auth/a/signup", {"email": ADA, "password": PASSWORD})
        yield Tenants(site, ada, answer.json()["user"]["id"])


async def sign_in(t: Tenants) -> None:
    """Her password opens nothing in `b`."""
    answer = await t.form(t.stranger(), "/auth/b/signin", email=ADA, password=PASSWORD)
    assert {"status": "WRONG_CREDENTIALS_ERROR"} == answer


async def sign_up(t: Tenants) -> None:
    """Her address is free in `b`, and whoever takes it is somebody else."""
    answer = await t.form(t.stranger(), "/auth/b/signup", email=ADA, password="another horse 2")
    assert ("OK", ["b"]) == (answer["status"], answer["user"]["tenantIds"])
    assert t.user_id != answer["user"]["id"]
    back = await t.form(t.stranger(), "/auth/a/signin", email=ADA, password="another horse 2")
    assert {"status": "WRONG_CREDENTIALS_ERROR"} == back


async def email_exists(t: Tenants) -> None:
    """`b` does not tell that she exists; neither do the two spellings of the path."""
    for path in ("emailpassword/email/exists", "signup/email/exists"):
        here, there = [
            (await t.stranger().get(f"/auth/{tenant_id}/{path}?email={ADA}")).json()["exists"] for tenant_id in "ab"
        ]
        assert (True, False) == (here, there)


async def generate_password_reset_token(t: Tenants) -> None:
    """Nobody is mailed when her address is typed in `b`."""
    assert {"status": "OK"} == await t.form(t.stranger(), "/auth/b/user/password/reset/token", email=ADA)
    await t.form(t.stranger(), "/auth/a/user/password/reset/token", email=ADA)
    assert "tenantId=a" in await t.site.mail.take_link()
    assert t.site.mail.is_empty()


async def password_reset(t: Tenants) -> None:
    """Her link is unknown in `b`, and still good in `a`."""
    await t.form(t.stranger(), "/auth/a/user/password/reset/token", email=ADA)
    body = {"method": "token", "token": await t.token(), "formFields": [{"id": "password", "value": "new horse 3"}]}
    there = await t.stranger().call("POST", "/auth/b/user/password/reset", json=body)
    assert {"status": "RESET_PASSWORD_INVALID_TOKEN_ERROR"} == there.json()
    here = await t.stranger().call("POST", "/auth/a/user/password/reset", json=body)
    assert "OK" == here.json()["status"]


async def give_own_provider(t: Tenants) -> None:
    """A provider that `a` has for itself."""
    places = {name: "https://own.example/" + name for name in ("authorization_endpoint", "token_endpoint")}
    own = {"third_party_id": "own", "provider": "OAuth2", "user_info_endpoint": "https://own.example/user", **places}
    client = {"client_id": "own", "client_secret": "x"}
    await t.site.auth.tenants.create_or_update_third_party_config("a", own | client)


async def authorisation_url(t: Tenants) -> None:
    """It says nothing of people: the address is that of the provider for everybody; one that `a` has is its own."""
    await give_own_provider(t)
    query = f"thirdPartyId=own&redirectURIOnProviderDashboard={t.site.url}/auth/callback/own"
    answers = [
        await t.stranger().get(f"/auth/{tenant_id}/authorisationurl?{query}") for tenant_id in ("a", "b", "public")
    ]
    assert [200, 400, 400] == [answer.status_code for answer in answers]
    await t.site.auth.tenants.delete_third_party_config("a", "own")
    query = f"thirdPartyId=google&redirectURIOnProviderDashboard={t.site.url}/auth/callback/google"
    answers = [(await t.stranger().get(f"/auth/{tenant_id}/authorisationurl?{query}")).json() for tenant_id in "ab"]
    assert 1 == len({answer.get("urlWithQueryParams", "?").partition("&")[0] for answer in answers})


async def sign_in_up(t: Tenants) -> None:
    """One account at a provider is somebody else in each tenant; a provider of `a` opens nothing in `b`."""
    body = {"thirdPartyId": "google", "oAuthTokens": {"access_token": "1093"}}
    ids = [
        (await t.stranger().call("POST", f"/auth/{tenant_id}/signinup", json=body)).json()["user"]["id"]
        for tenant_id in "aba"
    ]
    assert (ids[0], True) == (ids[2], ids[0] != ids[1])
    await give_own_provider(t)
    info = {
        "redirectURIOnProviderDashboard": f"{t.site.url}/auth/callback/own",
        "redirectURIQueryParams": {"code": "a code of the attempt in a"},
    }
    there = await t.stranger().call("POST", "/auth/b/signinup", json={"thirdPartyId": "own", "redirectURIInfo": info})
    assert (400, True) == (there.status_code, "could not be found" in there.json()["message"])


async def generate_email_verify_token(t: Tenants) -> None:
    """A session acts in its own tenant, whatever the path says."""
    assert {"status": "OK"} == (await t.ada.call("POST", "/auth/b/user/email/verify/token", json={})).json()
    assert (await t.site.mail.take_link()).endswith("tenantId=a")


async def email_verify(t: Tenants) -> None:
    """Her link is unknown in `b`, and still good in `a`."""
    await t.ada.call("POST", "/auth/a/user/email/verify/token", json={})
    body = {"method": "token", "token": await t.token()}
    there = await t.stranger().call("POST", "/auth/b/user/email/verify", json=body)
    assert {"status": "EMAIL_VERIFICATION_INVALID_TOKEN_ERROR"} == there.json()
    assert {"status": "OK"} == (await t.stranger().call("POST", "/auth/a/user/email/verify", json=body)).json()


async def is_email_verified(t: Tenants) -> None:
    """It is about the session's own person."""
    answer = await t.ada.get("/auth/b/user/email/verify")
    assert {"status": "OK", "isVerified": False} == answer.json()
    assert "a" == t.ada.front_token["up"]["tId"]


async def refresh(t: Tenants) -> None:
    """A refresh at the path of `b` leaves the session in `a`."""
    mobile = t.site.browser("headers")  # a browser sends the cookie to the path without a tenant only
    await t.form(mobile, "/auth/a/signin", email=ADA, password=PASSWORD)
    assert 200 == (await mobile.call("POST", "/auth/b/session/refresh")).status_code
    assert "a" == mobile.front_token["up"]["tId"]
    assert t.user_id == (await mobile.get("/me")).json()["userId"]


async def sign_out(t: Tenants) -> None:
    """It ends the session that came along and no other: not that of her namesake in `b`."""
    namesake = t.stranger()
    await t.form(namesake, "/auth/b/signup", email=ADA, password=PASSWORD)
    assert {"status": "OK"} == (await t.ada.call("POST", "/auth/b/signout")).json()
    assert (401, 200) == ((await t.ada.get("/me")).status_code, (await namesake.get("/me")).status_code)


async def the_same_for_all(path: str, t: Tenants) -> None:
    """Public keys and their place belong to the app."""
    here, there = [(await t.stranger().get(f"/auth/{tenant_id}/{path}")).json() for tenant_id in "ab"]
    assert here == there


async def jwks(t: Tenants) -> None:
    """The keys."""
    await the_same_for_all("jwt/jwks.json", t)


async def open_id(t: Tenants) -> None:
    """Where they are."""
    await the_same_for_all(".well-known/openid-configuration", t)


async def login_methods(t: Tenants) -> None:
    """Each tenant tells its own."""
    await t.site.auth.tenants.create_or_update("b", first_factors=["thirdparty"])
    here, there = [
        (await t.stranger().get(f"/auth/{tenant_id}/loginmethods")).json()["firstFactors"] for tenant_id in "ab"
    ]
    assert (["emailpassword", "thirdparty"], ["thirdparty"]) == (here, there)
    await give_own_provider(t)
    own, listed = [
        (await t.stranger().get(f"/auth/{tenant_id}/loginmethods")).json()["thirdParty"]["providers"]
        for tenant_id in "ab"
    ]
    assert ([{"id": "own", "name": "own"}], ["google"]) == (own, [provider["id"] for provider in listed])


ATTEMPTS: dict[str, Callable[[Tenants], Awaitable[None]]] = {
    "sign_in_post": sign_in,
    "sign_up_post": sign_up,
    "email_exists_get": email_exists,
    "generate_password_reset_token_post": generate_password_reset_token,
    "password_reset_post": password_reset,
    "authorisation_url_get": authorisation_url,
    "sign_in_up_post": sign_in_up,
    "generate_email_verify_token_post": generate_email_verify_token,
    "email_verify_post": email_verify,
    "is_email_verified_get": is_email_verified,
    "refresh_post": refresh,
    "signout_post": sign_out,
    "jwks_get": jwks,
    "open_id_discovery_configuration_get": open_id,
    "login_methods_get": login_methods,
}


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_what_belongs_to_one_tenant_is_unknown_in_another(tenants: Tenants, name: str) -> None:
    """Attack: call an endpoint of one's own tenant with what was found of somebody in another."""
    await ATTEMPTS[name](tenants)


async def test_no_endpoint_is_left_out(tenants: Tenants) -> None:
    """A route that takes a tenant in its path stands above, also one that comes later."""
    routes = [route for recipe in tenants.site.auth.recipe_list for route in recipe.routes()]
    assert {route.name for route in routes if route.tenant} == set(ATTEMPTS)
