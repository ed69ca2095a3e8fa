"""The contenders over HTTP, all up at once, measured in turns: what disturbs one round disturbs it for all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.contenders.contender import Contender, DatabaseKind, Operation
from benchmarks.contenders.floor.work import hash_password
from benchmarks.environments import Installed
from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_this_process_ms
from benchmarks.load import OPERATIONS, Cost, Load
from benchmarks.servers import PostgresForBench, serving

T = TypeVar("T")
Step = Callable[[str], None]
Key = tuple[str, DatabaseKind, Operation]


@dataclass
class HttpResults:
    """Costs by contender, database and operation, one of each round; and what the bare hash cost in these rounds."""

    costs: dict[Key, list[Cost]] = field(default_factory=dict)
    hash_cpu_ms: dict[DatabaseKind, list[float]] = field(default_factory=dict)


@asynccontextmanager
async def all_serving(
    form: Form,
    contenders: list[tuple[Contender, Installed]],
    database: DatabaseKind,
    folder: Path,
    postgres: PostgresForBench,
) -> AsyncIterator[list[Load]]:
    """Every contender up, each on an empty database of its own, and seen to do what it should."""
    async with AsyncExitStack() as up:
        loads: list[Load] = []
        for number, (contender, installed) in enumerate(contenders):
            name = f"bench_{number}"
            url = f"sqlite:///{folder / name}.db" if database == "sqlite" else await postgres.create_database(name)
            server = await up.enter_async_context(serving(contender, installed.folder, database, url))
            load = Load(server, postgres.pid if database == "postgres" else None, form)
            up.push_async_callback(load.close)
            await load.check()
            loads.append(load)
        yield loads


def count_steps(form: Form, loads: Iterable[Contender]) -> int:
    """How many steps `measure_in_turns` takes."""
    return (form.rounds + 1) * sum(contender.has(operation) for contender in loads for operation in OPERATIONS)


async def measure_in_turns(
    form: Form, database: DatabaseKind, loads: list[Load], postgres: PostgresForBench, results: HttpResults, step: Step
) -> None:
    """Rounds of everything; the order turns from round to round, and the first round warms up."""
    with ThreadPoolExecutor(2) as hashing:
        await _measure_round(form, database, loads, 0, HttpResults(), hashing, step)
        if database == "postgres":
            for load in loads:
                await postgres.vacuum(load.server.database_url)
        for number in range(1, form.rounds + 1):
            await _measure_round(form, database, loads, number, results, hashing, step)


async def _measure_round(
    form: Form,
    database: DatabaseKind,
    loads: list[Load],
    number: int,
    results: HttpResults,
    hashing: ThreadPoolExecutor,
    step: Step,
) -> None:
    for load in loads:
        load.renew_people()
    for operation in OPERATIONS:
        for load in _turned(loads, number):
            contender = load.server.contender
            if contender.has(operation):
                cost = await load.measure(operation)
                step(f"{database}: {contender.name}, {operation}")
                results.costs.setdefault((contender.name, database, operation), []).append(cost)
        if operation == "sign_in":
            results.hash_cpu_ms.setdefault(database, []).append(await _measure_hash(form, hashing))


async def _measure_hash(form: Form, hashing: ThreadPoolExecutor) -> float:
    """The hash alone, in as many threads as sign-ins have; milliseconds of CPU."""
    loop = asyncio.get_running_loop()
    started = cpu_of_this_process_ms()
    work = (loop.run_in_executor(hashing, hash_password, "correct horse", bytes(16)) for _ in range(form.people))
    await asyncio.gather(*work)
    return (cpu_of_this_process_ms() - started) / form.people


def _turned(items: list[T], by: int) -> list[T]:
    by %= len(items)
    return items[by:] + items[:by]
