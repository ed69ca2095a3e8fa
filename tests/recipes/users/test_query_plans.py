"""Each statement over people is a descent in an index, on both databases, at any number of users."""

import re
from typing import Any

import pytest

from watchword.accounts import bans, id_mappings, listing, metadata, search
from watchword.database.database import Database, Row, Transaction
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword, UserRoles
from watchword.recipes.users.known_tables import KNOWN_TABLES
from watchword.recipes.users.personal_data import PersonalData
from watchword.recipes_in_use import CORE_MIGRATION_PACKAGES

# ruff: noqa: S608 - constants of this file

RECIPES = (ThirdPartyEmailPassword, EmailVerification, UserRoles)
TABLES = PersonalData(KNOWN_TABLES)

AFTER = {"after_ms": 500, "after_user_id": "u", "at_most": 10}
FILTERS = {"tenant_id": None, "recipe_ids": None, "at_most": 10}
ANY_PROVIDER = {"provider": None, "beyond_provider": None}
PERSON = {"person_id": "user 7", "recipe_user_id": "user 7", "new": "x"}


def _pages() -> dict[str, tuple[Statement, dict[str, Any]]]:
    """Every walk through a list."""
    found: dict[str, tuple[Statement, dict[str, Any]]] = {}
    for (by_tenant, by_recipe, newest_first), statement in listing.PAGES.items():
        values = AFTER | ({"tenant_id": "public"} if by_tenant else {})
        values |= {"recipe_id": "emailpassword"} if by_recipe else {}
        name = f"page{' of tenant' * by_tenant}{' of recipe' * by_recipe}{' newest' if newest_first else ' oldest'}"
        found[name] = (statement, values)
    return found


WALKS: dict[str, tuple[Statement, dict[str, Any]]] = {
    **_pages(),
    "search by address": (search.SEARCH_BY_EMAIL, {"prefix": "a7", "beyond": "a8", **ANY_PROVIDER, **FILTERS}),
    "search by domain": (search.SEARCH_BY_DOMAIN, {"prefix": "d7", "beyond": "d8", **ANY_PROVIDER, **FILTERS}),
    "search by provider": (search.SEARCH_BY_PROVIDER, {"provider": "goo", "beyond_provider": "gop", **FILTERS}),
    "by address": (search.FIND_BY_EMAIL, {"email": "a7@d7.example", "tenant_id": None}),
    "by identity": (
        search.FIND_BY_THIRD_PARTY,
        {"third_party_id": "google", "third_party_user_id": "7", "tenant_id": None},
    ),
    "ban": (bans.UPDATE_BAN, {"user_id": "u", "banned_at_ms": 1, "banned_until_ms": None, "ban_reason": None}),
    "look for a ban": (bans.LOCK_USER, {"user_id": "user 7"}),
    "metadata": (metadata.FIND_METADATA, {"user_id": "user 7"}),
    "change metadata": (metadata.UPDATE_METADATA, {"user_id": "user 7", "metadata": "{}"}),
    "mapping": (id_mappings.FIND_MAPPING, {"user_id": "user 7"}),
    "load": (listing.LOAD_USERS, {"user_ids": '["user 7", "user 9"]'}),
    **{
        f"all tables {number}: {' '.join(statement.text.split())[:60]}": (
            statement,
            {name: value for name, value in PERSON.items() if f":{name}" in statement.text},
        )
        for number, statement in enumerate(TABLES.statements())
    },
}

NUMBERS = "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 40000)"
APP = "case n % 2 when 0 then 'public' else 'other' end"
#: Enough people of two apps that a scan of all is dear.
FILL = [
    f"""insert into {{tenants}} (app_id, tenant_id) {NUMBERS}
        select {APP}, 'tenant ' || (n / 2) from numbers where n < 20""",
    f"insert into {{users}} (app_id, user_id, time_joined_ms) {NUMBERS} select {APP}, 'user ' || n, n / 3 from numbers",
    f"""insert into {{login_methods}} (app_id, recipe_user_id, user_id, recipe_id, email, email_domain, third_party_id,
                                       third_party_user_id, verified, time_joined_ms, user_joined_ms) {NUMBERS}
        select {APP}, 'user ' || n, 'user ' || n, case n % 5 when 0 then 'thirdparty' else 'emailpassword' end,
               'a' || n || '@d' || n || '.example', 'd' || n || '.example',
               case n % 5 when 0 then 'google' end, case n % 5 when 0 then '' || n end, 1, n / 3, n / 3 from numbers""",
    f"""insert into {{login_method_tenants}} (app_id, recipe_user_id, tenant_id, user_id, recipe_id, user_joined_ms)
        {NUMBERS} select {APP}, 'user ' || n, 'tenant ' || (n % 9 + 1), 'user ' || n,
               case n % 5 when 0 then 'thirdparty' else 'emailpassword' end, n / 3 from numbers""",
    f"""insert into {{user_metadata}} (app_id, user_id, metadata) {NUMBERS}
        select {APP}, 'user ' || n, 'none' from numbers""",
    f"""insert into {{user_id_mappings}} (app_id, former_user_id, user_id) {NUMBERS}
        select {APP}, 'former ' || n, 'user ' || n from numbers""",
    f"insert into {{roles}} (app_id, role) {NUMBERS} select {APP}, 'role' from numbers where n < 3",
    f"""insert into {{user_roles}} (app_id, tenant_id, user_id, role) {NUMBERS}
        select {APP}, 'tenant ' || (n % 9 + 1), 'user ' || n, 'role' from numbers""",
]
FILLED = ("users", "login_methods", "login_method_tenants", "user_metadata", "user_id_mappings", "user_roles")
SCANS = (
    r"SCAN (?!CONSTANT|\(?SUBQUERY|page VIRTUAL|json_each|m\b.*COVERING INDEX .*json)|USE TEMP B-TREE"
    r"|SEARCH (?!users\b.*users_by_joining).*\(app_id=\?\)"  # which is everybody; but for a page, which ends soon
)


@pytest.fixture
async def filled(db: Database) -> Database:
    """A database with many people, and what its planner should know of them."""
    packages = [*CORE_MIGRATION_PACKAGES, *(package for recipe in RECIPES for package in recipe.migration_packages)]
    await migrate(db, load_migrations(packages))

    async def fill(tx: Transaction) -> None:
        for text in FILL:
            await tx.execute(Statement(text))
        if db.rendering.dialect == "postgres":
            for table in FILLED:
                await tx.execute(Statement(f"analyze {{{table}}}"))

    await db.write(fill)
    return db


async def test_an_index_is_searched_for_everything_about_people(filled: Database) -> None:
    """No table with people in it is read whole, and no page is sorted to find its first rows."""
    wrong: dict[str, list[str]] = {}
    for name, (statement, parameters) in WALKS.items():
        values = {"app_id": "public", **parameters}
        bad = await sqlite_plan(filled, statement, values, name) or await postgres_plan(filled, statement, values, name)
        if bad:
            wrong[name] = bad
    assert {} == wrong


async def sqlite_plan(db: Database, statement: Statement, values: dict[str, Any], name: str) -> list[str]:
    """What is wrong with the plan of SQLite."""
    if db.rendering.dialect != "sqlite":
        return []
    plan = [row["detail"] for row in await explain(db, "explain query plan ", statement, values)]
    sorts = name.startswith("all tables")  # an export sorts one person's few rows
    return [line for line in plan if re.match(SCANS, line) and not (sorts and "ORDER BY" in line)]


async def postgres_plan(db: Database, statement: Statement, values: dict[str, Any], name: str) -> list[str]:
    """What is wrong with the plan of PostgreSQL; tables that hold next to nothing here are read as it likes."""
    if db.rendering.dialect != "postgres":
        return []
    plan = [row["QUERY PLAN"] for row in await explain(db, "explain ", statement, values)]
    scans = [line for line in plan if "Seq Scan" in line and any(f" on {table}" in line for table in FILLED)]
    sorts = [line for line in plan if "Sort Key" in line and not name.startswith("all tables")]
    return scans + sorts


async def explain(db: Database, how: str, statement: Statement, values: dict[str, Any]) -> list[Row]:
    """What the database means to do."""
    return await db.write(lambda tx: tx.list(Statement(how + statement.text), **values))
