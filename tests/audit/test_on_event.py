"""`on_event`: told in order, after the commit, by one process, whatever the function does."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.audit.logs import SECRET, chain, record, tamper
from tests.site import running_site
from watchword import AppInfo, AuditSettings, Watchword
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.rows import AuditEvent
from watchword.audit.teller import Teller
from watchword.database.database import Database
from watchword.errors import ConfigurationError
from watchword.telemetry.hooks import HookLimits, Hooks


class Listener:
    """An application's function, and what it heard."""

    def __init__(self, before: Callable[[AuditEvent], None] = lambda _: None) -> None:
        self.heard: list[AuditEvent] = []
        self.threads: set[int] = set()
        self._before = before

    async def __call__(self, event: AuditEvent) -> None:
        self.heard.append(event)
        self._before(event)

    def sync(self, event: AuditEvent) -> None:
        """The same, not async."""
        self.threads.add(threading.get_ident())
        self.heard.append(event)
        self._before(event)

    @property
    def numbers(self) -> list[Any]:
        """Which events were heard."""
        return [event.facts["number"] for event in self.heard]


def numbered(number: int) -> SecurityEvent:
    """An event that can be told from others."""
    return SecurityEvent("sign_in", user_id="ada", facts={"number": number})


async def started(db: Database, on_event: Any, **limits: Any) -> Teller:
    """A teller that has begun: what happened before is not told."""
    teller = Teller(db, "public", on_event, Hooks(HookLimits(**limits)))
    await teller.begin()
    return teller


async def test_events_are_told_once_in_order_after_they_have_their_place(db: Database, audit: AuditLog) -> None:
    """Not what was there before, not what has no place yet, and nothing twice."""
    await record(db, audit, numbered(0))
    await chain(db, audit)
    listener = Listener()
    teller = await started(db, listener)
    for number in range(1, 121):
        await record(db, audit, numbered(number))
    assert 0 == await teller.tell_all()
    await chain(db, audit)

    assert 120 == await teller.tell_all()
    assert 0 == await teller.tell_all()
    assert list(range(1, 121)) == listener.numbers
    assert {"ada"} == {event.user_id for event in listener.heard}


async def test_a_sync_function_runs_in_a_thread(db: Database, audit: AuditLog) -> None:
    """What blocks holds no request."""
    listener = Listener()
    teller = await started(db, listener.sync)
    await record(db, audit, numbered(1))
    await chain(db, audit)
    await teller.tell_all()
    assert [1] == listener.numbers
    assert threading.get_ident() not in listener.threads


async def test_a_function_that_raises_is_logged_and_hurts_nothing(
    db: Database, audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    """The next event is told all the same."""

    def fail(event: AuditEvent) -> None:
        if event.facts["number"] == 1:
            raise LookupError("of the application")

    listener = Listener(fail)
    teller = await started(db, listener)
    await record(db, audit, numbered(1), numbered(2))
    await chain(db, audit)
    await teller.tell_all()

    assert [1, 2] == sorted(listener.numbers)
    (line,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert "on_event" in line.getMessage()
    assert "LookupError" in caplog.text


async def test_a_function_that_never_answers_is_cut_off(
    db: Database, audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    """`HookLimits.timeout_seconds` counts for it, as for every hook."""
    heard: list[Any] = []

    async def hang(event: AuditEvent) -> None:
        heard.append(event.facts["number"])
        await asyncio.Event().wait()

    teller = await started(db, hang, timeout_seconds=0.01)
    await record(db, audit, numbered(1))
    await record(db, audit, numbered(2))
    await chain(db, audit)
    assert 2 == await teller.tell_all()
    assert [1, 2] == heard
    assert "did not answer within" in caplog.text


async def test_one_process_tells_at_a_time_and_another_goes_on_where_it_died(db: Database, audit: AuditLog) -> None:
    """Killed in the middle of a batch: what is not written down as told is told by another, some of it twice."""

    class Killed(BaseException):
        """As good as SIGKILL."""

    def die(event: AuditEvent) -> None:
        if event.facts["number"] == 2:
            raise Killed

    first = Listener(die)
    teller = await started(db, first)
    for number in range(1, 4):
        await record(db, audit, numbered(number))
    await chain(db, audit)
    with pytest.raises(Killed):
        await teller.tell_all()

    second = Listener()
    other = Teller(db, "public", second, Hooks())
    assert 0 == await other.tell_all()
    await tamper(db, "update {audit_chains} set teller_until_ms = 0")
    assert 3 == await other.tell_all()
    assert [1, 2, 3] == second.numbers


async def test_what_happened_long_ago_is_not_told_any_more(db: Database, audit: AuditLog) -> None:
    """Switched off for a month and on again: alerts of a month would be no alerts."""
    listener = Listener()
    teller = await started(db, listener)
    await record(db, audit, numbered(1))
    await chain(db, audit)
    await tamper(db, "update {audit_events} set chained_at_ms = chained_at_ms - 90000000")
    await record(db, audit, numbered(2))
    await chain(db, audit)
    await teller.tell_all()
    assert [2] == listener.numbers


async def test_an_application_hears_of_a_sign_up(sqlite_url: str) -> None:
    """The whole way, by the work in the background."""
    signed_up = asyncio.Event()
    heard: list[AuditEvent] = []

    async def on_event(event: AuditEvent) -> None:
        heard.append(event)
        if event.kind == "sign_up":
            signed_up.set()

    async with running_site(sqlite_url, on_event=on_event) as site:
        user_id = (await site.browser().sign_up()).json()["user"]["id"]
        async with asyncio.timeout(20):
            await signed_up.wait()
    assert [user_id] == [event.user_id for event in heard if event.kind == "sign_up"]


@pytest.mark.parametrize(
    ("settings", "on_event", "word"),
    [
        ({}, lambda: None, "other arguments"),
        ({}, "a name", "no function"),
        ({"on": False}, print, "audit.on"),
    ],
)
def test_a_hook_that_cannot_work_stops_the_start(settings: Any, on_event: Any, word: str) -> None:
    """Asked at construction, not at the first theft."""
    with pytest.raises(ConfigurationError, match=word):
        Watchword(
            app_info=AppInfo(app_name="Test", api_domain="localhost:1", website_domain="localhost:1"),
            database="sqlite://",
            secret=SECRET,
            recipe_list=[],
            audit=AuditSettings(**settings),
            on_event=on_event,
        )


@pytest.mark.parametrize("settings", [{"keep_days": 0}, {"keep_days": 10**9}, {"addresses": "some"}])
def test_settings_that_cannot_be_are_refused(settings: Any) -> None:
    """By name."""
    with pytest.raises(ConfigurationError, match=f"audit.{next(iter(settings))}"):
        AuditSettings(**settings)


async def test_a_log_that_is_off_says_so_and_records_nothing(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """`AuditSettings(on=False)`: a warning at every start, and an empty log that can still be read."""
    async with running_site(sqlite_url, audit=AuditSettings(on=False)) as site:
        await site.browser().sign_up()
        assert [] == await site.auth.audit.list()
    assert "audit.on is off" in caplog.text
