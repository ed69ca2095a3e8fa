"""Runs the body of a transaction, and stops one that awaits anything else."""

import types
from collections.abc import Awaitable, Generator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_WAITED = (
    "a transaction body awaited something other than its transaction; it was rolled back. "
    "Do hashing, HTTP and hooks before or after the transaction"
)


class BodySuspended(RuntimeError):
    """A programming error: the body of a transaction waited for something else; nothing was written.

    Such a body would keep locks (in SQLite: the whole database) while the world outside takes its time.
    """

    def __init__(self) -> None:
        super().__init__(_WAITED)


class Busy(Protocol):
    """Tells whether the transaction itself is waiting for the database."""

    waiting: bool


def run_at_once(body: Awaitable[T]) -> T:
    """Run a body to its end in this thread, where its transaction never suspends.

    Raises:
        BodySuspended: It awaited something else.
    """
    steps = body.__await__()
    try:
        steps.send(None)
    except StopIteration as stop:
        return stop.value
    _close(steps)
    raise BodySuspended


@types.coroutine
def run_on_loop(body: Awaitable[T], transaction: Busy) -> Generator[Any, Any, T]:
    """Run a body on the event loop; only its transaction may suspend it.

    Raises:
        BodySuspended: It awaited something else.
    """
    steps = body.__await__()
    try:
        future = steps.send(None)
        while transaction.waiting:
            try:
                answer: Any = yield future
            except BaseException as error:  # a cancellation travels to where the body waits
                future = steps.throw(error)
            else:
                future = steps.send(answer)
    except StopIteration as stop:
        return stop.value
    _close(steps)
    raise BodySuspended


def _close(steps: Generator[Any, Any, Any]) -> None:
    try:
        steps.close()
    except Exception:  # whatever it does when it is closed, or that it waits again, the error to tell is ours
        return
