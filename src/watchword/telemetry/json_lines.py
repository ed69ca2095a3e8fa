"""`JsonFormatter`: the log as JSON, one event one line, whatever a message holds. Source: security LG-3."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from watchword.telemetry.request_ids import find_request_id

#: What a record has without anybody's `extra`.
_STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"})


class JsonFormatter(logging.Formatter):
    """Writes each record as one JSON object on one line; for any logger, ours and the application's.

    Members: `time` (RFC 3339, UTC), `level`, `logger`, `message`, `request_id` while a request is answered,
    `trace_id` where OpenTelemetry has a span, `exception` with its stack, and whatever `extra` brought.
    Everything but ASCII is escaped, so no value can end the line or steer a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": find_request_id(),
            "trace_id": getattr(record, "otelTraceID", None) or _find_trace_id(),
            "exception": self.formatException(record.exc_info) if record.exc_info else record.exc_text,
            "stack": self.formatStack(record.stack_info) if record.stack_info else None,
        }
        event |= {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in event}
        present = {name: value for name, value in event.items() if value is not None}
        return json.dumps(present, default=str, skipkeys=True, ensure_ascii=True, separators=(",", ":"))


def _find_trace_id() -> str | None:
    """The trace that runs now, where OpenTelemetry is in use: nobody imports it for a line of the log."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
