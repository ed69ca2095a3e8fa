"""The one seam for what the application gave us to call: timed, named in the log when slow, and bounded."""

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from watchword.errors import ConfigurationError, HookFailed, WatchwordError
from watchword.setting_types import checked_settings
from watchword.telemetry.instruments import HOOKS
from watchword.telemetry.telemetry import Telemetry, code_of

T = TypeVar("T")

log = logging.getLogger(__name__)

#: One line about one hook in this time, however often it is called: a slow one must not flood the log as well.
_SILENT_SECONDS = 10.0


@checked_settings("hook_limits.")
@dataclass(frozen=True, slots=True, kw_only=True)
class HookLimits:
    """How long functions of the application may take.

    Attributes:
        slow_ms: One that takes longer is named in the log.
        blocking_ms: One that lets nothing else run for longer is named in the log: it calls something that
            blocks, and every other request waits for it.
        timeout_seconds: A hook that has not answered by then is cancelled, and the request answered with 503.
            `None`: never. What blocks without awaiting anything cannot be cancelled.
        override_timeout_seconds: The same for overridden methods, which often call ours: those of recipes,
            their HTTP APIs included, and of providers.
    Raises:
        ConfigurationError: A number that is not positive.
    """

    slow_ms: int = 1_000
    blocking_ms: int = 100
    timeout_seconds: float | None = 10.0
    override_timeout_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        for name in ("slow_ms", "blocking_ms", "timeout_seconds", "override_timeout_seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigurationError(f"hook_limits.{name}", f"is {value}; set a positive number, or leave it out")


class HookTimedOut(HookFailed):
    """A function of the application did not answer in time, and was cancelled."""

    code = "hook_timed_out"
    retry_after_seconds = 1

    def __init__(self, hook: str, seconds: float) -> None:
        super().__init__(hook, f"did not answer within {seconds:g} s, and was cancelled")


class Hooks:
    """Calls functions of the application.

    Args:
        limits: How long they may take.
        telemetry: Hears how long each took.
    """

    def __init__(self, limits: HookLimits | None = None, telemetry: Telemetry | None = None) -> None:
        self.limits = limits or HookLimits()
        self.telemetry = telemetry or Telemetry(enabled=False)
        self._told: dict[str, tuple[float, int]] = {}

    async def call(self, name: str, hook: Callable[[], Any]) -> Any:
        """What a hook answers, sync or async; it has no errors of its own that would mean something.

        Args:
            name: For the log, errors and metrics: from the configuration or the code, never from a request.
            hook: Takes nothing, and calls the application's function.
        Raises:
            HookFailed: It raised.
            HookTimedOut: It did not answer in time.
        """
        try:
            return await self.watch(name, hook, timeout_seconds=self.limits.timeout_seconds)
        except HookFailed:
            raise
        except Exception as error:
            raise HookFailed(name, f"raised {type(error).__name__}") from error

    async def call_override(self, name: str, method: Callable[[], T | Awaitable[T]]) -> T:
        """What a method answers that the application put in place of one of ours; its errors pass.

        Raises:
            HookTimedOut: It did not answer in time.
        """
        return await self.watch(name, method, timeout_seconds=self.limits.override_timeout_seconds)

    async def watch(
        self,
        name: str,
        hook: Callable[[], T | Awaitable[T]],
        *,
        timeout_seconds: float | None,
        slow_seconds: float | None = None,
    ) -> T:
        """As `call`, with a bound of one's own, and with every error passing as it is.

        Args:
            name: As for `call`.
            hook: As for `call`.
            timeout_seconds: Cancelled then; `None`: never.
            slow_seconds: Named in the log then, in place of `limits.slow_ms`.
        """
        started, clock = time.perf_counter(), _StepClock()
        with self.telemetry.operation(f"hook {name}", HOOKS, {"watchword.hook": name}, failure=_unexpected):
            try:
                answer = clock.time(hook)
                if not inspect.isawaitable(answer):
                    return answer
                return await _within(timeout_seconds, name, _stepwise(answer, clock))
            finally:
                slow_after = self.limits.slow_ms / 1000 if slow_seconds is None else slow_seconds
                self._tell(name, time.perf_counter() - started, clock.longest_seconds, slow_after)

    def _tell(self, name: str, seconds: float, held_seconds: float, slow_seconds: float) -> None:
        blocked = held_seconds * 1000 > self.limits.blocking_ms
        if not blocked and seconds <= slow_seconds:
            return
        silent_until, untold = self._told.get(name, (0.0, 0))
        now = time.monotonic()
        if now < silent_until:
            self._told[name] = (silent_until, untold + 1)
            return
        self._told[name] = (now + _SILENT_SECONDS, 0)
        before = f", as {untold} times before" if untold else ""
        took_ms, held_ms = round(seconds * 1000), round(held_seconds * 1000)
        extra = {"hook": name, "took_ms": took_ms, "held_ms": held_ms}
        if blocked:
            log.warning(
                "hook %s took %d ms and let nothing else run for %d of them%s: every request waited; "
                "await what takes long, or do it in asyncio.to_thread",
                name, took_ms, held_ms, before, extra=extra,
            )  # fmt: skip
        else:
            log.warning("hook %s took %d ms%s", name, took_ms, before, extra=extra)


def is_ours(thing: Any) -> bool:
    """Whether a class or function is part of this package, and so needs no watching."""
    return getattr(thing, "__module__", "").startswith("watchword.")


class _StepClock:
    """The longest time for which something ran without letting anything else run."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0

    def time(self, step: Callable[[], T]) -> T:
        """Run one step."""
        started = time.perf_counter()
        try:
            return step()
        finally:
            self.longest_seconds = max(self.longest_seconds, time.perf_counter() - started)


@coroutine
def _stepwise(awaitable: Awaitable[T], clock: _StepClock) -> Generator[Any, Any, T]:
    """Await something as `await` does, and time each step from one suspension to the next."""
    steps = awaitable.__await__()
    resume = partial(next, steps)
    while True:
        try:
            waits_for = clock.time(resume)
        except StopIteration as end:
            return end.value
        try:
            yield waits_for
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:  # a cancellation, as a rule: the step's to take or to pass on
            resume = partial(steps.throw, error)
        else:
            resume = partial(next, steps)


async def _within(seconds: float | None, name: str, awaitable: Awaitable[T]) -> T:
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            return await awaitable
    except TimeoutError as error:
        if seconds is None or not bound.expired():  # the hook's own
            raise
        raise HookTimedOut(name, seconds) from error


def _unexpected(error: BaseException) -> str | None:
    """What makes a call a failed one: an override refuses with our errors, and that is no failure."""
    is_refusal = isinstance(error, WatchwordError) and not isinstance(error, HookFailed)
    return None if is_refusal else code_of(error)
