"""`make bench`: measure, print, and keep the figures; with `--write`, the page of the documentation as well."""

import argparse
import asyncio
import logging
import sys

import uvloop

from benchmarks.environments import CACHE
from benchmarks.form import FULL, SHORT
from benchmarks.page import page_of, write_page
from benchmarks.results import LATEST, Results
from benchmarks.run import install_all, run


def main() -> int:
    """Measure, or write the page of what was measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="the short form, meant to stay under ten minutes on two quiet processors"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures, and write docs/performance.md of them")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page of the kept figures")
    chosen = parser.parse_args()
    if chosen.page:
        write_page(Results.read(LATEST))
        return 0
    logging.disable(logging.WARNING)  # of our own nodes, whose settings are for measuring
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(run(SHORT if chosen.short else FULL, *install_all()))
    print(page_of(results))
    place = LATEST if chosen.write else CACHE / "latest.json"
    results.write(place)
    print(f"Every round is in {place}.")
    if chosen.write:
        write_page(Results.read(LATEST))  # as they are kept, rounded: a test draws the page from these
    return 0


if __name__ == "__main__":
    sys.exit(main())
