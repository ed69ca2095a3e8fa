"""A real OpenTelemetry SDK that keeps what it is told in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from watchword import Telemetry


@dataclass(frozen=True)
class Seen:
    """What was told so far."""

    telemetry: Telemetry
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader
    tracer_provider: TracerProvider

    def spans(self, name: str) -> list[ReadableSpan]:
        """The spans of this name that have ended."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, metric: str) -> list[tuple[dict[str, Any], Any]]:
        """The data points of a metric: attributes, and the value or the number of measurements."""
        data = self.reader.get_metrics_data()
        found = [
            entry
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for entry in scope.metrics
            if entry.name == metric
        ]
        return [
            (dict(point.attributes or {}), point.value if hasattr(point, "value") else point.count)
            for entry in found
            for point in entry.data.data_points
        ]

    def value(self, metric: str, **labels: str) -> Any:
        """The value of the one point with these attributes, among others; dots are written as two underscores."""
        wanted = {name.replace("__", "."): value for name, value in labels.items()}
        (found,) = [value for attributes, value in self.points(metric) if wanted.items() <= attributes.items()]
        return found


@pytest.fixture
def seen() -> Iterator[Seen]:
    """Providers of this test's own, handed in."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    meter_provider = MeterProvider([reader])
    telemetry = Telemetry(tracer_provider=tracer_provider, meter_provider=meter_provider)
    yield Seen(telemetry, exporter, reader, tracer_provider)
    tracer_provider.shutdown()
    meter_provider.shutdown()
