"""What a run shows while it measures: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN_EVERY_SECONDS = 15


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A function that is told of each step that was done, and shows it."""
    if not sys.stdout.isatty():
        yield _Plain(steps)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}")) as bar:
        task = bar.add_task("starting", total=steps)
        yield lambda what: bar.update(task, advance=1, description=what)


class _Plain:
    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0
        self._shown_at = time.monotonic()

    def __call__(self, what: str) -> None:
        self._done += 1
        if time.monotonic() - self._shown_at >= PLAIN_EVERY_SECONDS:
            self._shown_at = time.monotonic()
            print(f"  {self._done:,} of {self._steps:,} steps; {what}", flush=True)
