"""Each statement of the feed and the sweeper is a descent in an index, on both databases, at any number of rows."""

import re
from typing import Any

import pytest

from tests.sessions.nodes import make_tables
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.sessions.information import LIST_HANDLES
from watchword.sessions.revoke import DELETE_SESSION, DELETE_SESSIONS_OF_USER
from watchword.sessions.revoked_rows import LIST_REVOKED_AFTER, LIST_REVOKED_SINCE
from watchword.sessions.sweeper import DELETE_ENDED_SESSIONS, DELETE_OLD_REVOKED, TAKE_LEASE

STATEMENTS: dict[str, tuple[Statement, dict[str, Any]]] = {
    "first page": (LIST_REVOKED_SINCE, {"since_ms": 0, "overlap_ms": 2_000, "page_size": 10}),
    "next page": (LIST_REVOKED_AFTER, {"revoked_at_ms": 5, "handle": "a", "page_size": 10}),
    "ended sessions": (DELETE_ENDED_SESSIONS, {"ended_by_ms": 5, "batch_size": 10}),
    "old handles": (DELETE_OLD_REVOKED, {"revoked_by_ms": 5, "batch_size": 10}),
    "lease": (TAKE_LEASE, {"name": "n", "holder": "h", "for_ms": 5}),
    "end one": (DELETE_SESSION, {"handle": "a"}),
    "end all of a user": (
        DELETE_SESSIONS_OF_USER,
        {"user_id": "a", "tenant_id": None, "recipe_user_id": None, "except_handle": None},
    ),
    "list those of a user": (LIST_HANDLES, {"user_id": "a", "tenant_id": None, "now_ms": 5}),
}

#: What each search of an index is narrowed by, beside the app.
BOUNDS = {
    "first page": ["revoked_at_ms"],
    "next page": ["revoked_at_ms"],
    "ended sessions": ["handle", "expires_at_ms"],
    "old handles": ["revoked_at_ms", "revoked_at_ms"],
    "lease": [],
    "end one": ["handle"],
    "end all of a user": ["user_id"],
    "list those of a user": ["user_id"],
}
#: Answers that are put in order when they are found: the few rows of one user.
SORTED = {"list those of a user"}
#: What SQLite says where it reads a whole table, or sorts; what it makes itself, for a subquery, it may scan.
SCANS = r"SCAN (?!CONSTANT|\(?SUBQUERY)"
SORTS = r"USE TEMP B-TREE|.*Sort Key"
TABLES = ("sessions", "revoked_handles", "leases")

#: Enough rows for a scan of all to be dear, of two apps, as one app alone would hide an index that lacks it.
FILL = (
    Statement("""
        insert into {sessions} (app_id, tenant_id, handle, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
                                created_at_ms, expires_at_ms, jwt_payload, payload_version, session_data)
        with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 10000)
        select case n % 2 when 0 then 'public' else 'other' end, 'public', 'handle ' || n, 'user ' || n, 'user ' || n,
               :hash, 0, n, n, n * 1000, '', 0, '' from numbers
    """),
    Statement("""
        insert into {revoked_handles} (app_id, revoked_at_ms, handle)
        with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 10000)
        select case n % 2 when 0 then 'public' else 'other' end, n * 1000, 'handle ' || n from numbers
    """),
    Statement("""
        insert into {leases} (app_id, name, holder, until_ms)
        with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 10000)
        select 'public', 'name ' || n, 'holder', n from numbers
    """),
)


@pytest.fixture
async def filled(db: Database) -> Database:
    """A database with many rows, and what its planner should know of them."""
    await make_tables(db)

    async def fill(tx: Transaction) -> None:
        for statement in FILL:
            parameters = {"hash": bytes(32)} if ":hash" in statement.text else {}
            await tx.execute(statement, **parameters)
        if db.rendering.dialect == "postgres":
            for table in TABLES:
                await tx.execute(Statement(f"analyze {{{table}}}"))

    await db.write(fill)
    return db


@pytest.mark.parametrize("name", STATEMENTS)
async def test_an_index_is_searched(filled: Database, name: str) -> None:
    """No table is read whole, and nothing is sorted to find the first rows."""
    statement, parameters = STATEMENTS[name]
    values = {"app_id": "public", **parameters}
    if filled.rendering.dialect == "sqlite":
        plan = [row["detail"] for row in await explain(filled, "explain query plan ", statement, values)]
        assert [] == [line for line in plan if re.match(SCANS, line)]
        found = [line for line in plan if line.startswith("SEARCH")]
    else:
        plan = [row["QUERY PLAN"] for row in await explain(filled, "explain ", statement, values)]
        assert [] == [line for line in plan if "Seq Scan" in line]
        found = [line for line in plan if "Index Cond" in line]
    assert name in SORTED or [] == [line for line in plan if re.match(SORTS, line)]
    bounds = BOUNDS[name]
    assert len(bounds) <= len(found)
    assert all(any(bound in line for bound in bounds) for line in found), "searched for the app alone"
    assert all(any(bound in line for line in found) for bound in bounds)


async def explain(db: Database, how: str, statement: Statement, values: dict[str, Any]) -> list[Row]:
    """What the database means to do."""
    return await db.write(lambda tx: tx.list(Statement(how + statement.text), **values))
