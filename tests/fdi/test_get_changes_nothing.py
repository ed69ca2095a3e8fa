"""GET changes nothing, on any route there is: links are opened by scanners, previews and pages of strangers (CS-5)."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.site import Site, running_site
from watchword.database.statements import Statement
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword, UserRoles
from watchword.recipes.api import Route

#: What counts requests, tells of them, or lives by itself.
NOT_STATE = {"rate_buckets", "sign_in_failures", "nodes", "leases", "schema_migrations"}


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with every recipe, on each database."""
    recipes = [ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL"), UserRoles()]
    async with running_site(database_url, recipes=recipes) as running:
        yield running


def routes_of(site: Site) -> list[Route]:
    """Every route of every recipe."""
    return [route for recipe in site.auth.recipe_list for route in recipe.routes()]


async def dump(site: Site) -> dict[str, list[str]]:
    """All rows of all tables."""
    text = "\n".join(statement for migration in site.auth.migrations for statement in migration.statements)
    tables = set(re.findall(r"create table \{(\w+)\}", text)) - NOT_STATE
    assert {"users", "sessions", "emailpassword_users", "mail_outbox"} <= tables
    db = site.auth._db
    found: dict[str, list[str]] = {}
    for table in sorted(table for table in tables if not table.startswith("audit")):
        rows = await db.list(Statement(f"select * from {{{table}}}"))  # noqa: S608 - names of our own
        found[table] = sorted(str(tuple(row)) for row in rows)
    return found


async def test_no_route_changes_anything_by_get(site: Site) -> None:
    """Attack: an image or a preview that asks each address with the victim's cookies, tokens of links included."""
    browser, stranger = site.browser(), site.browser()
    await browser.sign_up()
    await browser.call("POST", "/auth/user/email/verify/token")
    await browser.post_form("/auth/user/password/reset/token", {"email": "ada@example.com"})
    tokens = [(await site.mail.take_link()).partition("token=")[2].partition("&")[0] for _ in range(2)]
    await site.post_mail()
    before = await dump(site)
    for path in sorted({route.path for route in routes_of(site)}):
        for token in ("", *tokens):
            query: dict[str, Any] = {"email": "ada@example.com", "token": token, "thirdPartyId": "google", "code": "x"}
            for visitor in (browser, stranger):
                for method in ("GET", "HEAD"):
                    answer = await visitor.client.request(method, f"/auth{path}", params=query)
                    assert answer.status_code in (200, 400, 401, 404, 405, 503), (
                        path
                    )  # 503: a clock of tests is not ready
                    assert "set-cookie" not in answer.headers or "sAccessToken=;" not in answer.headers["set-cookie"]
    assert before == await dump(site)
    assert 200 == (await browser.get("/exact")).status_code


def test_every_get_route_says_that_it_changes_nothing_and_sign_out_is_none() -> None:
    """What is only read is declared so, and what ends or starts something has another method."""
    recipes = [ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")]
    routes = [route for recipe in recipes for route in recipe.routes()]
    assert [] == [route.path for route in routes if route.method == "GET" and route.changes_state]
    assert [] == [route.path for route in routes if route.name.endswith("_get") != (route.method == "GET")]
