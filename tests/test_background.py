"""Work beside the requests: it survives every error, tells of it once, and ends when it shall."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

import pytest

from watchword import background
from watchword.background import BackgroundLoop
from watchword.errors import StorageUnavailable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that no test waits for."""
    monkeypatch.setattr(background, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(background, "_CANCEL_AGAIN_SECONDS", 0.01)


def rounds(*outcomes: Exception | None) -> tuple[Callable[[], Awaitable[None]], asyncio.Event]:
    """A round with these outcomes, and an event for when they are used up."""
    left, done = list(outcomes), asyncio.Event()

    async def round_() -> None:
        await asyncio.sleep(0)
        if not left:
            done.set()
            await asyncio.Event().wait()
        outcome = left.pop(0)
        if outcome is not None:
            raise outcome

    return round_, done


async def lines_of(caplog: pytest.LogCaptureFixture, *outcomes: Exception | None) -> list[tuple[str, str]]:
    """What is logged in the course of rounds with these outcomes."""
    caplog.set_level(logging.INFO, "watchword")
    round_, done = rounds(*outcomes)
    loop = BackgroundLoop("the work", round_, longest_pause_seconds=0.002)
    loop.start()
    async with asyncio.timeout(10):
        await done.wait()
    await loop.stop()
    return [(record.levelname, record.message) for record in caplog.records]


async def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """However long it takes, the log has one line for the beginning and one for the end."""
    outage = StorageUnavailable("the disk is away")
    assert [
        ("WARNING", "the work failed, and is tried again: the disk is away"),
        ("INFO", "the work works again, after 20 failures"),
    ] == await lines_of(caplog, *[outage] * 20, None, None)


async def test_a_mistake_of_ours_is_an_error_with_its_trace_and_no_end(caplog: pytest.LogCaptureFixture) -> None:
    """Even a bug in a round only costs that round."""
    lines = await lines_of(caplog, ZeroDivisionError("oh"), None)
    assert ["ERROR", "INFO"] == [level for level, _ in lines]
    assert caplog.records[0].exc_info is not None


async def test_it_stops_although_a_round_swallows_a_cancellation() -> None:
    """A driver may take one for an error of its own: stopping insists, and does not hang."""
    swallowed = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if swallowed.is_set():
                raise
            swallowed.set()

    loop = BackgroundLoop("the work", stubborn, longest_pause_seconds=1)
    loop.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await loop.stop()
        await loop.stop()
    assert swallowed.is_set()


async def test_it_is_stopped_from_another_event_loop() -> None:
    """Whoever stops it from another thread does not wait, and it ends where it runs."""
    ended, began = threading.Event(), threading.Event()
    loops: list[BackgroundLoop] = []

    async def round_() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def run() -> None:
        loop = BackgroundLoop("the work", round_, longest_pause_seconds=1)
        loops.append(loop)
        loop.start()
        while not ended.is_set():  # noqa: ASYNC110  an event of another thread
            await asyncio.sleep(0.005)

    thread = asyncio.create_task(asyncio.to_thread(asyncio.run, run()))
    assert await asyncio.to_thread(began.wait, 10)
    await loops[0].stop()
    assert await asyncio.to_thread(ended.wait, 10)
    await thread


async def test_a_loop_that_was_closed_is_no_trouble() -> None:
    """The event loop ended, and its work with it: there is nothing left to stop."""
    loops: list[BackgroundLoop] = []

    async def run() -> None:
        loop = BackgroundLoop("the work", asyncio.Event().wait, longest_pause_seconds=1)  # type: ignore[arg-type]
        loops.append(loop)
        loop.start()
        await asyncio.sleep(0)

    await asyncio.to_thread(asyncio.run, run())
    await loops[0].stop()
