"""What `make chaos` prints: a bar while it runs, and the table."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos.plan import Planned
from tests.chaos.record import Violation
from tests.chaos.table import Row

_HEAD = ("fault", "database", "faults", "acknowledged", "repeated", "violations")
_WIDTHS = (36, 9, 8, 13, 9, 11)
_MOST_SHOWN = 20


@contextmanager
def progress(total: int) -> Iterator[Callable[[Planned, Row | None], None]]:
    """A bar on a terminal, a line for each row elsewhere; told of each fault when it begins, and with its row."""
    if not sys.stdout.isatty():
        yield _say
        return
    columns = (TextColumn("chaos"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[now]}")) as bar:
        task = bar.add_task("chaos", total=total, now="")

        def show(fault: Planned, row: Row | None) -> None:
            bar.update(task, advance=0 if row is None else 1, now=f"{fault.database}: {fault.fault}")

        yield show


def _say(fault: Planned, row: Row | None) -> None:
    if row is not None:
        print(f"  {fault.database}: {fault.fault}, {row.injected} times, {len(row.broken)} violations", flush=True)


def describe(rows: Sequence[Row], left_out: Sequence[Planned], seed: int) -> str:
    """The table, what was violated, and the verdict."""
    lines = [f"Chaos, seed {seed}", "", _line(_HEAD), _line(["-" * (width - 2) for width in _WIDTHS])]
    lines += [_line_of(row) for row in rows]
    sums = [sum(values) for values in zip(*(_numbers(row) for row in rows), strict=True)] if rows else []
    lines += [_line(["all", "", *(f"{value:,}" for value in sums)]), ""]
    lines.append(f"Mails that came twice, as at-least-once allows: {sum(row.doubled for row in rows)}")
    for what in Violation:
        found = [(row, broken) for row in rows for broken in row.broken if broken.what is what]
        lines.append(f"{what.value:.<48} {len(found)}")
        lines += [f"    {row.database}, {row.fault}: {broken.detail}" for row, broken in found[:_MOST_SHOWN]]
    lines += [f"Not injected, out of time: {fault.database}, {fault.fault}" for fault in left_out]
    return "\n".join([*lines, "", verdict(rows, left_out)])


def verdict(rows: Sequence[Row], left_out: Sequence[Planned]) -> str:
    """The last line."""
    if any(row.broken for row in rows):
        return "FAILED."
    if left_out or not rows or not all(row.injected and row.acknowledged for row in rows):
        return "Nothing failed, but not all was tried."
    return "All is well."


def _numbers(row: Row) -> tuple[int, int, int, int]:
    return row.injected, row.acknowledged, row.repeated, len(row.broken)


def _line_of(row: Row) -> str:
    return _line([row.fault, row.database, *(f"{value:,}" for value in _numbers(row))])


def _line(cells: Sequence[str]) -> str:
    texts = [
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    return "".join(texts).rstrip()
