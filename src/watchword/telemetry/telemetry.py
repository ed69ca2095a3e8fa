"""Traces and metrics through OpenTelemetry, where the application has it installed; otherwise nothing happens.

Counts are plain integers in the rooms that count, read when somebody collects; only what has a duration is
pushed, and a verified request has none of that. No attribute holds a user, a handle, an address or a token.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from watchword.errors import ConfigurationError, WatchwordError
from watchword.telemetry.instruments import SECONDS_BUCKETS, Histogram, Observed, Reading

if TYPE_CHECKING:  # an optional package: imported at run time when a Watchword is made
    from opentelemetry.metrics import Histogram as OtelHistogram
    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

Value = str | int | float | bool
SpanKind = Literal["internal", "server", "client"]

_SCOPE = "watchword"
_SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"


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


class Telemetry:
    """How a `Watchword` tells OpenTelemetry what it does; one object for one `Watchword`.

    Args:
        tracer_provider: Takes the spans; OpenTelemetry's global one when left out.
        meter_provider: Takes the metrics; OpenTelemetry's global one when left out.
        enabled: `False` for nothing at all, though OpenTelemetry is installed.
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
        self._tracer: Tracer | None = None
        self._meter: Meter | None = None
        self._histograms: dict[Histogram, OtelHistogram] = {}
        self._observed: dict[str, Callable[[], Iterable[Reading]] | None] = {}
        self._app_name: str | None = None
        self._providers = (tracer_provider, meter_provider)
        self.is_on = enabled and _is_installed()
        if enabled and not self.is_on and self._providers != (None, None):
            raise ConfigurationError("telemetry", 'opentelemetry-api is not installed; pip install "watchword[otel]"')

    def bind(self, app_name: str) -> None:
        """Called once by `Watchword`.

        Raises:
            ConfigurationError: It belongs to another `Watchword`.
        """
        if self._app_name is not None:
            raise ConfigurationError("telemetry", "one Telemetry object serves one Watchword; make another")
        self._app_name = app_name

    def start(self) -> None:
        """Open the tracer and the meter; until then nothing is seen."""
        if not self.is_on or self._tracer is not None:
            return
        # Imported here because they take their time, and making a Watchword touches nothing.
        from importlib.metadata import version  # noqa: PLC0415

        from opentelemetry import metrics, trace  # noqa: PLC0415

        tracer_provider, meter_provider = self._providers
        # Two applications of one process would otherwise share instruments, and one of them be silent.
        scope = {"watchword.app_name": self._app_name or ""}
        self._tracer = trace.get_tracer(_SCOPE, version(_SCOPE), tracer_provider, _SCHEMA_URL, scope)
        self._meter = metrics.get_meter(_SCOPE, version(_SCOPE), meter_provider, _SCHEMA_URL, scope)

    def stop(self) -> None:
        """Read nothing any more, so that what was observed may go."""
        self._observed = dict.fromkeys(self._observed)

    def operation(
        self,
        span_name: str,
        histogram: Histogram | None = None,
        labels: Mapping[str, Value] | None = None,
        *,
        kind: SpanKind = "internal",
        notes: Mapping[str, Value] | None = None,
        carrier: Mapping[str, str] | None = None,
        failure: Callable[[BaseException], str | None] = code_of,
    ) -> AbstractContextManager[Operation]:
        """A span around a `with` block, and its duration in a histogram.

        Args:
            span_name: Few different ones.
            histogram: Takes the seconds at the end.
            labels: Attributes of both; see `Operation.label`.
            kind: `server` becomes `internal` where somebody has opened a span for this request already.
            notes: Attributes of the span alone.
            carrier: The headers of a request, in which its sender may name the trace it belongs to.
            failure: What an error that leaves the block is called; `None` for one that is no failure.
        """
        tracer = self._tracer
        if tracer is None:
            return _SILENT
        labels = {} if labels is None else dict(labels)
        span = _start_span(tracer, span_name, kind, {**labels, **(notes or {})}, carrier)
        return _Measured(self, span, None if histogram is None else self._open(histogram), labels, failure)

    def record(self, histogram: Histogram, seconds: float, labels: Mapping[str, Value] | None = None) -> None:
        """One measurement without a span; `labels` as for `Operation.label`."""
        if self._meter is not None:
            self._open(histogram).record(seconds, labels)

    def observe(self, observed: Observed, read: Callable[[], Iterable[Reading]]) -> None:
        """Have a value read whenever somebody collects, until `stop`; from any thread, so it only reads."""
        if self._meter is None:
            return
        is_new = observed.name not in self._observed
        self._observed[observed.name] = read
        if is_new:  # OpenTelemetry cannot take a callback back: ours outlives a stop, and finds nothing to read then
            self._create(self._meter, observed)

    def _open(self, histogram: Histogram) -> "OtelHistogram":
        opened = self._histograms.get(histogram)
        if opened is None:
            assert self._meter is not None  # noqa: S101 - who asks has looked
            opened = self._meter.create_histogram(
                histogram.name, "s", histogram.description, explicit_bucket_boundaries_advisory=SECONDS_BUCKETS
            )
            self._histograms[histogram] = opened
        return opened

    def _create(self, meter: "Meter", observed: Observed) -> None:
        from opentelemetry.metrics import CallbackOptions, Observation  # noqa: PLC0415 - optional, and loaded by now

        def observations(_: CallbackOptions) -> list[Observation]:
            read = self._observed[observed.name]
            return [] if read is None else [Observation(value, dict(labels)) for value, labels in read()]

        create = meter.create_observable_counter if observed.only_grows else meter.create_observable_gauge
        create(observed.name, [observations], observed.unit, observed.description)


class _Measured:
    """An operation that is seen."""

    def __init__(
        self,
        telemetry: Telemetry,
        span: "Span",
        histogram: "OtelHistogram | None",
        labels: dict[str, Value],
        failure: Callable[[BaseException], str | None],
    ) -> None:
        self._telemetry = telemetry
        self._span = span
        self._histogram = histogram
        self._labels = labels
        self._failure = failure
        self._started = 0.0
        self._current: AbstractContextManager[Any] | None = None

    def __enter__(self) -> Self:
        from opentelemetry import trace  # noqa: PLC0415 - optional, and loaded by now

        self._current = trace.use_span(
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
            self._histogram.record(seconds, self._labels)
        if self._current is not None:
            self._current.__exit__(None, None, None)

    def label(self, name: str, value: Value) -> None:
        self._labels[name] = value
        self._span.set_attribute(name, value)

    def note(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - optional, and loaded by now

        self.label("error.type", error_type)
        self._span.set_status(StatusCode.ERROR)


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


def _is_installed() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - a look on the disk that most processes need once

    return find_spec("opentelemetry.metrics") is not None if find_spec("opentelemetry") is not None else False


def _start_span(
    tracer: "Tracer", name: str, kind: SpanKind, attributes: dict[str, Value], carrier: Mapping[str, str] | None
) -> "Span":
    from opentelemetry import propagate, trace  # noqa: PLC0415 - optional, and loaded by now

    context = None
    if kind == "server":
        if trace.get_current_span().get_span_context().is_valid:  # the framework's own instrumentation was first
            kind = "internal"
        elif carrier is not None:
            context = propagate.extract(carrier)
    return tracer.start_span(name, context=context, kind=_kind_of(kind), attributes=attributes)


def _kind_of(kind: SpanKind) -> Any:
    from opentelemetry.trace import SpanKind as OtelKind  # noqa: PLC0415 - optional, and loaded by now

    return {"internal": OtelKind.INTERNAL, "server": OtelKind.SERVER, "client": OtelKind.CLIENT}[kind]
