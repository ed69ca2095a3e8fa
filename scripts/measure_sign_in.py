"""What failed sign-ins cost: the time for known and unknown addresses, the memory of many at once.

Called by `scripts/measure-sign-in`, on SQLite. Sources: security EN-2, PW-6.
"""

import asyncio
import math
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.site import Browser, Site, running_site
from watchword import Protection
from watchword.crypto.passwords import FLOOR_MEMORY_KIB
from watchword.errors import Overloaded
from watchword.recipes import EmailPassword
from watchword.recipes.emailpassword.errors import WrongCredentials

EACH = 400
AT_ONCE = 500
KNOWN, UNKNOWN = "ada@example.com", "eve@example.com"
WORKERS = 2  # as `tests.site` sets up the pool


async def main() -> None:
    """Print both."""
    unlimited = Protection(failures_per_account=None, sign_in=None)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'measured.db'}"
        async with running_site(url, recipes=[EmailPassword()], protection=unlimited) as site:
            await site.browser().sign_up(KNOWN)
            await print_times(site)
            await print_memory(site)


async def print_times(site: Site) -> None:
    """Wrong passwords over HTTP, in turn for an address that somebody has and for one that nobody has."""
    browser = site.browser("headers")
    for _ in range(20):
        await timed(browser, KNOWN)
    known, unknown = [], []
    for number in range(EACH):  # in turn, and each first half the time: what else the machine does meets both
        for address in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            (known if address == KNOWN else unknown).append(await timed(browser, address))
    medians = statistics.median(known), statistics.median(unknown)
    print(f"known address:   median {medians[0]:.2f} ms of {EACH}")
    print(f"unknown address: median {medians[1]:.2f} ms of {EACH}")
    print(f"difference {abs(medians[0] / medians[1] - 1):.1%}, Mann-Whitney p = {mann_whitney(known, unknown):.2f}")


async def timed(browser: Browser, address: str) -> float:
    """How long one refusal takes, in milliseconds."""
    began = time.perf_counter()
    answer = await browser.sign_in(address, "wrong horse 1")
    took = (time.perf_counter() - began) * 1000
    if answer.json() != {"status": "WRONG_CREDENTIALS_ERROR"}:
        raise SystemExit(f"{address} was not refused as expected: {answer.status_code}")
    return took


async def print_memory(site: Site) -> None:
    """Many wrong passwords at the same moment, without HTTP, so that only our own memory is counted."""
    recipe = next(recipe for recipe in site.auth.recipe_list if isinstance(recipe, EmailPassword))

    async def sign_in() -> str:
        try:
            await recipe.sign_in(KNOWN, "wrong horse 1", tenant_id="public", user_context={})
        except (WrongCredentials, Overloaded) as error:
            return error.code
        return "signed in"

    before_kib = peak_kib()
    outcomes = Counter(await asyncio.gather(*(sign_in() for _ in range(AT_ONCE))))
    print(f"{AT_ONCE} at once: {dict(outcomes)}")
    print(
        f"peak memory before {before_kib / 1024:.0f} MiB, after {peak_kib() / 1024:.0f} MiB; "
        f"the hashes may take {WORKERS} x {FLOOR_MEMORY_KIB / 1024:.0f} MiB"
    )


def peak_kib() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def mann_whitney(first: list[float], second: list[float]) -> float:
    """The two-sided p of the rank-sum test, by its normal approximation; ties do not matter among real times."""
    ranks = {value: rank for rank, value in enumerate(sorted(first + second), start=1)}
    count, other = len(first), len(second)
    u = sum(ranks[value] for value in first) - count * (count + 1) / 2
    z = (u - count * other / 2) / math.sqrt(count * other * (count + other + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


if __name__ == "__main__":
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    asyncio.run(main())
