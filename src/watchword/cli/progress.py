"""How far a long command is, on standard error: standard output is for what it found."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from watchword.cli.connection import typer


@contextmanager
def progress(label: str, length: int) -> Generator[Callable[[int], None]]:
    """A bar, or a line for each tenth where standard error is no terminal, as in the log of a job.

    Args:
        label: What is being done, for example `Importing`.
        length: How much there is in all.
    Returns:
        To be called with how much more is done.
    """
    if sys.stderr.isatty():
        with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield bar.update
        return
    done = told = 0

    def tell(more: int) -> None:
        nonlocal done, told
        done += more
        tenths = done * 10 // max(length, 1)
        if tenths > told:
            told = tenths
            typer.echo(f"{label}: {done} of {length}", err=True)

    yield tell
