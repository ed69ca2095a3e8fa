"""What nodes cost the database while nothing happens, counted by PostgreSQL itself."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.idle import COUNTING, Cost, Watcher, idle_nodes
from tests.services.pgbouncer import running_pgbouncer
from tests.services.postgres import PostgresServer, running_server

NODES = 10
LONG_ENOUGH_SECONDS = 120


@pytest.fixture(scope="module")
def counting_postgres() -> Iterator[PostgresServer]:
    """A server that counts statements."""
    with running_server(COUNTING) as server:
        yield server


async def until(watcher: Watcher, is_so: Callable[[Cost], bool]) -> Cost:
    """Look until it is so."""
    async with asyncio.timeout(LONG_ENOUGH_SECONDS):
        while not is_so(cost := await watcher.look()):  # noqa: ASYNC110  the server counts, and does not call
            await asyncio.sleep(0.1)
    return cost


async def test_a_hundred_nodes_cost_a_few_hundred_statements_a_second(counting_postgres: PostgresServer) -> None:
    """At most three statements a second for each node, and one connection that listens beside its pool."""
    url = counting_postgres.create_database()
    async with idle_nodes(NODES, url, counting_postgres.admin_url) as watcher:
        await until(watcher, lambda cost: cost.listening == NODES)
        await watcher.begin()
        cost = await until(watcher, lambda cost: sum(cost.statements.values()) >= 6 * NODES)
        assert 3 * NODES >= cost.statements_a_second, cost
        assert NODES == cost.listening
        assert 4 * NODES >= cost.connections


async def test_behind_pgbouncer_they_cost_a_few_hundred_transactions(counting_postgres: PostgresServer) -> None:
    """Nobody can call there: each node looks twice a second. At most four transactions a second for each.

    Each has four statements: one that opens it, the settings, what is asked, the commit.
    """
    url = counting_postgres.create_database()
    with running_pgbouncer(url, {"default_pool_size": "4"}) as pooler:
        async with idle_nodes(NODES, pooler.url(url), counting_postgres.admin_url) as watcher:
            await watcher.begin()
            cost = await until(watcher, lambda cost: cost.statements.get("commit", 0) >= 9 * NODES)
            assert 4 * NODES >= cost.statements["commit"] / cost.seconds, cost
            assert 4 * cost.statements["commit"] + 2 * NODES >= sum(cost.statements.values()), cost
            assert (0, True) == (cost.listening, cost.connections <= 4)
