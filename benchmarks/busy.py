"""How long others wait while sign-ins keep every processor busy with hashes."""

import asyncio
import time
from dataclasses import dataclass

from benchmarks.form import Form
from benchmarks.http import Connection
from benchmarks.load import Load
from benchmarks.spread import quantile

PAUSE_SECONDS = 0.002  # between two requests of the one who waits


@dataclass(frozen=True, slots=True)
class Waiting:
    """What somebody already signed in saw; milliseconds."""

    requests: int
    sign_ins: int
    median_ms: float
    p99_ms: float
    longest_ms: float


async def measure_waiting(form: Form, load: Load) -> Waiting:
    """Keep all connections signing in, one after the other, while one more asks for the protected route."""
    contender = load.server.contender
    load.renew_people()
    for operation in ("sign_up", "sign_in"):
        await load.measure(operation)
    over_at = time.monotonic() + form.busy_seconds
    sign_ins = 0

    async def keep_signing_in(number: int) -> None:
        nonlocal sign_ins
        while time.monotonic() < over_at:
            await contender.sign_in(load.lanes[number], load.people[number])
            sign_ins += 1

    other = Connection(load.server.port)
    somebody = load.people[-1]
    latencies: list[float] = []
    signing_in = asyncio.gather(*(keep_signing_in(number) for number in range(len(load.lanes))))
    while time.monotonic() < over_at:
        started = time.perf_counter()
        await contender.verify(other, somebody)
        latencies.append((time.perf_counter() - started) * 1_000)
        await asyncio.sleep(PAUSE_SECONDS)
    await signing_in
    await other.close()
    return Waiting(len(latencies), sign_ins, quantile(latencies, 0.5), quantile(latencies, 0.99), max(latencies))
