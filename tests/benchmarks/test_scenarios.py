"""`make bench` measures what it says: each operation of Watchword and of the floor, with its answers checked."""

import dataclasses
import os
from pathlib import Path

import pytest

from benchmarks.contenders.contender import Contender, DatabaseKind
from benchmarks.contenders.floor.client import FloorContender
from benchmarks.contenders.watchword.client import WatchwordContender
from benchmarks.environments import install
from benchmarks.form import SHORT
from benchmarks.http import UnexpectedAnswer
from benchmarks.inside.growth import measure_growth
from benchmarks.inside.refresh import TOGETHER, measure_refresh
from benchmarks.inside.verify import measure_verify
from benchmarks.load import OPERATIONS, Load
from benchmarks.servers import PostgresForBench, serving
from tests.conftest import Postgres

TINY = dataclasses.replace(
    SHORT, rounds=1, people=8, requests=8, refreshes=8, visits=1, calls=4, sizes=(20, 40), memory_requests=80
)


@pytest.fixture
async def postgres_for_bench(postgres: Postgres) -> PostgresForBench:
    """The server of the tests as the benchmarks know theirs; this process stands in for its own, as they may differ."""
    return PostgresForBench(postgres.admin_url, os.getpid(), "")


@pytest.mark.parametrize("contender", [WatchwordContender(), FloorContender()], ids=lambda one: one.folder)
async def test_each_operation_does_what_it_says_over_http(contender: Contender, database_url: str) -> None:
    """People get in, strangers do not, sign-out ends it, and every operation has a cost."""
    kind: DatabaseKind = "sqlite" if database_url.startswith("sqlite") else "postgres"
    async with serving(contender, install(contender).folder, kind, database_url) as server:
        load = Load(server, None, TINY)
        try:
            await load.check()
            load.renew_people()
            costs = {operation: await load.measure(operation) for operation in OPERATIONS if contender.has(operation)}
        finally:
            await load.close()
    assert all(cost.cpu_ms > 0 and cost.latency_ms > 0 for cost in costs.values())


async def test_a_wrong_answer_ends_the_run(sqlite_url: str) -> None:
    """An error that costs little is never measured as if it were the operation."""
    contender = WatchwordContender()
    async with serving(contender, install(contender).folder, "sqlite", sqlite_url) as server:
        load = Load(server, None, TINY)
        load.renew_people()  # people without an account
        with pytest.raises(UnexpectedAnswer, match="401 instead of 200"):
            await load.measure("verify")
        await load.close()


async def test_the_functions_inside_a_process_are_measured(
    tmp_path: Path, postgres_for_bench: PostgresForBench
) -> None:
    """Verifying, refreshing beside the floor, and growth have costs in each round, on the real functions."""
    verify = await measure_verify(TINY, tmp_path)
    assert all(len(costs) == 1 and costs[0] > 0 for costs in dataclasses.asdict(verify).values())
    refresh = await measure_refresh(TINY, "sqlite", tmp_path, postgres_for_bench)
    assert all(len(costs) == 1 and costs[0] > 0 for costs in dataclasses.asdict(refresh).values())
    assert refresh.commits[0] <= TOGETHER
    growth = await measure_growth(TINY, "sqlite", tmp_path, postgres_for_bench, lambda _: None)
    assert growth.few_us.keys() == growth.many_us.keys()
    assert all(costs[0] > 0 for costs in growth.few_us.values())


async def test_the_crowd_fits_the_tables_of_postgresql(postgres_for_bench: PostgresForBench, tmp_path: Path) -> None:
    """Filling by plain SQL goes on working when a migration changes a table."""
    growth = await measure_growth(TINY, "postgres", tmp_path, postgres_for_bench, lambda _: None)
    assert growth.many_us
