"""Refreshing: one after the other beside the floor, and many at the same time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from benchmarks.contenders.contender import DatabaseKind
from benchmarks.contenders.floor.work import INSERT_SESSION, Floor, PostgresStore, SqliteStore
from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_each_us
from benchmarks.inside.node import running_node
from benchmarks.inside.wal import count_commits
from benchmarks.servers import PostgresForBench
from watchword import Watchword
from watchword.sessions.refresh import refresh

TOGETHER = 32


@dataclass
class RefreshResults:
    """Microseconds, one of each round.

    `single_us` and `floor_us` are CPU of this process for refreshes one after the other, `together_us` for
    `TOGETHER` sessions refreshed at the same time; the two of wall time are what one refresh takes on average.
    `commits` is how many commits `TOGETHER` refreshes at the same time took, where that can be counted.
    """

    single_us: list[float] = field(default_factory=list)
    floor_us: list[float] = field(default_factory=list)
    together_us: list[float] = field(default_factory=list)
    single_wall_us: list[float] = field(default_factory=list)
    together_wall_us: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)


async def measure_refresh(
    form: Form, database: DatabaseKind, folder: Path, postgres: PostgresForBench
) -> RefreshResults:
    """Rounds of all three on one database."""
    results = RefreshResults()
    url = f"sqlite:///{folder / 'refresh.db'}"
    if database == "postgres":
        url = await postgres.create_database("refresh")
    async with running_node(url) as auth, _floor(database, folder, postgres) as floor:
        own, others = Chain(auth), FloorChain(floor)
        await own.begin()
        await others.begin()
        for number in range(form.rounds + 1):
            costs = await _measure_once(form, own, others)
            if database == "sqlite":
                costs["commits"] = await _count_commits(own, folder / "refresh.db")
            if number:
                for name, cost in costs.items():
                    getattr(results, name).append(cost)
    return results


async def _measure_once(form: Form, own: "Chain", others: "FloorChain") -> dict[str, float]:
    costs: dict[str, float] = {}
    costs["floor_us"] = await cpu_of_each_us(lambda: others.one_by_one(form.calls))
    started = time.perf_counter()
    costs["single_us"] = await cpu_of_each_us(lambda: own.one_by_one(form.calls))
    costs["single_wall_us"] = (time.perf_counter() - started) * 1e6 / form.calls
    started = time.perf_counter()
    rounds = max(1, form.calls // TOGETHER)
    costs["together_us"] = await cpu_of_each_us(lambda: own.together(rounds))
    costs["together_wall_us"] = (time.perf_counter() - started) * 1e6 / (rounds * TOGETHER)
    return costs


async def _count_commits(own: "Chain", file: Path) -> float:
    while True:
        name, before = count_commits(file)
        await own.together(1)
        name_after, after = count_commits(file)
        if name == name_after:  # else the log began anew in between
            return after - before


class Chain:
    """Sessions of Watchword that are refreshed again and again, each with the token it got last."""

    def __init__(self, auth: Watchword) -> None:
        self._recipe = auth.session_recipe
        self._tokens: list[str] = []

    async def begin(self) -> None:
        """Start the sessions."""
        for number in range(TOGETHER):
            session = await self._recipe.create_new_session(f"user-{number}", jwt_payload={}, session_data={})
            issued = session.issued
            assert issued is not None
            self._tokens.append(issued.refresh_token or "")

    async def one_by_one(self, calls: int) -> int:
        """Refresh the sessions in turns; one at a time."""
        for number in range(calls):
            await self._refresh(number % TOGETHER)
        return calls

    async def together(self, rounds: int) -> int:
        """Refresh all sessions at the same time."""
        for _ in range(rounds):
            await asyncio.gather(*(self._refresh(number) for number in range(TOGETHER)))
        return rounds * TOGETHER

    async def _refresh(self, number: int) -> None:
        granted = await refresh(self._recipe.session_engine, self._tokens[number])
        self._tokens[number] = granted.issued.refresh_token or ""


class FloorChain:
    """The same of the floor."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._token = ""

    async def begin(self) -> None:
        """Start a session."""
        tokens, stored = self._floor.new_tokens("user", "handle")
        await self._floor.store.run(INSERT_SESSION, "handle", "user", stored)
        self._token = tokens.refresh

    async def one_by_one(self, calls: int) -> int:
        """Refresh it."""
        for _ in range(calls):
            self._token = (await self._floor.refresh(self._token)).refresh
        return calls


@asynccontextmanager
async def _floor(database: DatabaseKind, folder: Path, postgres: PostgresForBench) -> AsyncIterator[Floor]:
    if database == "sqlite":
        store = SqliteStore(str(folder / "floor.db"))
        try:
            yield await _with_tables(Floor(store))
        finally:
            store.close()
        return
    async with asyncpg.create_pool(await postgres.create_database("floor"), min_size=1, max_size=1) as pool:
        yield await _with_tables(Floor(PostgresStore(pool)))


async def _with_tables(floor: Floor) -> Floor:
    await floor.make_tables()
    return floor
