"""How each SQL statement of the product finds its rows: by an index, on both databases, or the reason stands here."""

import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import asyncpg

from tests.test_statements import PREFIX, STATEMENTS, make_tables
from watchword.database.rendering import Compiled

ROWS = 5_000  # enough for PostgreSQL to prefer an index, and made in a second

#: Tables that do not grow with users or sessions: reading them whole is as good as an index.
SMALL = {
    "schema_migrations", "tenants", "tenant_providers", "signing_keys", "leases", "audit_chains", "roles",
    "role_permissions", "nodes",
}  # fmt: skip

#: Statements that are to read much of a table, and why. None of them runs in a request.
READ_MUCH = {
    "delivery.courier.BRING_FORWARD": "runs once, after a clock ran ahead",
    "sessions.keys.KEEP_KEYS_LONGER": "runs once, when tokens are to live longer",
    "transfer.exporting.PAGE_OF_USERS": "a page after the other, of all users",
    "transfer.exporting.ROLES_OF_PAGE": "a page after the other, of all users",
    "accounts.listing.LOAD_USERS": "a page; by the index among more rows, as recipes/users/test_query_plans.py shows",
    "accounts.listing.COUNTS": "counts users, for an operator",
    "delivery.outbox.GET_PROGRESS": "counts what waits, for a metric",
    "sessions.revoke.DELETE_SESSIONS_OF_TENANT": "a whole tenant, for an operator; an index would cost sign-ins",
    "sessions.story.FIND_REVOKED": "asked by `watchword why`, of rows that are kept for two hours",
    "delivery.outbox.LIST_DEAD": "lists what was given up, for an administrator",
}

#: Statements that read the first entries of an index, of which the plan tells no more than the application.
FIRST_OF_INDEX = {"delivery.courier.FIND_NEXT_DUE"}

#: What PostgreSQL is asked with where the seventeenth row's values would not be those of real life.
VALUES: dict[str, Any] = {
    **dict.fromkeys(("at_most", "most", "batch_size", "for_ms"), 10),
    **dict.fromkeys(("since_ms", "revoked_at_ms"), ROWS - 10),
}

PLANNED = {name: statement for name, statement in STATEMENTS.items() if "create table" not in statement.text}


def grown(table: str) -> bool:
    """Whether a table has as many rows as there are users, sessions, mails or events."""
    return table.removeprefix(PREFIX) not in SMALL


async def test_sqlite_searches_by_an_index(sqlite_url: str) -> None:
    """No statement reads a growing table from end to end, nor all of an application's rows in it."""
    rendering = await make_tables(sqlite_url, None)
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    problems: dict[str, list[str]] = {}
    for name, statement in PLANNED.items():
        compiled = rendering.compile(statement)
        plan = connection.execute(f"explain query plan {compiled.text}", [None] * len(compiled.names)).fetchall()
        aliases = dict(re.findall(rf"({PREFIX}\w+) (?:as )?(\w+)", compiled.text))
        bad = list(bad_steps_of_sqlite([row[3] for row in plan], tables, {v: k for k, v in aliases.items()}))
        if bad and short(name) not in READ_MUCH.keys() | FIRST_OF_INDEX:
            problems[name] = bad
    connection.close()
    assert {} == problems


def bad_steps_of_sqlite(steps: list[str], tables: set[str], aliases: dict[str, str]) -> Iterator[str]:
    """Steps that read all of a growing table, or all that an application has in it."""
    for step in steps:
        found = re.match(r"(SCAN|SEARCH) (\w+)(.*)", step)
        if found is None:
            continue
        how, name, rest = found.groups()
        table = name if name in tables else aliases.get(name, "")
        whole = how == "SCAN" or rest.endswith("(app_id=?)")
        if table in tables and grown(table) and whole:
            yield step


async def test_postgresql_searches_by_an_index(postgres_url: str) -> None:
    """The same on PostgreSQL, with tables that hold something and the statistics of what they hold."""
    rendering = await make_tables(postgres_url, "signin")
    problems: dict[str, list[str]] = {}
    connection: Any = await asyncpg.connect(postgres_url)
    try:
        await fill(connection)
        for name, statement in PLANNED.items():
            bad = list(bad_nodes_of_postgresql(await plan_of(connection, rendering.compile(statement))))
            if bad and short(name) not in READ_MUCH.keys() | FIRST_OF_INDEX:
                problems[name] = bad
    finally:
        await connection.close()
    assert {} == problems


async def fill(connection: Any, *, rows: int = ROWS, analyze: bool = True) -> None:
    """Put rows into every table that grows: in row 17, each column of text has the value `<column>17`."""
    await connection.execute("set session_replication_role = replica")  # rows need no parents here
    columns = await connection.fetch(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'signin' order by table_name, ordinal_position"
    )
    for table in sorted({row["table_name"] for row in columns}):
        if not grown(table):
            continue
        for row in await connection.fetch(
            "select conname from pg_constraint where contype = 'c' and conrelid = $1::text::regclass",
            f"signin.{table}",
        ):
            await connection.execute(f'alter table signin.{table} drop constraint "{row["conname"]}"')
        named = [(row["column_name"], row["data_type"]) for row in columns if row["table_name"] == table]
        values = ", ".join(value_of(column, kind) for column, kind in named)
        names = ", ".join(column for column, _ in named)
        await connection.execute(
            f"insert into signin.{table} ({names}) select {values} from generate_series(1, {rows}) as g"  # noqa: S608 - names of ours
        )
    if analyze:
        await connection.execute("analyze")


def value_of(column: str, kind: str) -> str:
    """What a column holds in row `g`."""
    if column in ("app_id", "tenant_id"):
        return "'public'"
    kinds = {"text": f"'{column}' || g", "bytea": "sha256(g::text::bytea)", "smallint": "0", "boolean": "false"}
    value = kinds.get(kind, "g")
    is_rare = column.startswith("dead_")  # few mails are given up
    return f"case when g % 100 = 17 then {value} end" if is_rare else value


async def plan_of(connection: Any, compiled: Compiled) -> dict[str, Any]:
    """How PostgreSQL runs a statement that asks for row 17."""
    prepared = await connection.prepare(compiled.text)
    kinds = [parameter.name for parameter in prepared.get_parameters()]
    values = [seventeenth(name, kind) for name, kind in zip(compiled.names, kinds, strict=True)]
    rows = await connection.fetch(f"explain (format json) {compiled.text}", *values)
    return json.loads(rows[0][0])[0]["Plan"]


def seventeenth(name: str, kind: str) -> Any:
    """The value of a parameter that asks for row 17."""
    if name in VALUES:
        return VALUES[name]
    if kind in ("json", "jsonb"):
        return '["handle17"]'
    if kind in ("text", "varchar"):
        return "public" if name in ("app_id", "tenant_id") else f"{name}17"
    if kind == "bytea":
        return b"\x17" * 32
    return False if kind == "bool" else 17


def bad_nodes_of_postgresql(node: dict[str, Any]) -> Iterator[str]:
    """As `bad_steps_of_sqlite`, of a plan and all that is in it."""
    table = node.get("Relation Name")
    if table is not None and grown(table) and node["Node Type"] != "ModifyTable":
        condition = node.get("Index Cond", "") or node.get("Recheck Cond", "")
        if not re.sub(r"\(?app_id = [^)]*\)?", "", condition).strip("() AND"):
            yield f"{node['Node Type']} on {table} {condition}"
    for inner in node.get("Plans", ()):
        yield from bad_nodes_of_postgresql(inner)


def short(name: str) -> str:
    """The name of a statement as it stands in the tables above."""
    return name.removeprefix("watchword.").replace("recipes.", "", 1).partition("[")[0]


def test_each_exception_is_a_statement() -> None:
    """What is let off exists: a statement that goes takes its exception along."""
    assert set() == READ_MUCH.keys() - {short(name) for name in STATEMENTS}
