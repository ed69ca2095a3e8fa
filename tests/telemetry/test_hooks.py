"""Functions of the application: timed, named in the log when slow or blocking, and bounded. Security F-21."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Generator
from typing import Any

import pytest

from tests.site import running_site
from watchword.errors import ConfigurationError, HookFailed
from watchword.recipes import EmailPassword, Session, SessionFeature
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.telemetry.hooks import HookLimits, Hooks, HookTimedOut


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.Event().wait()


async def test_a_hook_that_never_answers_is_cancelled() -> None:
    """A hook that passes the bound raises an error that names it, and it is cancelled, so that it holds nothing."""
    cancelled: list[str] = []

    async def hanging() -> None:
        try:
            await never()
        except asyncio.CancelledError:
            cancelled.append("hanging")
            raise

    with pytest.raises(HookTimedOut, match=r"set_jwt_payload did not answer within 0.01 s"):
        await Hooks(HookLimits(timeout_seconds=0.01)).call("set_jwt_payload", hanging)
    assert ["hanging"] == cancelled


async def test_a_hooks_own_timeout_is_its_own_failure() -> None:
    """A `TimeoutError` that the hook raises itself is not taken for the bound."""

    async def impatient() -> None:
        raise TimeoutError

    with pytest.raises(HookFailed, match="raised TimeoutError") as caught:
        await Hooks().call("hook", impatient)
    assert not isinstance(caught.value, HookTimedOut)


async def test_a_hook_without_a_bound_takes_its_time() -> None:
    """`None` switches the bound off."""
    assert 1 == await Hooks(HookLimits(timeout_seconds=None)).call("hook", lambda: asyncio.sleep(0, 1))


class Stopwatch:
    """What hooks are timed with; moved by hand, so that a slow machine makes no hook slow."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def perf_counter(self) -> float:
        return self.seconds

    monotonic = perf_counter

    def move(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """In place of the machine's."""
    stopwatch = Stopwatch()
    monkeypatch.setattr("watchword.telemetry.hooks.time", stopwatch)
    return stopwatch


async def wait(stopwatch: Stopwatch, seconds: float) -> None:
    """Wait, and let others run meanwhile."""
    asyncio.get_running_loop().call_soon(stopwatch.move, seconds)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_slow_hook_is_named_once_in_a_while(stopwatch: Stopwatch, caplog: pytest.LogCaptureFixture) -> None:
    """What takes longer than `slow_ms` is named with its time; called again and again, it does not flood the log."""
    hooks = Hooks(HookLimits(slow_ms=1_000))
    for seconds in (0.9, 1.5, 1.5, 1.5, 11.0):
        await hooks.call("set_session_data", lambda seconds=seconds: wait(stopwatch, seconds))
    assert [
        "hook set_session_data took 1500 ms",
        "hook set_session_data took 11000 ms, as 2 times before",
    ] == [record.getMessage() for record in caplog.records]


async def test_a_hook_that_blocks_is_told_from_one_that_waits(
    stopwatch: Stopwatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every other request waits for one that blocks, also in the middle of a coroutine: the log says so by name.

    One that only waits is not called that, however long it takes.
    """

    async def waits_and_blocks() -> str:
        await wait(stopwatch, 0.5)
        stopwatch.move(0.2)
        await wait(stopwatch, 0.5)
        return "done"

    hooks = Hooks(HookLimits(blocking_ms=100, slow_ms=60_000))
    assert "done" == await hooks.call("async one", waits_and_blocks)
    await hooks.call("sync one", lambda: stopwatch.move(0.3))
    await hooks.call("waiting one", lambda: wait(stopwatch, 5))
    told = [(record.hook, record.took_ms, record.held_ms) for record in caplog.records]  # type: ignore[attr-defined]
    assert [("async one", 1200, 200), ("sync one", 300, 300)] == told
    assert 2 == caplog.text.count("let nothing else run for")


async def test_an_override_refuses_with_errors_of_its_own() -> None:
    """What an override raises passes as it is: it is how it refuses."""

    async def refuses() -> None:
        raise WrongCredentials

    with pytest.raises(WrongCredentials):
        await Hooks().call_override("EmailPassword.sign_in", refuses)


async def test_whoever_cancels_a_request_cancels_its_hook() -> None:
    """A cancellation from outside reaches the hook and comes back as one, not as a time-out."""
    ended: list[str] = []

    async def hook() -> None:
        try:
            await never()
        finally:
            ended.append("hook")

    task = asyncio.create_task(Hooks().call("hook", hook))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["hook"] == ended


async def test_anything_that_can_be_awaited_is() -> None:
    """Futures, tasks and objects with `__await__` are awaited like coroutines, and errors go both ways."""

    class Own:
        def __await__(self) -> Generator[Any, None, int]:
            try:
                yield from asyncio.sleep(0).__await__()
            finally:
                pass
            return 7

    async def catches() -> str:
        try:
            async with asyncio.timeout(0):
                await never()
        except TimeoutError:
            return "caught"
        return "not caught"

    hooks = Hooks()
    future: Awaitable[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 8)  # type: ignore[attr-defined]
    assert 7 == await hooks.call("own", Own)
    assert 8 == await hooks.call("future", lambda: future)
    assert "caught" == await hooks.call("catches", catches)


@pytest.mark.parametrize("name", ["slow_ms", "blocking_ms", "timeout_seconds", "override_timeout_seconds"])
def test_limits_are_positive(name: str) -> None:
    """A bound of nothing would refuse every hook."""
    with pytest.raises(ConfigurationError, match=name):
        HookLimits(**{name: 0})


async def test_what_a_transaction_calls_is_left_alone(sqlite_url: str) -> None:
    """An overridden method that is given a transaction runs inside of it, where nothing else can be awaited."""

    class Own(Session):
        async def delete_sessions_of_user(self, tx: Any, user_id: str, **named: Any) -> list[str]:
            return await super().delete_sessions_of_user(tx, user_id, **named)

        async def revoke_session(self, handle: str, **named: Any) -> bool:
            return await super().revoke_session(handle, **named)

    async with running_site(sqlite_url, session=Own()) as site:
        watched = vars(site.auth.session_recipe)
        assert ("revoke_session" in watched, "delete_sessions_of_user" in watched) == (True, False)
        browser = site.browser()
        await browser.sign_up()
        assert 200 == (await browser.call("POST", "/auth/signout")).status_code
        assert 401 == (await browser.get("/me")).status_code


@pytest.mark.parametrize("hook", ["set_jwt_payload", "set_session_data"])
async def test_a_hook_that_hangs_is_a_503_and_leaves_no_session(database_url: str, hook: str) -> None:
    """F-21: a hook that never returns costs its own request 503 with `Retry-After`; nothing is half-made.

    Others are answered meanwhile, no transaction is open, and the person can sign in once the hook works.
    """
    hanging = asyncio.Event()
    works = False

    async def fill(user: Any, context: Any, action: Any) -> dict[str, Any]:
        if not works:
            hanging.set()
            await never()
        return {"works": True}

    feature = SessionFeature(**{hook: fill})
    limits = HookLimits(timeout_seconds=0.5)
    async with running_site(database_url, session_feature=feature, hook_limits=limits) as site:
        browser = site.browser()
        waiting = asyncio.create_task(browser.sign_up())
        await hanging.wait()
        assert 200 == (await site.browser().get("/maybe")).status_code
        await site.auth.sessions.create("eve")  # SQLite has one writer: no transaction is open
        answer = await waiting
        assert (503, "hook_timed_out", "1") == (
            answer.status_code, answer.json()["code"], answer.headers["retry-after"],
        )  # fmt: skip
        assert not browser.tokens
        assert "set-cookie" not in answer.headers
        works = True
        assert "OK" == (await browser.sign_in()).json()["status"]
        user = (await browser.get("/me")).json()["userId"]
        assert 1 == len(await site.auth.sessions.list_handles(user))


async def test_a_hook_that_blocks_delays_others_and_no_more(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """F-21: user code that blocks the event loop: all are answered as ever, only later, and the log names it."""

    def blocks(user: Any, context: Any, action: Any) -> dict[str, Any]:
        time.sleep(0.3)
        return {"blocked": True}

    async with running_site(sqlite_url, session_feature=SessionFeature(set_jwt_payload=blocks)) as site:
        first, second, other = await asyncio.gather(
            site.browser().sign_up("ada@example.com"),
            site.browser().sign_up("eve@example.com"),
            site.browser().get("/maybe"),
        )
    assert ["OK", "OK"] == [first.json()["status"], second.json()["status"]]
    assert 200 == other.status_code
    assert "hook set_jwt_payload took" in caplog.text
    assert "let nothing else run" in caplog.text


async def test_an_override_that_hangs_is_bounded_and_named(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """An overridden method of a recipe is bounded by its own setting, and the log names class and method."""

    class Stuck(EmailPassword):
        async def sign_in(self, *arguments: Any, **named: Any) -> Any:
            await never()

    limits = HookLimits(override_timeout_seconds=0.1, slow_ms=1)
    with caplog.at_level(logging.WARNING):
        async with running_site(database_url, recipes=[Stuck()], hook_limits=limits) as site:
            answer = await site.browser().sign_in()
    assert (503, "hook_timed_out") == (answer.status_code, answer.json()["code"])
    assert "hook Stuck.sign_in took" in caplog.text
    assert "Stuck.sign_in did not answer within 0.1 s, and was cancelled" in caplog.text
