"""OpenTelemetry's tracer and meter, as far as the application has a provider for each."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from watchword.telemetry.instruments import SECONDS_BUCKETS, Histogram, Observed, Reading

if TYPE_CHECKING:  # an optional package: imported at run time when the first object is made
    from opentelemetry.metrics import Histogram as OtelHistogram
    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

Value = str | int | float | bool
SpanKind = Literal["internal", "server", "client"]

log = logging.getLogger(__name__)

_SCOPE = "watchword"
_TAKEN = "_taken_by_watchword"  # the mark on a meter; it lasts as long as the provider, and no list of ours has to
_SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"


class OpenTelemetry:
    """The tracer and the meter, as far as there is a provider for each."""

    def __init__(
        self, app_name: str, tracer_provider: "TracerProvider | None", meter_provider: "MeterProvider | None"
    ) -> None:
        # Imported here because it is optional, and takes its time.
        from importlib.metadata import version  # noqa: PLC0415

        from opentelemetry import metrics, trace  # noqa: PLC0415

        self.trace = trace
        self._observation = metrics.Observation
        self._histograms: dict[Histogram, OtelHistogram] = {}
        # Two applications of one process would otherwise share instruments, and one of them be silent.
        scope = {"watchword.app_name": app_name}
        tracer_provider = tracer_provider or trace.get_tracer_provider()
        meter_provider = meter_provider or metrics.get_meter_provider()
        ours = (_SCOPE, version(_SCOPE))
        self.tracer: Tracer | None = (
            tracer_provider.get_tracer(*ours, _SCHEMA_URL, scope) if _listens(tracer_provider) else None
        )
        self.meter: Meter | None = (
            meter_provider.get_meter(*ours, _SCHEMA_URL, scope) if _listens(meter_provider) else None
        )
        self.is_heard = self.tracer is not None or self.meter is not None
        self._warn_of_another(app_name)

    def _warn_of_another(self, app_name: str) -> None:
        """A meter provider answers the same scope with the same meter, which takes each observed value once."""
        if self.meter is None:
            return
        if getattr(self.meter, _TAKEN, False):
            log.warning(
                "a Watchword called %r reads its metrics through this meter provider already: gauges and counters of "
                "this one are not collected; give each its own app_info.app_name, or its own "
                "Telemetry(meter_provider=…)",
                app_name,
            )
        setattr(self.meter, _TAKEN, True)

    def start_span(
        self,
        name: str,
        kind: SpanKind,
        header: Callable[[str], str | None] | None,
        attributes: Mapping[str, Value],
    ) -> "Span | None":
        """A span, if anybody listens."""
        if self.tracer is None:
            return None
        context = None
        if kind == "server":
            if self.trace.get_current_span().get_span_context().is_valid:  # the framework's instrumentation was first
                kind = "internal"
            elif header is not None:
                from opentelemetry import propagate  # noqa: PLC0415 - looks for entry points: only if there is a span

                named = {name: header(name) for name in propagate.get_global_textmap().fields}
                context = propagate.extract({name: value for name, value in named.items() if value is not None})
        otel_kind = self.trace.SpanKind[kind.upper()]
        return self.tracer.start_span(name, context=context, kind=otel_kind, attributes=dict(attributes))

    def record(self, histogram: Histogram, seconds: float, labels: Mapping[str, Value]) -> None:
        """One measurement, if anybody listens."""
        if self.meter is None:
            return
        opened = self._histograms.get(histogram)
        if opened is None:
            opened = self.meter.create_histogram(
                histogram.name, "s", histogram.description, explicit_bucket_boundaries_advisory=SECONDS_BUCKETS
            )
            self._histograms[histogram] = opened
        opened.record(seconds, dict(labels))

    def observe(self, observed: Observed, read: Callable[[], Iterable[Reading]]) -> None:
        """An instrument that asks `read`, if anybody listens."""
        if self.meter is None:
            return
        create = {
            "counter": self.meter.create_observable_counter,
            "up_down": self.meter.create_observable_up_down_counter,
            "gauge": self.meter.create_observable_gauge,
        }[observed.kind]
        create(
            observed.name,
            [lambda _: [self._observation(value, dict(labels)) for value, labels in read()]],
            observed.unit,
            observed.description,
        )


def _listens(provider: object) -> bool:
    """Whether a provider is more than the placeholder that the API has until an application sets one."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))
