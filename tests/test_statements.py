"""Every SQL statement of the product, prepared on both databases after all migrations: a typo cannot survive."""

import importlib
import pkgutil
import re
import sqlite3
from pathlib import Path

import asyncpg
import pytest

import watchword
from watchword.database.migrations import Migration, load_migrations, migrate
from watchword.database.open import open_database
from watchword.database.rendering import Rendering, table_names
from watchword.database.statements import Statement

PREFIX = "ww_"
FIRST_PACKAGES = ["watchword.accounts", "watchword.sessions"]  # the recipes' tables refer to theirs


def all_statements() -> dict[str, Statement]:
    """The module-level statements of every module of the package, by their full names; those in a `dict` as well."""
    found: dict[str, Statement] = {}
    for module in (importlib.import_module(name) for name in module_names()):
        for name, value in vars(module).items():
            members = value.items() if isinstance(value, dict) else [(None, value)]
            found |= {
                f"{module.__name__}.{name}" + ("" if key is None else f"[{key}]"): member
                for key, member in members
                if isinstance(member, Statement)
            }
    return found


def module_names() -> list[str]:
    """Every module under `watchword` that can be imported without doing anything."""

    def fail(name: str) -> None:
        raise ImportError(name)

    walked = pkgutil.walk_packages(watchword.__path__, "watchword.", onerror=fail)
    return [module.name for module in walked if not module.name.endswith("__main__")]


def all_migrations() -> list[Migration]:
    """The migrations of every package that has some, those of tables that others refer to first."""
    root = Path(watchword.__path__[0])
    folders = sorted({file.parent.parent for file in root.rglob("migrations/*.sql")})
    packages = [".".join(("watchword", *folder.relative_to(root).parts)) for folder in folders]
    return load_migrations(list(dict.fromkeys([*FIRST_PACKAGES, *packages])))


STATEMENTS = all_statements()


async def make_tables(url: str, schema: str | None) -> Rendering:
    """Apply all migrations, with a prefix; returns how names are spelt there."""
    database = open_database(url, schema=schema, table_prefix=PREFIX)
    await database.start()
    try:
        await migrate(database, all_migrations())
    finally:
        await database.stop()
    return database.rendering


async def test_every_statement_is_prepared_by_sqlite(sqlite_url: str) -> None:
    """Each module-level statement parses, and its tables and columns exist, on SQLite."""
    rendering = await make_tables(sqlite_url, None)
    problems: dict[str, str] = {}

    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    for name, statement in STATEMENTS.items():
        compiled = rendering.compile(statement)
        try:
            connection.execute(f"explain {compiled.text}", [None] * len(compiled.names)).fetchall()
        except sqlite3.Error as error:
            problems[name] = str(error)
    connection.close()

    assert {} == problems


async def test_every_statement_is_prepared_by_postgresql(postgres_url: str) -> None:
    """Each module-level statement parses, tables and columns exist, and all types are known, on PostgreSQL."""
    rendering = await make_tables(postgres_url, "signin")
    problems: dict[str, str] = {}

    connection = await asyncpg.connect(postgres_url)
    for name, statement in STATEMENTS.items():
        try:
            await connection.prepare(rendering.compile(statement).text)
        except asyncpg.PostgresError as error:
            problems[name] = str(error)
    await connection.close()

    assert {} == problems


async def columns_of(sqlite_url: str) -> dict[str, set[str]]:
    """The columns of every table after all migrations, by the table's name without prefix."""
    await make_tables(sqlite_url, None)
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
    columns = {
        table.removeprefix(PREFIX): {row[1] for row in connection.execute(f"pragma table_info({table})")}
        for table in tables
    }
    connection.close()
    return columns


async def test_every_statement_on_a_table_with_an_app_id_names_it(sqlite_url: str) -> None:
    """No statement reaches over all applications by forgetting its condition (TN-1)."""
    columns = await columns_of(sqlite_url)
    scoped = {table for table, names in columns.items() if "app_id" in names}

    assert {"users", "login_methods", "sessions", "signing_keys"} <= scoped
    assert {"schema_migrations"} == columns.keys() - scoped, "a table without app_id"
    assert [] == [
        name
        for name, statement in STATEMENTS.items()
        if table_names(statement.text) & scoped and ":app_id" not in statement.text
    ]


#: One thing, of whatever tenant: a session, a person, a login method, a mail. Whoever knows its random name has it.
ONE_THING = re.compile(r":(handle|user_id|recipe_user_id|mail_id)\b")
#: What is for all tenants of an application, and why.
FOR_ALL_TENANTS = {
    "accounts.listing.LOAD_USERS": "people whom a statement before it has chosen, with all tenants that they are in",
    "accounts.tenants.LIST_TENANTS": "the list of all of them, for the operator",
    "audit.": "an application has one log and one chain",
    "delivery.courier.": "a courier carries the mail of all",
    "delivery.outbox.GET_PROGRESS": "how many mails wait",
    "delivery.outbox.LIST_DEAD": "mails that were given up, for the operator",
    "recipes.emailpassword.reset_operations.DELETE_EXPIRED_RESET_TOKENS": "removes what is over",
    "recipes.emailverification.operations.DELETE_EXPIRED_TOKENS": "removes what is over",
    "recipes.emailverification.change_operations.DELETE_EXPIRED_TOKENS": "removes what is over",
    "sessions.sweeper.DELETE_ENDED_SESSIONS": "removes what is over",
    "transfer.exporting.": "an export is of all",
}


async def test_every_statement_on_a_table_with_a_tenant_names_it(sqlite_url: str) -> None:
    """No statement reaches over the tenants of an application, but where it is written down why (TN-1)."""
    scoped = {table for table, names in (await columns_of(sqlite_url)).items() if "tenant_id" in names}
    without = {
        name.removeprefix("watchword.")
        for name, statement in STATEMENTS.items()
        if table_names(statement.text) & scoped
        and ":tenant_id" not in statement.text
        and not ONE_THING.search(statement.text)
    }

    assert {"sessions", "emailpassword_emails", "thirdparty_users", "password_reset_tokens"} <= scoped
    assert set() == {name for name in without if not name.startswith(tuple(FOR_ALL_TENANTS))}
    assert set() == {reason for reason in FOR_ALL_TENANTS if not any(name.startswith(reason) for name in without)}


@pytest.mark.parametrize(
    "room", ["accounts.", "sessions.", "delivery.", "recipes.emailpassword.", "recipes.thirdparty."]
)
def test_the_walk_finds_statements_in_every_room(room: str) -> None:
    """The checks above look at something: each room that owns tables is among what they found."""
    assert any(name.startswith(f"watchword.{room}") for name in STATEMENTS)
