"""Roles in sessions over HTTP, both databases: what the token says, which routes open, and when it is learnt anew."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from tests.site import Browser, Carry, Site, running_site
from watchword import SessionContainer, Watchword
from watchword.frameworks.fastapi import verify_session
from watchword.recipes import EmailPassword, Session, UserRoles

DAY_MS = 86_400_000


def add_routes(app: FastAPI, auth: Watchword) -> None:
    """Routes that roles open."""
    roles = auth.roles

    @app.get("/admin", dependencies=[Depends(verify_session(auth, require=[roles.role_claim.includes("admin")]))])
    async def admin() -> dict[str, Any]:
        return {}

    write = roles.permission_claim.includes("write", max_age_seconds=60)

    @app.get("/write", dependencies=[Depends(verify_session(auth, require=[write]))])
    async def write_something() -> dict[str, Any]:
        return {}

    @app.post("/look-again")
    async def look_again(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        await session.fetch_and_set_claim(roles.role_claim)
        return {}


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with roles, whose sessions live a day without a refresh."""
    session = Session(access_token_validity_ms=DAY_MS, signing_key_algorithm="EdDSA")
    recipes = [EmailPassword(), UserRoles(), session]
    async with running_site(database_url, recipes=recipes, add_routes=add_routes) as running:
        await running.auth.roles.create_or_add_permissions("admin", ["read", "write"])
        yield running


async def sign_up(site: Site, carry: Carry = "cookies") -> tuple[Browser, str]:
    """A new person: browser and user id."""
    browser = site.browser(carry)
    answer = await browser.sign_up()
    return browser, answer.json()["user"]["id"]


def claims(browser: Browser) -> tuple[Any, Any]:
    """The values of `st-role` and `st-perm` that the page can read."""
    payload = browser.front_token["up"]
    return payload["st-role"]["v"], payload["st-perm"]["v"]


@pytest.mark.parametrize("carry", ["cookies", "headers"])
async def test_a_session_carries_the_roles_of_its_person(site: Site, carry: Carry) -> None:
    """From the first one on, empty where there are none; the next sign-in has what was given since (FDI 7)."""
    browser, user_id = await sign_up(site, carry)
    assert ([], []) == claims(browser)
    await site.auth.roles.add_to_user(user_id, "admin")
    other = site.browser(carry)
    await other.sign_in()
    assert (["admin"], ["read", "write"]) == claims(other)
    await browser.refresh()
    assert ([], []) == claims(browser)


async def test_without_the_role_a_route_is_shut(site: Site) -> None:
    """403 with the body that the official packages read, and nothing changes for the client."""
    browser, _ = await sign_up(site)
    refused = await browser.get("/admin")
    reason = {"message": "wrong value", "expectedToInclude": "admin", "actualValue": []}
    expected = {"message": "invalid claim", "claimValidationErrors": [{"id": "st-role", "reason": reason}]}
    assert (403, expected) == (refused.status_code, refused.json())
    assert 200 == (await browser.get("/me")).status_code


async def test_a_session_learns_a_new_role_when_asked(site: Site) -> None:
    """`fetch_and_set_claim` puts it into the token of the same answer."""
    browser, user_id = await sign_up(site)
    await site.auth.roles.add_to_user(user_id, "admin")
    assert 403 == (await browser.get("/admin")).status_code
    await browser.call("POST", "/look-again")
    assert 200 == (await browser.get("/admin")).status_code


async def test_a_rule_with_an_age_finds_out_by_itself(site: Site) -> None:
    """Somebody whose permission was taken is shut out as soon as the value is older than the rule allows."""
    browser, user_id = await sign_up(site)
    roles = site.auth.roles
    await roles.add_to_user(user_id, "admin")
    site.clock.advance(60_001)
    assert 200 == (await browser.get("/write")).status_code
    await roles.remove_permissions("admin", ["write"])
    assert 200 == (await browser.get("/write")).status_code
    site.clock.advance(60_001)
    assert 403 == (await browser.get("/write")).status_code


async def test_roles_and_permissions_can_be_left_out_of_tokens(sqlite_url: str) -> None:
    """Each by its own setting; a rule still finds what it needs."""
    recipes = [
        EmailPassword(),
        UserRoles(skip_adding_roles_to_access_token=True, skip_adding_permissions_to_access_token=True),
    ]
    async with running_site(sqlite_url, recipes=recipes, add_routes=add_routes) as site:
        await site.auth.roles.create_or_add_permissions("admin")
        browser, user_id = await sign_up(site)
        assert browser.front_token["up"].keys().isdisjoint({"st-role", "st-perm"})
        await site.auth.roles.add_to_user(user_id, "admin")
        assert 200 == (await browser.get("/admin")).status_code
