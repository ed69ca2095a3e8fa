"""From threads to the event loop, for programs that have none: Flask, Django, scripts, workers of a job queue."""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from watchword.errors import ConfigurationError

T = TypeVar("T")

_STOP_SECONDS = 10.0


class Runner:
    """Runs coroutines for threads: on the loop where `start` was called, else on one in a thread of its own.

    Args:
        start: Makes everything ready on the loop it is awaited on, and calls `started`.
        stop: Lets everything go, and calls `stopped`.
    """

    def __init__(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        self._start = start
        self._stop = stop
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: int | None = None
        self._process: int | None = None
        self._own_thread: _OwnThread | None = None

    def started(self) -> None:
        """Everything is ready on the running loop."""
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._process = os.getpid()

    def stopped(self) -> None:
        """Everything is let go; a thread of its own ends."""
        self._loop, thread, self._own_thread = None, self._own_thread, None
        if thread is not None:
            thread.end()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine, which runs on the loop; the values of the caller's context go with it.

        Raises:
            ConfigurationError: Called on that very loop, which would wait for itself; or in a process that was
                forked from one where everything had started.
            Exception: What the coroutine raises, or what making everything ready raises.
        """
        try:
            loop = self._ready_loop()
        except BaseException:
            coroutine.close()
            raise
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # whoever waited has gone, by Ctrl-C for example; of no effect when it is done
            raise

    def _ready_loop(self) -> asyncio.AbstractEventLoop:
        # Not by the running loop: where greenlets stand for threads (gevent), it is everybody's.
        if self._loop is not None and self._loop_thread == threading.get_ident():
            raise ConfigurationError("run", "was called on the event loop, which it would stop; write await instead")
        with self._lock:  # the first of several threads starts, the others wait for it
            if self._process not in (None, os.getpid()):
                raise ConfigurationError(
                    "run",
                    "this process was forked from one where Watchword was running, and a fork has neither its threads "
                    "nor its connections; use it only after the fork, for example without gunicorn's --preload",
                )
            if self._loop is None:
                self._own_thread = _OwnThread()
                self._own_thread.begin(self._start, self._stop)
            assert self._loop is not None  # noqa: S101 - `start` has called `started`
            return self._loop


class _OwnThread:
    """A thread with an event loop, from the first use to the end of the process."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def begin(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        """Return when `start` is done, or raise what it raises."""
        ready = threading.Event()
        errors: list[BaseException] = []

        async def serve() -> None:
            self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
            try:
                await start()
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                ready.set()
            await self._over.wait()

        def work() -> None:
            try:
                asyncio.run(serve())
            except BaseException:
                if not errors:  # else the thread that waits raises it
                    raise

        self._thread = threading.Thread(target=work, name="watchword-loop", daemon=True)
        self._thread.start()
        ready.wait()
        if errors:
            self._thread.join()
            raise errors[0]
        _at_exit(lambda: self._finish(stop))

    def end(self) -> None:
        """Called on the loop: it ends after this step."""
        assert self._over is not None  # noqa: S101 - it has begun
        self._over.set()

    def _finish(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Events of the log that wait to be stored are stored, mail that is being sent is sent."""
        thread, loop = self._thread, self._loop
        if thread is not None and loop is not None and thread.is_alive() and not loop.is_closed():
            asyncio.run_coroutine_threadsafe(_awaited(stop), loop)
            thread.join(_STOP_SECONDS)


async def _awaited(function: Callable[[], Awaitable[None]]) -> None:
    await function()


def _at_exit(function: Callable[[], None]) -> None:
    """Before the interpreter ends its pools of threads, which stopping still needs; `atexit` comes after that.

    The hook is the one that `concurrent.futures` uses for its own pools, and has no public name.
    """
    getattr(threading, "_register_atexit", atexit.register)(function)
