"""Memory of one node over many requests of people whose tokens change all the time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.form import Form
from benchmarks.load import Load
from benchmarks.processes import resident_bytes

PARTS = 10
REFRESH_EVERY = 5  # so that more tokens pass than the cache of verified ones holds, in the first half already


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory after each tenth of all requests, the first being the warm-up; megabytes."""

    requests: int
    megabytes: list[float]


async def measure_memory(form: Form, load: Load, step: Callable[[str], None]) -> Memory:
    """Serve requests, and a refresh now and then, and look at the memory after each tenth."""
    load.renew_people()
    for operation in ("sign_up", "sign_in"):
        await load.measure(operation)
    each = form.memory_requests // PARTS // len(load.lanes)
    megabytes: list[float] = []
    for _ in range(PARTS):
        await asyncio.gather(*(_use(load, number, each) for number in range(len(load.lanes))))
        megabytes.append(resident_bytes(load.server.pid) / 1e6)
        step("memory of a node")
    return Memory(each * PARTS * len(load.lanes), megabytes)


async def _use(load: Load, number: int, requests: int) -> None:
    contender, lane, person = load.server.contender, load.lanes[number], load.people[number]
    for count in range(1, requests + 1):
        if count % REFRESH_EVERY:
            await contender.verify(lane, person)
        else:
            await contender.refresh(lane, person)
