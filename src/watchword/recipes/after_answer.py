"""Work that a request causes and that its answer does not wait for, so that its duration tells nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from watchword.errors import Overloaded, StorageUnavailable

log = logging.getLogger(__name__)

_AT_ONCE = 4  # so that requests keep most of the database's connections
_PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 16)


class AfterAnswer:
    """Does work behind the answers: some at once, the rest in turn, each again while the database is away.

    What waits here dies with the process, so it is for work that the person simply asks for again.

    Args:
        what: For errors and the log, for example `password reset`.
        at_most: How much may wait; what comes then is refused, whoever it is for.
    """

    def __init__(self, what: str, at_most: int = 1_000) -> None:
        self._what = what
        self._at_most = at_most
        self._slots: asyncio.Semaphore | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have `work` done, on the running event loop.

        Raises:
            Overloaded: Too much waits; nothing will be done.
        """
        if len(self._tasks) >= self._at_most:
            raise Overloaded(self._what, retry_after_seconds=10)
        self._slots = self._slots or asyncio.Semaphore(_AT_ONCE)
        task = asyncio.get_running_loop().create_task(self._run(work, self._slots), name=f"watchword: {self._what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until all that was given to `do` so far is done."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self, at_most_seconds: float = 10.0) -> None:
        """Finish what there is, for a while, and drop the rest."""
        tasks, self._slots = set(self._tasks), None
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=at_most_seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("%s: %d left undone by the stop", self._what, len(late))
            await asyncio.wait(late)

    async def _run(self, work: Callable[[], Awaitable[None]], slots: asyncio.Semaphore) -> None:
        for pause_seconds in (*_PAUSES_SECONDS, None):
            try:
                async with slots:
                    await work()
            except (StorageUnavailable, Overloaded) as error:
                log.warning("%s waits: %s", self._what, error)
                if pause_seconds is None:
                    log.error("%s is given up", self._what)  # noqa: TRY400 - the cause is in the line above
                    return
                await asyncio.sleep(pause_seconds)
            except Exception:  # an override of the application may raise anything; nobody waits for it
                log.exception("%s failed", self._what)
                return
            else:
                return
