"""What a body may decide: the form, and nothing about who somebody is. Source: security AD-2, AD-3; better-auth
CVE-2025-61928, ZITADEL CVE-2026-27946."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, running_provider
from tests.site import PASSWORD, Browser, FakeClock, Site, running_site
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword
from watchword.recipes.api import Route
from watchword.recipes.thirdparty.providers import OpenIdConnect

VICTIM, MALLORY = "victim@example.com", "mallory@example.com"


@dataclass
class Scene:
    """A site, a victim with a session, and what an attacker knows about both."""

    site: Site
    provider: ProviderDouble
    victim: Browser
    claims: dict[str, Any]


@pytest.fixture
async def scene(sqlite_url: str) -> AsyncIterator[Scene]:
    """The claims name the victim in every word that our functions have for it."""
    clock = FakeClock()
    async with running_provider(clock) as provider:
        corp = OpenIdConnect(
            third_party_id="corp",
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            trust_email=True,
        )
        recipes = [ThirdPartyEmailPassword(providers=[corp]), EmailVerification(mode="OPTIONAL")]
        async with running_site(sqlite_url, recipes=recipes, clock=clock) as site:
            victim = site.browser()
            user = (await victim.sign_up(VICTIM)).json()["user"]
            handle = (await victim.get("/me")).json()["handle"]
            ids = ("id", "userId", "user_id", "recipeUserId", "recipe_user_id", "primaryUserId", "sub", "rsub")
            handles = ("sessionHandle", "session_handle", "handle")
            truths = ("verified", "isVerified", "is_verified", "emailVerified", "email_verified", "isPrimaryUser")
            claims: dict[str, Any] = {
                **dict.fromkeys(ids, user["id"]),
                **dict.fromkeys(handles, handle),
                **dict.fromkeys(truths, True),
                **dict.fromkeys(("tenantId", "tenantIds", "tenant_id", "tId"), "other"),
                **{name: {"role": "admin"} for name in ("jwtPayload", "jwt_payload", "accessTokenPayload")},
                **{name: {"role": "admin"} for name in ("sessionData", "session_data", "sessionDataInDatabase")},
                "user": {"id": user["id"], "isPrimaryUser": True, "emails": [VICTIM]},
                "session": {"userId": user["id"], "handle": handle},
                "roles": ["admin"],
                "role": "admin",
                "email": VICTIM,
            }
            yield Scene(site, provider, victim, claims)


def form(email: str) -> list[dict[str, str]]:
    """The fields of a sign-up or sign-in."""
    return [{"id": "email", "value": email}, {"id": "password", "value": PASSWORD}]


async def assert_nobody_but(scene: Scene, browser: Browser, user: dict[str, Any], email: str) -> None:
    """A new person with nothing that the body claimed, and the victim as before."""
    me = (await browser.get("/me")).json()
    assert user["id"] == me["userId"] != scene.claims["userId"]
    assert me["handle"] != scene.claims["handle"]
    assert ([email], ["public"], [False]) == (
        user["emails"],
        user["tenantIds"],
        [method["verified"] for method in user["loginMethods"]],
    )
    assert "role" not in me["payload"]
    assert {} == (await browser.get("/data")).json()
    assert 200 == (await scene.victim.get("/exact")).status_code


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/signin"])
async def test_what_stands_beside_the_form_decides_nothing(scene: Scene, path: str) -> None:
    """Attack: name the victim, a role, a tenant and `verified` in the body beside the form, in every spelling."""
    if path == "/auth/signin":
        await scene.site.browser().sign_up(MALLORY)
    browser = scene.site.browser()
    answer = await browser.call("POST", path, json={**scene.claims, "formFields": form(MALLORY)})
    assert "OK" == answer.json()["status"]
    await assert_nobody_but(scene, browser, answer.json()["user"], MALLORY)


async def test_a_field_that_nobody_configured_is_refused(scene: Scene) -> None:
    """Attack: the same as fields of the form; each alone is a 400, and nobody is made."""
    for name, value in scene.claims.items():
        if name == "email":
            continue
        fields = [*form(MALLORY), {"id": name, "value": value}]
        answer = await scene.site.browser().call("POST", "/auth/signup", json={"formFields": fields})
        assert 400 == answer.status_code, name
    exists = await scene.site.browser().get("/auth/emailpassword/email/exists", params={"email": MALLORY})
    assert {"status": "OK", "exists": False} == exists.json()


async def test_what_a_client_says_about_a_provider_s_person_decides_nothing(scene: Scene) -> None:
    """Attack: sign in at a provider as oneself, and tell us in the body who that is and that the address is proved."""
    scene.provider.person |= {"sub": "666", "email": MALLORY, "email_verified": False}
    tokens = scene.provider.tokens_for(scene.provider.person, CLIENT_ID)
    claims = {**scene.claims, "thirdPartyUserId": "248289761001", "rawUserInfoFromProvider": {"email": VICTIM}}
    browser = scene.site.browser()
    body = {**claims, "thirdPartyId": "corp", "oAuthTokens": {**claims, **tokens}}
    answer = await browser.call("POST", "/auth/signinup", json=body)
    assert "OK" == answer.json()["status"]
    user = answer.json()["user"]
    assert [{"id": "corp", "userId": "666"}] == user["thirdParty"]
    await assert_nobody_but(scene, browser, user, MALLORY)


def routes_that_want_a_session(site: Site) -> list[Route]:
    """Of every recipe, found by itself, so that a later one is looked at as well."""
    recipes = [*site.auth.recipe_list, site.auth.session_recipe]
    return [route for recipe in recipes for route in recipe.routes() if route.session in ("required", "ending")]


async def test_no_body_stands_in_for_a_session(scene: Scene) -> None:
    """Attack: call, without a session, whatever wants one, and name the victim in body and query: 401 everywhere."""
    routes = routes_that_want_a_session(scene.site)
    assert {"/signout", "/user/email/verify", "/user/email/verify/token"} <= {route.path for route in routes}
    query = {name: value for name, value in scene.claims.items() if isinstance(value, str)}
    for route in routes:
        answer = await scene.site.browser().client.request(
            route.method, f"/auth{route.path}", params=query, json=scene.claims
        )
        assert 401 == answer.status_code, route.name
    assert scene.site.mail.is_empty()
    assert 200 == (await scene.victim.get("/exact")).status_code


async def test_a_session_acts_for_its_own_person_whatever_the_body_says(scene: Scene) -> None:
    """Attack: the same with a session of one's own, to be taken for the victim by the functions behind it (SE-6)."""
    mallory = scene.site.browser()
    await mallory.sign_up(MALLORY)
    assert {"status": "OK"} == (await mallory.call("POST", "/auth/user/email/verify/token", json=scene.claims)).json()
    assert MALLORY == (await scene.site.mail.take()).to
    assert {"status": "OK"} == (await mallory.call("POST", "/auth/signout", json=scene.claims)).json()
    assert scene.site.mail.is_empty()
    assert 401 == (await mallory.get("/exact")).status_code
    assert 200 == (await scene.victim.get("/exact")).status_code
