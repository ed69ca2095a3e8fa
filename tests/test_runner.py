"""`auth.run`: what programs without an event loop call, and what each of their mistakes is told."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.site import PASSWORD, SECRET, running_site
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.errors import ConfigurationError
from watchword.recipes import EmailPassword


def make(database_url: str) -> Watchword:
    """A `Watchword` that nobody has started."""
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
        database=database_url,
        secret=SECRET,
        recipe_list=[EmailPassword()],
        passwords=PasswordHasher(workers=1),
    )


@pytest.fixture
def auth(database_url: str) -> Iterator[Watchword]:
    """One that is stopped at the end."""
    made = make(database_url)
    yield made
    made.run(made.stop())


def test_many_threads_at_once(auth: Watchword) -> None:
    """The first of several threads starts everything, all of them get their answers, and a second start is none."""
    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(lambda number: _new_session(auth, f"user {number}"), range(24)))
    assert 24 == len(set(handles))
    assert handles[7] in auth.run(auth.sessions.list_handles("user 7"))
    assert 1 == sum(thread.name == "watchword-loop" for thread in threading.enumerate())


def _new_session(auth: Watchword, user_id: str) -> str:
    return auth.run(auth.sessions.create(user_id)).handle


def test_what_the_coroutine_raises_reaches_the_caller(auth: Watchword) -> None:
    """Whatever it is; and the next call works."""

    async def fail() -> None:
        raise LookupError("the application's own")

    with pytest.raises(LookupError, match="the application's own"):
        auth.run(fail())
    assert [] == auth.run(auth.sessions.list_handles("nobody"))


def test_stopped_it_can_be_used_again(database_url: str) -> None:
    """`auth.run(auth.stop())` ends its thread; the next call starts another."""
    auth = make(database_url)
    for _ in range(2):
        _new_session(auth, "ada")
        auth.run(auth.stop())
    auth.run(auth.stop())
    assert 2 == len(auth.run(auth.sessions.list_handles("ada")))
    auth.run(auth.stop())


def test_what_cannot_start_is_told_each_time() -> None:
    """A database that cannot be used: a sentence for whoever calls, and no thread stays."""
    auth = make("sqlite:////nowhere/at/all.db")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="database"):
            auth.run(auth.sessions.list_handles("ada"))
    assert not [thread for thread in threading.enumerate() if thread.name == "watchword-loop"]


async def test_threads_of_a_server_use_its_event_loop(database_url: str) -> None:
    """A plain function in a thread of a site that runs: no second loop, and on the loop itself a sentence."""
    async with running_site(database_url) as site:
        await site.browser().sign_up("ada@example.com", PASSWORD)
        assert 1 == await asyncio.to_thread(lambda: site.auth.run(site.auth.users.count()))
        assert not [thread for thread in threading.enumerate() if thread.name == "watchword-loop"]
        with pytest.raises(ConfigurationError, match="was called on the event loop, which it would stop; write await"):
            site.auth.run(site.auth.users.count())


def test_a_fork_of_what_runs_is_refused(auth: Watchword) -> None:
    """Attack of a server that loads the application, asks it something, and forks its workers then."""
    _new_session(auth, "ada")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _new_session(auth, "grace")
        except ConfigurationError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        words = told.read().decode()
    os.waitpid(child, 0)
    assert "forked from one where Watchword was running" in words


def test_a_script_that_ends_has_stored_its_events(tmp_path: Path) -> None:
    """A script that signs somebody out and ends at once, without a word about stopping: the event is in the log."""
    script = f"""
from tests.test_runner import make
auth = make("sqlite:///{tmp_path}/script.db")
handle = auth.run(auth.sessions.create("ada")).handle
auth.run(auth.sessions.revoke(handle))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    auth = make(f"sqlite:///{tmp_path}/script.db")
    assert [event for event in auth.run(auth.audit.list()) if event.kind == "session_revoked"]
    auth.run(auth.stop())
