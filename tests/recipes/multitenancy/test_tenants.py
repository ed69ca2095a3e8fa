"""Tenants made, changed and removed, and the people in them; on both databases, over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.site import PASSWORD, Browser, Site, running_site
from watchword import User
from watchword.accounts.tenants import Tenant
from watchword.errors import BadInput, EmailAlreadyExists, UserNotFound
from watchword.recipes import (
    Action,
    EmailPassword,
    EmailVerification,
    PrimitiveClaim,
    SessionFeature,
    SignInContext,
    ThirdParty,
    UserRoles,
)
from watchword.recipes.engine import Engine
from watchword.recipes.multitenancy import operations
from watchword.recipes.thirdparty.providers import Google

ADA = "ada@example.com"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with a password, a provider, verification and roles."""
    google = Google(client_id="a", client_secret="b")
    recipes = [EmailPassword(), ThirdParty(providers=[google]), EmailVerification(mode="OPTIONAL"), UserRoles()]
    async with running_site(database_url, recipes=recipes) as running:
        yield running


async def enter(browser: Browser, tenant_id: str, what: str, email: str = ADA) -> dict[str, Any]:
    """Sign up or in at a tenant."""
    return (await browser.post_form(f"/auth/{tenant_id}/{what}", {"email": email, "password": PASSWORD})).json()


async def user_id_in(browser: Browser) -> str:
    """Whose session the browser has."""
    return (await browser.get("/me")).json()["userId"]


async def test_a_tenant_is_made_once_and_changed(site: Site) -> None:
    """The answer says whether it is new; what is not named stays as it is."""
    tenants = site.auth.tenants
    assert await tenants.create_or_update("acme")
    assert not await tenants.create_or_update("acme", first_factors=["emailpassword"])
    assert not await tenants.create_or_update("acme")
    assert Tenant("acme", ("emailpassword",)) == await tenants.get("acme")
    assert not await tenants.create_or_update("acme", first_factors="all")
    assert await tenants.create_or_update("Beta-2", first_factors=[])
    assert [Tenant("Beta-2", ()), Tenant("acme"), Tenant("public")] == sorted(
        await tenants.list(), key=lambda tenant: tenant.tenant_id
    )


@pytest.mark.parametrize(
    ("tenant_id", "first_factors", "message"),
    [
        ("", "all", "1 to 64"),
        ("a b", "all", "1 to 64"),
        ("a" * 65, "all", "1 to 64"),
        ("nul\0", "all", "1 to 64"),
        ("public", ["emailpassword"], "recipe_list"),
        ("acme", ["emailpasword"], "there are: emailpassword, thirdparty"),
        ("acme", "emailpassword", "write a list"),
    ],
)
async def test_what_cannot_be_a_tenant_is_refused(site: Site, tenant_id: str, first_factors: Any, message: str) -> None:
    """With the field and the way out, and nothing is made."""
    with pytest.raises(BadInput, match=message):
        await site.auth.tenants.create_or_update(tenant_id, first_factors=first_factors)
    assert [Tenant("public")] == await site.auth.tenants.list()


async def test_a_tenant_offers_its_ways_to_sign_in_and_no_others(site: Site) -> None:
    """Front ends are told, and who tries another one is refused (FDI 8.5, 11)."""
    await site.auth.tenants.create_or_update("acme", first_factors=["thirdparty"])
    methods = (await site.browser().get("/auth/acme/loginmethods")).json()
    assert ["thirdparty"] == methods["firstFactors"]
    assert ({"enabled": False}, True) == (methods["emailPassword"], methods["thirdParty"]["enabled"])
    stranger = site.browser()
    for what in ("signup", "signin"):
        refused = await stranger.post_form(f"/auth/acme/{what}", {"email": ADA, "password": PASSWORD})
        assert (401, {"message": "unauthorised"}) == (refused.status_code, refused.json())
    assert "OK" == (await enter(stranger, "public", "signup"))["status"]

    await site.auth.tenants.create_or_update("acme", first_factors=["emailpassword"])
    assert "OK" == (await enter(site.browser(), "acme", "signup"))["status"]
    body = {"thirdPartyId": "google", "oAuthTokens": {"access_token": "x"}}
    assert 401 == (await site.browser().call("POST", "/auth/acme/signinup", json=body)).status_code


async def test_somebody_may_sign_in_to_two_tenants_with_one_password(site: Site) -> None:
    """One person, one id, one hash; a new password counts in both."""
    tenants = site.auth.tenants
    for tenant_id in ("acme", "beta"):
        await tenants.create_or_update(tenant_id)
    browser = site.browser()
    await enter(browser, "acme", "signup")
    user_id = await user_id_in(browser)
    assert "WRONG_CREDENTIALS_ERROR" == (await enter(site.browser(), "beta", "signin"))["status"]
    assert await tenants.associate_user("beta", user_id)
    assert not await tenants.associate_user("beta", user_id)
    there = await enter(site.browser(), "beta", "signin")
    assert (user_id, ["acme", "beta"]) == (there["user"]["id"], there["user"]["tenantIds"])
    assert "FIELD_ERROR" == (await enter(site.browser(), "beta", "signup"))["status"]


async def test_nobody_joins_a_tenant_over_somebody_else(site: Site) -> None:
    """An address that is taken there, an unknown person or tenant: refused, and nothing is half done."""
    tenants = site.auth.tenants
    await tenants.create_or_update("acme")
    here, there = site.browser(), site.browser()
    await enter(here, "public", "signup")
    await enter(there, "acme", "signup")
    with pytest.raises(EmailAlreadyExists):
        await tenants.associate_user("acme", await user_id_in(here))
    with pytest.raises(UserNotFound):
        await tenants.associate_user("acme", "nobody")
    with pytest.raises(BadInput, match="unknown tenant"):
        await tenants.associate_user("nowhere", await user_id_in(here))
    assert ["public"] == (await enter(site.browser(), "public", "signin"))["user"]["tenantIds"]


async def test_an_identity_joins_with_its_issuer(site: Site) -> None:
    """Attack: in the second tenant another issuer vouches for the same `sub`; it is refused as in the first."""
    tenants = site.auth.tenants
    await tenants.create_or_update("acme")
    recipe = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, ThirdParty))
    common: dict[str, Any] = {"oauth_tokens": {}, "raw_user_info": {}, "user_context": {}}
    made = await recipe.sign_in_up(
        "google",
        "1093",
        email=ADA,
        is_verified=True,
        issuer="https://accounts.google.com",
        tenant_id="public",
        **common,
    )
    assert await tenants.associate_user("acme", made.recipe_user_id)
    again = await recipe.sign_in_up(
        "google", "1093", email=ADA, is_verified=True, issuer="https://accounts.google.com", tenant_id="acme", **common
    )
    assert (made.user.id, False) == (again.user.id, again.created_new_recipe_user)
    with pytest.raises(Exception, match="security reasons"):
        await recipe.sign_in_up(
            "google", "1093", email=ADA, is_verified=True, issuer="https://evil.test", tenant_id="acme", **common
        )


async def sessions_in(site: Site, user_id: str, tenant_id: str) -> list[str]:
    """The handles of somebody's sessions in a tenant."""
    return await site.auth.sessions.list_handles(user_id, tenant_id=tenant_id)


async def test_whoever_leaves_a_tenant_leaves_nothing_there(site: Site) -> None:
    """Their sessions, roles and links of that tenant end with it; those elsewhere go on (TN-4)."""
    tenants, roles = site.auth.tenants, site.auth.roles
    for tenant_id in ("acme", "beta"):
        await tenants.create_or_update(tenant_id)
    await roles.create_or_add_permissions("admin")
    here = site.browser()
    await enter(here, "acme", "signup")
    user_id = await user_id_in(here)
    await tenants.associate_user("beta", user_id)
    there = site.browser()
    await enter(there, "beta", "signin")
    for tenant_id in ("acme", "beta"):
        await roles.add_to_user(user_id, "admin", tenant_id=tenant_id)
    await here.post_form("/auth/acme/user/password/reset/token", {"email": ADA})
    token = (await site.mail.take_link()).partition("token=")[2].partition("&")[0]

    assert await tenants.disassociate_user("acme", user_id)
    assert not await tenants.disassociate_user("acme", user_id)

    assert 401 == (await here.get("/me")).status_code  # in this process at once, without asking the database
    assert 401 == (await here.refresh()).status_code
    assert "WRONG_CREDENTIALS_ERROR" == (await enter(site.browser(), "acme", "signin"))["status"]
    form = {"method": "token", "token": token, "formFields": [{"id": "password", "value": "another horse 2"}]}
    reset = await site.browser().call("POST", "/auth/acme/user/password/reset", json=form)
    assert "RESET_PASSWORD_INVALID_TOKEN_ERROR" == reset.json()["status"]
    assert ([], ["admin"]) == (
        await roles.list_for_user(user_id, tenant_id="acme"),
        await roles.list_for_user(user_id, tenant_id="beta"),
    )
    assert 200 == (await there.get("/me")).status_code
    assert 200 == (await there.refresh()).status_code
    assert ([], 1) == (await sessions_in(site, user_id, "acme"), len(await sessions_in(site, user_id, "beta")))


async def test_a_deleted_tenant_is_gone_in_the_middle_of_traffic(site: Site) -> None:
    """Sessions end at once, nobody gets in, and a new tenant of the same name has nothing of the old one (TN-4)."""
    tenants = site.auth.tenants
    await tenants.create_or_update("acme")
    inside, outside = site.browser(), site.browser()
    await enter(inside, "acme", "signup")
    await enter(outside, "public", "signup")
    await inside.post_form("/auth/acme/user/password/reset/token", {"email": ADA})
    token = (await site.mail.take_link()).partition("token=")[2].partition("&")[0]

    assert await tenants.delete("acme")
    assert not await tenants.delete("acme")

    assert 401 == (await inside.get("/me")).status_code
    assert 401 == (await inside.refresh()).status_code
    assert (
        400 == (await site.browser().post_form("/auth/acme/signin", {"email": ADA, "password": PASSWORD})).status_code
    )
    assert 200 == (await outside.get("/me")).status_code
    await tenants.create_or_update("acme")
    assert "WRONG_CREDENTIALS_ERROR" == (await enter(site.browser(), "acme", "signin"))["status"]
    form = {"method": "token", "token": token, "formFields": [{"id": "password", "value": "another horse 2"}]}
    reset = await site.browser().call("POST", "/auth/acme/user/password/reset", json=form)
    assert "RESET_PASSWORD_INVALID_TOKEN_ERROR" == reset.json()["status"]
    assert "OK" == (await enter(site.browser(), "acme", "signup"))["status"]


class Meanwhile:
    """Hooks that do something once, between the comparison of a password and the session."""

    def __init__(self) -> None:
        self.do: Callable[[str], Awaitable[Any]] | None = None

    async def __call__(self, user: User, context: SignInContext, action: Action) -> dict[str, Any]:
        do, self.do = self.do, None
        if do is not None:
            await do(user.id)
        return {}


@pytest.mark.parametrize("is_deleted", [True, False])
async def test_a_sign_in_under_way_gets_no_session_in_a_tenant_one_has_left(
    database_url: str, is_deleted: bool
) -> None:
    """Attack: be signing in to a tenant at the moment when one is shut out of it, or it is deleted (TN-4).

    The password was right and stays so; the sessions ended, and then this one was made.
    """
    hook = Meanwhile()
    recipe = EmailPassword(session_feature=SessionFeature(set_session_data=hook))
    async with running_site(database_url, recipes=[recipe]) as site:
        tenants = site.auth.tenants
        await tenants.create_or_update("acme")
        first = site.browser()
        await enter(first, "acme", "signup")
        user_id = await user_id_in(first)
        left: list[bool] = []

        async def leave(user_id: str) -> None:
            shut = tenants.delete("acme") if is_deleted else None
            left.append(await (shut or tenants.disassociate_user("acme", user_id)))

        hook.do = leave
        late = site.browser("headers")
        await enter(late, "acme", "signin")
        assert [True] == left
        assert not late.tokens.get("st-access-token")
        assert [] == await site.auth.sessions.list_handles(user_id)


async def test_a_session_of_the_applications_ends_with_its_tenant(site: Site) -> None:
    """Attack: have the application start a session in a tenant while it is deleted; none lives on (TN-4)."""
    tenants = site.auth.tenants

    async def delete(*_: Any) -> str:
        await tenants.delete("acme")
        return "deleted"

    site.auth.session_recipe.add_claim(PrimitiveClaim("late", delete))  # fetched after the tenant was looked up
    await tenants.create_or_update("acme")
    with pytest.raises(BadInput, match="unknown tenant"):
        await site.auth.sessions.create("somebody", tenant_id="acme")
    assert [] == await site.auth.sessions.list_handles("somebody")


async def test_nothing_gets_into_a_tenant_that_is_being_deleted(site: Site) -> None:
    """Whoever comes in at that moment is in time and goes with it, or is told that there is no such tenant.

    Never an error of the database, and a new tenant of that name has nothing of the old one.
    """
    tenants, roles = site.auth.tenants, next(r for r in site.auth.recipe_list if isinstance(r, UserRoles))
    await roles.create_or_add_permissions("admin")
    ada = site.browser()
    await enter(ada, "public", "signup")
    user_id = await user_id_in(ada)
    for number in range(5):
        await tenants.create_or_update("acme")
        form = {"email": f"new-{number}@example.com", "password": PASSWORD}
        signed_up, *outcomes = await asyncio.gather(
            site.browser().post_form("/auth/acme/signup", form),
            tenants.associate_user("acme", user_id),
            site.auth.sessions.create("somebody", tenant_id="acme"),
            roles.add_to_user(user_id, "admin", tenant_id="acme"),
            tenants.delete("acme"),
            return_exceptions=True,
        )
        assert not isinstance(signed_up, BaseException)
        assert signed_up.status_code in (200, 400)
        for outcome in outcomes:
            assert isinstance(outcome, BadInput) or not isinstance(outcome, BaseException), outcome
        assert ([], []) == (
            await site.auth.sessions.list_handles("somebody"),
            await roles.list_for_user(user_id, tenant_id="acme"),
        )
        assert ["public"] == (await enter(site.browser(), "public", "signin"))["user"]["tenantIds"]


async def test_who_joins_a_tenant_that_has_just_gone_is_told_so(site: Site) -> None:
    """Also when it was there at the first look."""
    ada = site.browser()
    await enter(ada, "public", "signup")
    with pytest.raises(BadInput, match="unknown tenant"):
        await operations.add_user(engine_of(site), [], "acme", await user_id_in(ada))


def engine_of(site: Site) -> Engine:
    """What the recipes of a site work with."""
    return site.auth.session_recipe.engine


async def test_public_stays(site: Site) -> None:
    """It is where everybody is who names no tenant."""
    with pytest.raises(BadInput, match="cannot be deleted"):
        await site.auth.tenants.delete("public")
