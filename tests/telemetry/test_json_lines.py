"""The log as JSON: one event one line, with the request it belongs to. Security LG-3."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.site import running_site
from watchword import JsonFormatter
from watchword.telemetry.request_ids import current_request


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What goes to a handler with our formatter, from every logger."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    """One event for each line, or this fails."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def formatted(message: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    """One record through the formatter, which is one line."""
    record = logging.LogRecord("watchword.test", logging.WARNING, __file__, 1, message, arguments, None)
    vars(record).update(more)
    line = JsonFormatter().format(record)
    assert line.isprintable()
    assert line.isascii()
    return json.loads(line)


@given(st.text(), st.text())
def test_no_text_makes_a_second_line(message: str, value: str) -> None:
    """Attack: a name, a message or a field with line ends, escape sequences or quotes, to forge an event."""
    event = formatted("%s", message, field=value)
    assert (message, value) == (event["message"], event["field"])


def test_an_event_says_when_where_and_how_bad() -> None:
    """Time in UTC with milliseconds, level, logger and message; nothing that is empty."""
    event = formatted("it took %d ms", 7)
    assert {"time", "level", "logger", "message"} == set(event)
    assert ("WARNING", "watchword.test", "it took 7 ms") == (event["level"], event["logger"], event["message"])
    assert event["time"].endswith("+00:00")


def test_an_exception_stays_on_the_line() -> None:
    """A stack has many lines, and is one member."""
    try:
        int("first\nsecond")
    except ValueError as error:
        event = formatted("failed", exc_info=(type(error), error, error.__traceback__))
    assert event["exception"].startswith("Traceback")
    assert "first" in event["exception"]


def test_fields_cannot_pass_for_ours() -> None:
    """`extra` brings members of its own, whatever they are, and cannot replace the message or the id."""
    token = current_request.set({"headers": [(b"x-request-id", b"req-12345")]})
    try:
        event = formatted("true", logger="another", request_id="forged-1", count=3, thing={(1, 2): object})
    finally:
        current_request.reset(token)
    assert ("true", "watchword.test", "req-12345", 3) == (
        event["message"], event["logger"], event["request_id"], event["count"],
    )  # fmt: skip


async def test_levels_are_those_of_the_standard_library(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """At WARNING a request without a session is silent; at DEBUG the log says why it was refused."""
    async with running_site(sqlite_url) as site:
        for level in (logging.WARNING, logging.DEBUG):
            with caplog.at_level(level, "watchword"):
                caplog.clear()
                assert 401 == (await site.browser().get("/me")).status_code
                assert (level == logging.DEBUG) == ("unauthorised: " in caplog.text)


async def test_lines_of_a_request_name_it(sqlite_url: str, lines: io.StringIO) -> None:
    """What the engine logs while it answers carries the request's id, in our routes and in the application's."""
    async with running_site(sqlite_url) as site:
        await site.browser().get("/me", headers={"X-Request-ID": "req-12345", "authorization": "Bearer none"})
        await site.browser().call("POST", "/auth/signout", headers={"X-Request-ID": "req-67890"})
    found = {(event["logger"], event.get("request_id")) for event in events(lines)}
    assert {("watchword.fdi.errors", "req-12345"), ("watchword.fdi.errors", "req-67890")} <= found
    assert ("watchword.app", None) in found
