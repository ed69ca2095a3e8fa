"""Filling a database with users and sessions by the million: plain SQL, one statement a table."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing

from watchword import Watchword
from watchword.database.database import Transaction
from watchword.database.rendering import Compiled, Dialect
from watchword.database.statements import Statement

HASH = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8"


SESSION_COLUMNS = """{sessions} (app_id, tenant_id, handle, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
    created_at_ms, expires_at_ms, ends_at_ms, jwt_payload, payload_version, session_data)"""
MADE_MS, ENDS_MS = 1_700_000_000_000, 4_000_000_000_000
WITHOUT_CHECKS = Statement("set local session_replication_role = replica")


def email_of(number: int) -> str:
    """The address of one of the crowd."""
    return f"person{number}@example.com"


def user_id_of(number: int) -> str:
    """The id of one of the crowd."""
    return f"crowd-{number}"


async def add_crowd(auth: Watchword, url: str, first: int, count: int, step: Callable[[str], None]) -> None:
    """Add users with a password and one session each, numbered from `first` on."""
    db = auth.session_recipe.session_engine.db
    numbers = {"first": first, "last": first + count - 1}
    if db.rendering.dialect == "sqlite":
        statements = [db.rendering.compile(statement) for statement in _statements("sqlite")]
        await asyncio.to_thread(_fill_file, url.removeprefix("sqlite:///"), statements, numbers)
    else:

        async def fill(tx: Transaction) -> None:
            await tx.execute(WITHOUT_CHECKS)  # rows that agree with each other need not be looked up singly
            for statement in _statements("postgres"):
                await tx.execute(statement, **numbers)

        await db.write(fill)
    step("filling databases")


def _fill_file(path: str, statements: list[Compiled], numbers: dict[str, int]) -> None:
    """By a connection of our own, which need not be safe: nobody will miss these rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous = off", "foreign_keys = off", "cache_size = -1000000", "busy_timeout = 10000"):
            connection.execute(f"pragma {pragma}")
        connection.execute("begin immediate")
        for statement in statements:
            connection.execute(statement.text, statement.bind(numbers))
        connection.execute("commit")


def _statements(dialect: Dialect) -> list[Statement]:
    numbers = "with recursive n(i) as (select :first union all select i + 1 from n where i < :last) "
    random_bytes, random_text = "randomblob(32)", "lower(hex(randomblob(12)))"
    if dialect == "postgres":
        numbers = "with n(i) as (select generate_series(cast(:first as bigint), cast(:last as bigint))) "
        random_bytes, random_text = "sha256(random()::text::bytea)", "md5(random()::text)"
    user, email = "'crowd-' || i", "'person' || i || '@example.com'"
    session = f"'public', 'public', {random_text}, {user}, {user}, {random_bytes}, 0, {MADE_MS} + i, {MADE_MS} + i,"
    session += f" {ENDS_MS} + i, {ENDS_MS} + i, '{{}}', 1, '{{}}'"
    return [
        Statement(f"insert into {table} {numbers} select {columns} from n where true")
        for table, columns in (
            ("{users} (app_id, user_id, time_joined_ms)", f"'public', {user}, {MADE_MS} + i"),
            (
                """{login_methods} (app_id, recipe_user_id, user_id, recipe_id, email, email_domain, verified,
                    time_joined_ms, user_joined_ms)""",
                f"'public', {user}, {user}, 'emailpassword', {email}, 'example.com', 0, {MADE_MS} + i, {MADE_MS} + i",
            ),
            (
                "{login_method_tenants} (app_id, recipe_user_id, tenant_id, user_id, recipe_id, user_joined_ms)",
                f"'public', {user}, 'public', {user}, 'emailpassword', {MADE_MS} + i",
            ),
            ("{emailpassword_users} (app_id, recipe_user_id, password_hash)", f"'public', {user}, '{HASH}'"),
            (
                "{emailpassword_emails} (app_id, tenant_id, email, recipe_user_id)",
                f"'public', 'public', {email}, {user}",
            ),
            (SESSION_COLUMNS, session),
        )
    ]
