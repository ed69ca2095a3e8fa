"""A session acts in its own tenant, whichever tenant a path names. Source: security TN-2, TN-3."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.recipes.engine import make_tenant
from tests.site import PASSWORD, Browser, Site, running_site
from watchword.recipes import EmailPassword, EmailVerification

ADA = "ada@example.com"


@pytest.fixture
async def site(sqlite_url: str) -> AsyncIterator[Site]:
    """A site with two tenants beside the public one."""
    recipes = [EmailPassword(), EmailVerification(mode="OPTIONAL")]
    async with running_site(sqlite_url, recipes=recipes) as running:
        for tenant_id in ("t1", "t2"):
            await make_tenant(running.auth.recipe_list[0].engine, tenant_id)
        yield running


async def enter(browser: Browser, tenant_id: str, what: str, password: str = PASSWORD) -> httpx2.Response:
    """Sign up or in at a tenant."""
    return await browser.post_form(f"/auth/{tenant_id}/{what}", {"email": ADA, "password": password})


async def test_one_address_is_somebody_else_in_each_tenant(site: Site) -> None:
    """Attack: sign up in a tenant of one's own with the victim's address, and use that password in theirs."""
    victim, mallory = site.browser(), site.browser()
    await enter(victim, "t1", "signup", "victims horse 1")
    await enter(mallory, "t2", "signup", "thieves horse 1")
    assert (await victim.get("/me")).json()["userId"] != (await mallory.get("/me")).json()["userId"]
    for tenant_id in ("t1", "public", "nowhere"):
        answer = await enter(site.browser(), tenant_id, "signin", "thieves horse 1")
        assert "OK" != answer.json().get("status")
    answer = await enter(site.browser(), "t1", "signin", "victims horse 1")
    assert ["t1"] == answer.json()["user"]["tenantIds"]


async def test_a_path_does_not_move_a_session_into_another_tenant(site: Site) -> None:
    """Attack: call the APIs of the victim's tenant with a session of another one, held by the same address.

    The mail is that of the session's own person and tenant, and nothing is verified in the tenant of the path.
    """
    victim, mallory = site.browser(), site.browser()
    await enter(victim, "t1", "signup", "victims horse 1")
    await enter(mallory, "t2", "signup", "thieves horse 1")
    before = await mallory.call("POST", "/auth/t1/user/email/verify/token", json={})
    assert (200, {"status": "OK"}) == (before.status_code, before.json())
    link = await site.mail.take_link()
    assert link.endswith("&tenantId=t2")
    token = {"method": "token", "token": link.split("token=")[1].split("&")[0]}
    refused = (await mallory.call("POST", "/auth/t1/user/email/verify", json=token)).json()
    assert {"status": "EMAIL_VERIFICATION_INVALID_TOKEN_ERROR"} == refused
    assert {"status": "OK"} == (await mallory.call("POST", "/auth/t2/user/email/verify", json=token)).json()
    assert [True, False] == [
        (await browser.get("/auth/t1/user/email/verify")).json()["isVerified"] for browser in (mallory, victim)
    ]


async def test_sessions_of_a_tenant_are_ended_and_listed_there_only(site: Site) -> None:
    """Attack: end or list the sessions of a tenant by asking for them in another one."""
    victim = site.browser()
    await enter(victim, "t1", "signup")
    me = (await victim.get("/me")).json()
    recipe = site.auth.session_recipe
    assert [] == await recipe.list_session_handles_for_user(me["userId"], tenant_id="t2")
    assert [] == await recipe.revoke_all_sessions_for_user(me["userId"], tenant_id="t2")
    assert 200 == (await victim.get("/exact")).status_code
    assert [me["handle"]] == await recipe.list_session_handles_for_user(me["userId"], tenant_id="t1")
    assert [me["handle"]] == await recipe.revoke_all_sessions_for_user(me["userId"], tenant_id="t1")
    assert 401 == (await victim.get("/exact")).status_code
