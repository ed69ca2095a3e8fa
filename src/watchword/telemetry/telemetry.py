"""Traces and metrics through OpenTelemetry, where the application has it; otherwise nothing happens.

Counts are plain integers in the rooms that count, read when somebody collects; only what has a duration is
pushed, and a verified request has none of that. No attribute holds a user, a handle, an address or a token.
"""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from watchword.errors import ConfigurationError, WatchwordError
from watchword.setting_types import checked_settings
from watchword.telemetry.instruments import Histogram, Observed, Reading
from watchword.telemetry.open_telemetry import OpenTelemetry, SpanKind, Value

if TYPE_CHECKING:  # an optional package: imported at run time by `start`
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_API = {"opentelemetry.trace", "opentelemetry.metrics"}


class Operation(Protocol):
    """Something that takes time, while it goes on: a span, and at its end one measurement of a histogram."""

    def label(self, name: str, value: Value) -> None:
        """An attribute of the span and of the measurement: few different values, or memory fills up."""
        ...

    def note(self, name: str, value: Value) -> None:
        """An attribute of the span alone."""
        ...

    def fail(self, error_type: str) -> None:
        """It did not do what it was to do; a stable code, never a message."""
        ...


def code_of(error: BaseException) -> str | None:
    """What an error is called in an `error.type`: its stable code, or its class."""
    return error.code if isinstance(error, WatchwordError) else type(error).__name__


@checked_settings("telemetry.")
class Telemetry:
    """How a `Watchword` tells OpenTelemetry what it does; one object for one `Watchword`.

    Args:
        tracer_provider: Takes the spans. Left out, OpenTelemetry's global one, if it was set before the start.
        meter_provider: Takes the metrics; the same.
        enabled: `False` for nothing at all.
    Raises:
        ConfigurationError: A provider is given, and opentelemetry-api is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
        enabled: bool = True,
    ) -> None:
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._app_name: str | None = None
        self._otel: OpenTelemetry | None = None
        self._observed: dict[str, Callable[[], Iterable[Reading]] | None] = {}
        #: Whether OpenTelemetry is there to be told anything.
        self.is_on = enabled and find_spec("opentelemetry") is not None
        if enabled and not self.is_on and (tracer_provider or meter_provider):
            raise ConfigurationError("telemetry", "opentelemetry-api is not installed; install watchword[otel]")

    def bind(self, app_name: str) -> None:
        """Called once by `Watchword`.

        Raises:
            ConfigurationError: It belongs to another `Watchword`.
        """
        if self._app_name is not None:
            raise ConfigurationError("telemetry", "one Telemetry object serves one Watchword; make another")
        self._app_name = app_name

    def start(self) -> None:
        """Open the tracer and the meter; until then nothing is seen.

        Whoever has set a global provider has imported the API. Where nobody has, it is left alone: it comes along
        with many packages, and takes a tenth of a second to import.
        """
        given = self._tracer_provider is not None or self._meter_provider is not None
        if self.is_on and self._otel is None and (given or not _API.isdisjoint(sys.modules)):
            self._otel = OpenTelemetry(self._app_name or "", self._tracer_provider, self._meter_provider)

    def stop(self) -> None:
        """Read nothing any more, so that what was observed may go."""
        self._observed = dict.fromkeys(self._observed)

    @property
    def is_collected(self) -> bool:
        """Whether anybody collects metrics."""
        return self._otel is not None and self._otel.meter is not None

    def operation(
        self,
        span_name: str,
        histogram: Histogram | None = None,
        labels: Mapping[str, Value] | None = None,
        *,
        kind: SpanKind = "internal",
        header: Callable[[str], str | None] | None = None,
        failure: Callable[[BaseException], str | None] = code_of,
    ) -> AbstractContextManager[Operation]:
        """A span around a `with` block, and its duration in a histogram.

        Args:
            span_name: Few different ones.
            histogram: Takes the seconds at the end.
            labels: Attributes of both; see `Operation.label`.
            kind: `server` becomes `internal` where somebody has opened a span for this request already.
            header: Finds a header of a request, in which its sender may name the trace it belongs to.
            failure: What an error that leaves the block is called; `None` for one that is no failure.
        """
        otel = self._otel
        if otel is None or not otel.is_heard:
            return _SILENT
        return _Measured(otel, span_name, kind, header, histogram, {} if labels is None else dict(labels), failure)

    def record(self, histogram: Histogram, seconds: float, labels: Mapping[str, Value] | None = None) -> None:
        """One measurement without a span; `labels` as for `Operation.label`."""
        if self._otel is not None:
            self._otel.record(histogram, seconds, labels or {})

    def observe(self, observed: Observed, read: Callable[[], Iterable[Reading]]) -> None:
        """Have a value read whenever somebody collects, until `stop`; from any thread, so it only reads."""
        if self._otel is None:
            return
        is_new = observed.name not in self._observed
        self._observed[observed.name] = read
        if is_new:  # OpenTelemetry cannot take a callback back: ours outlives a stop, and finds nothing to read then
            self._otel.observe(observed, lambda: self._read(observed.name))

    def _read(self, name: str) -> Iterable[Reading]:
        read = self._observed[name]
        return () if read is None else read()


class _Measured:
    """An operation that is seen."""

    def __init__(
        self,
        otel: OpenTelemetry,
        span_name: str,
        kind: SpanKind,
        header: Callable[[str], str | None] | None,
        histogram: Histogram | None,
        labels: dict[str, Value],
        failure: Callable[[BaseException], str | None],
    ) -> None:
        self._otel = otel
        self._span = otel.start_span(span_name, kind, header, labels)
        self._histogram = histogram
        self._labels = labels
        self._failure = failure
        self._started = 0.0
        self._current: AbstractContextManager[Any] | None = None

    def __enter__(self) -> Self:
        if self._span is not None:
            self._current = self._otel.trace.use_span(
                self._span, end_on_exit=True, record_exception=False, set_status_on_exception=False
            )
            self._current.__enter__()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        failed_as = None if error is None else self._failure(error)
        if failed_as is not None:
            self.fail(failed_as)
        if self._histogram is not None:
            self._otel.record(self._histogram, seconds, self._labels)
        if self._current is not None:
            self._current.__exit__(None, None, None)  # never the error: its message may hold what nobody may read

    def label(self, name: str, value: Value) -> None:
        self._labels[name] = value
        self.note(name, value)

    def note(self, name: str, value: Value) -> None:
        if self._span is not None:
            self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        self.label("error.type", error_type)
        if self._span is not None:
            self._span.set_status(self._otel.trace.StatusCode.ERROR)


class _Silent:
    """An operation that nobody sees."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def label(self, name: str, value: Value) -> None:
        """Nothing."""

    def note(self, name: str, value: Value) -> None:
        """Nothing."""

    def fail(self, error_type: str) -> None:
        """Nothing."""


_SILENT = _Silent()
