"""CPU time of this process, all its threads included."""

import time
from collections.abc import Awaitable, Callable


def cpu_of_this_process_ms() -> float:
    """Milliseconds."""
    return time.process_time_ns() / 1e6


async def cpu_of_each_us(work: Callable[[], Awaitable[int]]) -> float:
    """What one of some calls costs, in microseconds; `work` does them and says how many they were."""
    started = cpu_of_this_process_ms()
    calls = await work()
    return (cpu_of_this_process_ms() - started) * 1_000 / calls
