"""`docs/operations.md` keeps its word."""

import asyncio
import json
import re
from pathlib import Path

from tests.telemetry.test_dashboard import expose
from watchword.readiness import Readiness
from watchword.telemetry.instruments import HISTOGRAMS, OBSERVED

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z._]+)` \|([^|]*)\|", PAGE, re.MULTILINE))


def test_every_metric_is_explained_and_no_other() -> None:
    """The table has one line for each."""
    assert {metric.name for metric in (*HISTOGRAMS, *OBSERVED)} == set(ROWS)


def test_the_labels_of_a_metric_are_those_it_has(tmp_path: Path) -> None:
    """Whoever writes an alarm by the page finds the series."""
    series = asyncio.run(expose(f"sqlite:///{tmp_path / 'watchword.db'}")).series
    for metric, cell in ROWS.items():
        prefix = metric.replace(".", "_")
        exposed = {name: labels for name, labels in series.items() if name.startswith(prefix)}
        assert exposed
        for label in re.findall(r"`([a-z._]+)`", cell):
            optional = label == "error.type"
            assert optional or any(label.replace(".", "_") in labels for labels in exposed.values())


def test_the_line_of_the_log_is_one() -> None:
    """The example is JSON, with the members that the formatter writes."""
    (line,) = re.findall(r"^```json\n(.*)\n```", PAGE, re.MULTILINE)
    assert {"time", "level", "logger", "message", "request_id", "trace_id"} == set(json.loads(line))


def test_every_reason_not_to_be_ready_is_explained() -> None:
    """The names that `failed` may hold."""
    assert Readiness.find_problems.__doc__ is not None
    for name in re.findall(r"`(\w+)`", Readiness.find_problems.__doc__):
        assert f"`{name}`" in PAGE
