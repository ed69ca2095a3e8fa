"""The chaos of `make chaos`: every fault on both databases, in less than ten minutes."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests.chaos.cluster import Nursery, running_nursery
from tests.chaos.plan import Planned, planned
from tests.chaos.record import Book, Violation
from tests.chaos.report import describe, progress, verdict
from tests.chaos.table import Row

_KINDS = ("sqlite", "postgres")


def main() -> int:
    """Inject what was chosen; 0 when nothing happened that must not."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--on", choices=(*_KINDS, "both"), default="both", help="which database (both)")
    parser.add_argument(
        "--faults", default="", help="only those with one of these words in their name, like disk,clock"
    )
    parser.add_argument(
        "--every", type=int, default=1, help="of the points where a node can be killed, each so many-th"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what people do meanwhile (1)")
    parser.add_argument("--minutes", type=float, default=8.5, help="no fault begins later than this (8.5)")
    parser.add_argument("--list", action="store_true", help="only say which faults there are")
    chosen = parser.parse_args()
    words = [word.strip() for word in chosen.faults.split(",") if word.strip()]
    with ExitStack() as servers:
        kinds = _KINDS if chosen.on == "both" else (chosen.on,)
        lanes = [
            [fault for fault in faults if not words or any(word in fault.fault for word in words)]
            for faults in (servers.enter_context(planned(kind, seed=chosen.seed, every=chosen.every)) for kind in kinds)
        ]
        if chosen.list:
            print("\n".join(f"{fault.database:9} {fault.fault}" for lane in lanes for fault in lane))
            return 0
        with progress(sum(map(len, lanes))) as show:
            results = asyncio.run(_both(lanes, show, 60 * chosen.minutes))
    rows = [row for done, _ in results for row in done]
    left_out = [fault for _, left in results for fault in left]
    print(describe(rows, left_out, chosen.seed), flush=True)
    return 0 if verdict(rows, left_out) == "All is well." else 1


Show = Callable[[Planned, Row | None], None]
Lane = tuple[list[Row], list[Planned]]


async def _both(lanes: Sequence[Sequence[Planned]], show: Show, seconds: float) -> list[Lane]:
    """The databases side by side, each with its own nodes, clocks and mail."""
    end_at = time.monotonic() + seconds
    return await asyncio.gather(*(_one_after_the_other(lane, show, end_at) for lane in lanes))


async def _one_after_the_other(faults: Sequence[Planned], show: Show, end_at: float) -> Lane:
    rows: list[Row] = []
    async with running_nursery() as nursery:
        for number, fault in enumerate(faults):
            if time.monotonic() > end_at:
                return rows, list(faults[number:])
            show(fault, None)
            rows.append(await _injected(fault, nursery))
            show(fault, rows[-1])
    return rows, []


async def _injected(fault: Planned, nursery: Nursery) -> Row:
    """The row of a fault; a fault that could not be injected is a violation of its own, and the others go on."""
    try:
        return await fault.inject(nursery)
    except Exception as error:  # whatever a server, a disk or a child process says
        await nursery.end_all()
        book = Book()
        book.fail(Violation.STUCK, f"it could not be injected to its end: {error!r}")
        return Row.of(fault.fault, fault.database, book, 0)


if __name__ == "__main__":
    sys.exit(main())
