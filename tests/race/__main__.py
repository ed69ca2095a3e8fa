"""The race of `make race`: 100,000 refreshes on two nodes, on PostgreSQL unless told otherwise."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.race.report import describe, is_good, progress
from tests.race.running import RaceSettings, race
from tests.services.postgres import running_server


def main() -> int:
    """Race on each chosen database; 0 when nothing happened that must not."""
    parser = argparse.ArgumentParser(prog="make race", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=100_000, help="how many, on each database (100,000)")
    parser.add_argument("--on", choices=("postgres", "sqlite", "both"), default="postgres", help="which database")
    parser.add_argument("--people", type=int, default=240, help="how many are signed in at a time (240)")
    parser.add_argument("--speed", type=int, default=100, help="how many times faster the clock runs (100)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    is_well = True
    for kind in ("postgres", "sqlite") if chosen.on == "both" else (chosen.on,):
        with empty_database(kind) as url, progress(chosen.refreshes) as show:
            settings = RaceSettings(
                database=url,
                refreshes=chosen.refreshes,
                people=chosen.people,
                speed=chosen.speed,
                seed=chosen.seed,
            )
            outcome = asyncio.run(race(settings, show))
        print(describe(outcome), flush=True)
        is_well = is_well and is_good(outcome)
    return 0 if is_well else 1


@contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """A database of this race's own, gone afterwards."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="watchword-race-") as folder:
            yield f"sqlite:///{Path(folder) / 'race.db'}"
        return
    with running_server() as server:
        yield server.create_database()


if __name__ == "__main__":
    sys.exit(main())
