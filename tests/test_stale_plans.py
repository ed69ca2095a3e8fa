"""PostgreSQL keeps a plan that it made when the tables were empty; it must not cost more than their rows then."""

import json
from typing import Any

import asyncpg

from tests.test_query_plans import PLANNED, READ_MUCH, fill, seventeenth, short
from tests.test_statements import make_tables

ROWS = 300
MOST_PAGES = 3 * ROWS  # a plan that reads all rows again for each row reads 90 000, and more


async def test_no_plan_of_the_first_minute_reads_tables_many_times(postgres_url: str) -> None:
    """Between the first sign-ups and the first statistics, each statement reads each row a few times at most.

    A connection plans its statements once. Of an empty table without statistics PostgreSQL believes that the id of
    the application alone finds one row, so it may join people with people by nothing else: the first hundred people
    of a new installation cost a sign-in ten thousand index searches until autovacuum came.
    """
    rendering = await make_tables(postgres_url, "signin")
    connection: Any = await asyncpg.connect(postgres_url)
    pages: dict[str, int] = {}
    try:
        await fill(connection, rows=0, analyze=False)
        await connection.execute("set plan_cache_mode = force_generic_plan")
        calls: dict[str, str] = {}
        for number, (name, statement) in enumerate(PLANNED.items()):
            compiled = rendering.compile(statement)
            kinds = await parameters_of(connection, compiled.text)
            await connection.execute(f"prepare s{number} as {compiled.text}")
            values = [seventeenth(*named) for named in zip(compiled.names, kinds, strict=True)]
            calls[name] = f"execute s{number}" + (f"({', '.join(map(literal, values))})" if values else "")
            await connection.execute(f"explain {calls[name]}")  # the plan is made here, and kept
        await fill(connection, rows=ROWS, analyze=False)
        for name, call in calls.items():
            pages[name] = await pages_read(connection, call)
    finally:
        await connection.close()
    assert {} == {n: read for n, read in pages.items() if read > MOST_PAGES and short(n) not in READ_MUCH}


async def parameters_of(connection: Any, text: str) -> list[str]:
    """The types of a statement's parameters."""
    prepared = await connection.prepare(text)
    return [parameter.name for parameter in prepared.get_parameters()]


def literal(value: Any) -> str:
    """A value as it stands in SQL."""
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


async def pages_read(connection: Any, call: str) -> int:
    """How many pages a call reads, each time it does; what it changes is taken back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        rows = await connection.fetch(f"explain (analyze, buffers, timing off, format json) {call}")
    except asyncpg.IntegrityConstraintViolationError:  # inserts a row that is there, and looked for nothing
        return 0
    finally:
        await transaction.rollback()
    plan = json.loads(rows[0][0])[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
