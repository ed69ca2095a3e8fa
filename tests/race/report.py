"""What a race prints: a bar while it runs, and the counts at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.race.record import Failing, Tally, Verdict
from tests.race.running import APART_MS, DELTA_MS, MAY_TAKE_MS, Outcome

#: So much of all sessions may lie outside the assumptions; beyond it the machine is too slow for the speed.
MAY_BE_TOO_SLOW = 0.1
WELL = "All is well."
PLAIN_EVERY_SECONDS = 10


@contextmanager
def progress(refreshes: int) -> Iterator[Callable[[Tally], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stdout.isatty():
        yield _plain_progress(refreshes)
        return
    columns = (TextColumn("racing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"))
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("racing", total=refreshes, failed="")

        def show(tally: Tally) -> None:
            failed = f"{len(tally.failures)} FAILED" if tally.failures else ""
            bar.update(task, completed=min(tally.refreshes, refreshes), failed=failed)

        yield show


def _plain_progress(refreshes: int) -> Callable[[Tally], None]:
    shown_at = time.monotonic()

    def show(tally: Tally) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= PLAIN_EVERY_SECONDS:
            shown_at = time.monotonic()
            print(f"  {tally.refreshes:,} of {refreshes:,} refreshes, {len(tally.failures)} failures", flush=True)

    return show


def is_good(outcome: Outcome) -> bool:
    """Whether nothing happened that must not, no row was behind, and enough lay within the assumptions."""
    return verdict(outcome) == WELL


def verdict(outcome: Outcome) -> str:
    """The last line."""
    if outcome.failures or outcome.logged["session_row_behind"]:
        return "FAILED."
    if len(outcome.too_slow) > MAY_BE_TOO_SLOW * outcome.sessions:
        return "Nothing failed, but too much lay outside the assumptions: too busy a machine for this --speed."
    return WELL


def describe(outcome: Outcome) -> str:
    """All counts, line by line."""
    settings, tally = outcome.settings, outcome.tally
    kind = settings.database.partition(":")[0]
    lines = [
        f"Race on {kind}: two nodes, {settings.people} people at a time, seed {settings.seed}",
        f"The clock runs {settings.speed} times as fast; those of the nodes are {APART_MS // 1_000} s apart.",
        "",
        _line("duration", f"{outcome.seconds:.0f} s, {tally.refreshes / outcome.seconds:.0f} refreshes a second"),
        _line("sessions", outcome.sessions),
        _line("refreshes decided", tally.refreshes),
        *(_line(f"  {kind.value}", tally.answers[kind]) for kind in Verdict if tally.answers[kind]),
        *(_line(name, count) for name, count in sorted(tally.events.items())),
        *(_line(f"logged by the nodes: {name}", count) for name, count in sorted(outcome.logged.items())),
        _line("request to answer", _quantiles(tally.took_ms, settings.speed)),
        _line("inside a node", _quantiles(tally.answered_ms, settings.speed)),
        "",
        *_assumptions(outcome),
        "",
        *(_line(what.value, sum(failure.what is what for failure in outcome.failures)) for what in Failing),
    ]
    lines += [f"  {failure.what.value} in session {failure.session}: {failure.detail}" for failure in outcome.failures]
    lines += ["", verdict(outcome)]
    return "\n".join(lines)


def _assumptions(outcome: Outcome) -> list[str]:
    speed = outcome.settings.speed
    lines = [
        f"Messages live {DELTA_MS / 1_000} s at most, {DELTA_MS / speed:.0f} ms of real time; older ones are dropped.",
        f"A node decides within that life, and within {MAY_TAKE_MS / speed:.0f} ms of real time;",
        "where one did not, the session lies outside what the rules assume.",
        _line("sessions outside the assumptions", len(outcome.too_slow)),
        _line("failures in these", len(outcome.excused)),
    ]
    lines += [f"  {failure.what.value} in session {failure.session}: {failure.detail}" for failure in outcome.excused]
    return lines


def _quantiles(times_ms: list[int], speed: int) -> str:
    if not times_ms:
        return "never"
    ordered = sorted(times_ms)
    median, most, longest = (ordered[int(part * (len(ordered) - 1))] / speed for part in (0.5, 0.99, 1))
    return f"median {median:.0f} ms, 99 % {most:.0f} ms, longest {longest:.0f} ms of real time"


def _line(name: str, value: int | str) -> str:
    return f"{name:.<48} {value:,}" if isinstance(value, int) else f"{name:.<48} {value}"
