"""Work that goes on beside the requests: rounds for ever, whatever goes wrong in one of them."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from watchword.errors import WatchwordError

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_CANCEL_AGAIN_SECONDS = 1.0  # what a round calls may mistake one cancellation for something else


class BackgroundLoop:
    """Does rounds of some work on the event loop that started it.

    A round that fails is logged, once until a round succeeds, and done again after a pause that doubles. The
    pauses are real time: an injected clock, which may stand still, is asked only what is due.

    Args:
        what: For the log: what the work does.
        round_: One round; it must wait for something, or it would take the event loop for itself.
        longest_pause_seconds: Between two rounds that fail.
    """

    def __init__(self, what: str, round_: Callable[[], Awaitable[None]], *, longest_pause_seconds: float) -> None:
        self._what = what
        self._round = round_
        self._longest_pause_seconds = longest_pause_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"watchword: {self._what}")

    async def stop(self) -> None:
        """Cancel, and wait until it has ended where it runs on this event loop."""
        task, self._task = self._task, None
        if task is None:
            return
        loop = task.get_loop()
        if loop is asyncio.get_running_loop():
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._round()
            except Exception as error:  # whatever it is, the next round tries again
                if not failures:
                    self._tell(error)
                failures += 1
                await asyncio.sleep(self._pause_seconds(failures))
            else:
                if failures:
                    log.info("%s works again, after %s failures", self._what, failures)
                failures = 0

    def _tell(self, error: Exception) -> None:
        if isinstance(error, WatchwordError):  # an outage, most likely; it says all there is to say
            log.warning("%s failed, and is tried again: %s", self._what, error)
        else:
            log.error("%s failed, and is tried again", self._what, exc_info=error)

    def _pause_seconds(self, failures: int) -> float:
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10), self._longest_pause_seconds)
        return pause * random.SystemRandom().uniform(0.75, 1.25)  # spreads the processes
