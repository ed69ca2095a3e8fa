"""The outbox: sent if and only if committed, at least once, by whoever is alive."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from tests.delivery.post import LINK, TOKEN, Letterbox, Post, reset_mail
from tests.site import SECRET
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.delivery.mail import RenderedMail
from watchword.delivery.outbox import OutboxProgress, Patience
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.errors import ConfigurationError, StorageUnavailable

MONTH_MS = 30 * 86_400_000
EVERYTHING = Statement("select * from {mail_outbox} where app_id = :app_id")


async def dump(db: Database) -> str:
    """All that the table holds, bytes as they are."""
    rows = await db.list(EVERYTHING, app_id="public")
    return "\n".join(repr(tuple(row)) for row in rows)  # type: ignore[arg-type]  # rows of both drivers iterate


def failing(error: Exception) -> Callable[[RenderedMail], None]:
    """A service that is down."""

    def fail(message: RenderedMail) -> None:
        raise error

    return fail


async def test_a_mail_is_sent_once_and_its_row_is_gone(post: Post) -> None:
    """A committed mail is sent by the next round, and no round sends it again."""
    box = Letterbox()
    node = post.node(box)
    await post.enqueue(node, reset_mail())

    assert 1 == await node.send_due()
    assert 0 == await node.send_due()

    assert ["ada@example.com"] == [mail.to for mail in box.mails]
    assert LINK in box.mails[0].text
    assert "" == await dump(post.db)


async def test_a_mail_of_a_transaction_that_rolled_back_is_never_sent(post: Post) -> None:
    """What did not happen is not told."""
    box = Letterbox()
    node = post.node(box)

    async def body(tx: Transaction) -> None:
        await node.enqueue(tx, reset_mail())
        raise RuntimeError("the sign-up failed after all")

    with pytest.raises(RuntimeError):
        await post.db.write(body)

    assert 0 == await node.send_due()
    assert [] == box.mails


async def test_the_table_never_shows_address_or_token(post: Post) -> None:
    """Attack: read the database, or a backup of it, while mail waits: no link can be used (ML-4)."""
    node = post.node(Letterbox(before=failing(DeliveryFailed("down"))))
    await post.enqueue(node, reset_mail())
    waiting = await dump(post.db)
    await node.send_due()
    put_off = await dump(post.db)

    for text in (waiting, put_off):
        assert "password_reset" in text
        assert TOKEN not in text
        assert "ada@example.com" not in text


async def test_two_nodes_send_each_mail_once(post: Post) -> None:
    """Two processes that look at the same moment share the work."""
    box = Letterbox()
    first, second = post.node(box), post.node(box)
    await post.enqueue(first, *(reset_mail(f"user{number}@example.com") for number in range(20)))

    sent = await asyncio.gather(first.send_due(), second.send_due())

    assert 20 == sum(sent)
    assert sorted(f"user{number}@example.com" for number in range(20)) == sorted(mail.to for mail in box.mails)


async def test_a_failure_is_tried_again_later_each_time(post: Post) -> None:
    """A service that is down gets its mail when it is back; the pauses double up to a ceiling."""
    box = Letterbox(before=failing(DeliveryFailed("no connection")))
    node = post.node(box, Patience(first_retry_ms=5_000, longest_retry_ms=20_000))
    await post.enqueue(node, reset_mail())

    for pause_ms in (5_000, 10_000, 20_000, 20_000):
        assert 0 == await node.send_due()
        post.clock.advance(pause_ms - 1)
        assert 0 == await node.send_due()
        post.clock.advance(1)

    box.before = None
    assert 1 == await node.send_due()
    assert ["ada@example.com"] == [mail.to for mail in box.mails]


async def test_a_refused_mail_is_given_up_with_its_reason_and_without_its_content(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """One address that is never accepted holds up nobody, and leaves a reason and no token."""

    def refuse_bob(message: RenderedMail) -> None:
        if message.to.startswith("bob"):
            raise DeliveryRefused("550 at the recipient")

    box = Letterbox(before=refuse_bob)
    node = post.node(box)
    await post.enqueue(node, reset_mail("bob@example.com", "bob"), reset_mail())

    assert 1 == await node.send_due()

    (dead,) = await node.list_dead()
    assert ("bob", "550 at the recipient", 1) == (dead.user_id, dead.reason, dead.attempts)
    assert OutboxProgress(waiting=0, oldest_waiting_since_ms=None, dead=1) == await node.get_progress()
    assert "None" in await dump(post.db)  # the sealed content
    assert "550 at the recipient" in caplog.text
    assert TOKEN not in caplog.text
    assert "bob@" not in caplog.text


async def test_a_mail_that_always_fails_is_given_up_at_last(post: Post) -> None:
    """Poison does not go round for ever."""
    node = post.node(Letterbox(before=failing(RuntimeError(f"cannot render {TOKEN}"))), Patience(max_attempts=3))
    await post.enqueue(node, reset_mail())
    for _ in range(3):
        assert 1 == (await node.get_progress()).waiting
        await node.send_due()
        post.clock.advance(3_600_000)

    (dead,) = await node.list_dead()
    assert dead.reason.startswith("given up after 3 attempts: RuntimeError at ")
    assert TOKEN not in dead.reason


async def test_dead_mail_is_forgotten_after_thirty_days(post: Post) -> None:
    """The list of what was given up does not grow for ever."""
    node = post.node(Letterbox(before=failing(DeliveryRefused("no"))))
    await post.enqueue(node, reset_mail(user_id="long ago"))
    await node.send_due()
    post.clock.advance(31 * 86_400_000)
    await post.enqueue(node, reset_mail(user_id="now"))
    await node.send_due()
    assert ["now"] == [dead.user_id for dead in await node.list_dead()]


async def test_a_mail_of_a_killed_process_is_taken_again_after_its_lease(post: Post) -> None:
    """A process that dies while it sends loses no mail; nobody else touches it before the lease is over."""
    stuck = Letterbox(gate=asyncio.Event())
    dying = post.node(stuck)
    await post.enqueue(dying, reset_mail())
    sending = asyncio.create_task(dying.send_due())
    await stuck.arrived.wait()
    sending.cancel()
    await asyncio.wait([sending])

    box = Letterbox()
    other = post.node(box)
    assert 0 == await other.send_due()
    post.clock.advance(Patience().lease_ms)
    assert 1 == await other.send_due()
    assert 1 == len(box.mails)


class DeletesNothing:
    """The database as seen by a process that loses it after sending."""

    def __init__(self, db: Database, failures: int) -> None:
        self._db = db
        self._failures = failures

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    async def write(self, body: Callable[[Transaction], object]) -> object:
        if "DELETE" in repr(getattr(body, "args", "")).upper() and self._failures:
            self._failures -= 1
            raise StorageUnavailable("lost")
        return await self._db.write(body)  # type: ignore[arg-type]  # handed on as it came


async def test_a_database_lost_between_send_and_delete_means_no_second_mail_from_that_process(post: Post) -> None:
    """The process that sent it remembers, and only deletes; a new process would send it again, with the same id."""
    box = Letterbox()
    node = post.node(box, db=DeletesNothing(post.db, 1))
    await post.enqueue(node, reset_mail())
    with pytest.raises(StorageUnavailable):
        await node.send_due()
    assert 1 == (await node.get_progress()).waiting

    post.clock.advance(Patience().lease_ms)
    await node.send_due()

    assert 1 == len(box.mails)
    assert "" == await dump(post.db)


async def test_a_process_killed_between_send_and_delete_sends_the_same_message_id_again(post: Post) -> None:
    """At least once: the repetition carries the id that lets mail systems drop it."""
    box = Letterbox()
    dying = post.node(box, db=DeletesNothing(post.db, 1))
    await post.enqueue(dying, reset_mail())
    with pytest.raises(StorageUnavailable):
        await dying.send_due()

    post.clock.advance(Patience().lease_ms)
    assert 1 == await post.node(box).send_due()
    assert 2 == len(box.mails)
    assert box.mails[0].mail_id == box.mails[1].mail_id


async def test_a_slow_service_is_cut_off_and_tried_again(post: Post) -> None:
    """An attempt ends before its lease does, so that no second process starts while the first still sends."""
    node = post.node(Letterbox(gate=asyncio.Event()), Patience(send_timeout_seconds=0.01))
    await post.enqueue(node, reset_mail())
    assert 0 == await node.send_due()
    assert 1 == (await node.get_progress()).waiting


async def test_the_worker_sends_when_it_is_woken(post: Post) -> None:
    """`wake` after the commit sends at once, without waiting for the next look."""
    box = Letterbox()
    node = post.node(box)
    await node.start()
    await post.enqueue(node, reset_mail())
    node.wake()
    async with asyncio.timeout(8):  # less than the idle pause
        await box.arrived.wait()
    await node.stop()
    assert "" == await dump(post.db)


async def test_the_worker_sends_what_was_waiting_before_it_started(post: Post) -> None:
    """Mail of the process before, stopped or killed, is the first thing."""
    box = Letterbox()
    node = post.node(box)
    await post.enqueue(node, reset_mail())
    await node.start()
    async with asyncio.timeout(8):
        await box.arrived.wait()


async def test_a_stop_finishes_what_is_being_sent(post: Post) -> None:
    """An orderly stop leaves no mail half-way, so none is sent twice by the next start."""
    gate = asyncio.Event()
    box = Letterbox(gate=gate)
    node = post.node(box)
    await post.enqueue(node, reset_mail())
    await node.start()
    await box.arrived.wait()
    stopping = asyncio.create_task(node.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert 1 == len(box.mails)
    assert "" == await dump(post.db)


async def test_a_stop_does_not_wait_for_ever(post: Post) -> None:
    """A mail system that hangs does not keep a process from ending; the mail waits for the next one."""
    box = Letterbox(gate=asyncio.Event())
    node = post.node(box, Patience(stop_seconds=0.01))
    await post.enqueue(node, reset_mail())
    await node.start()
    await box.arrived.wait()
    await node.stop()
    assert 1 == (await node.get_progress()).waiting


async def test_the_worker_outlives_an_outage(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """The database is away for one look: the next one sends, and the log says what happened."""
    box = Letterbox()
    away = AwayOnce(post.db)
    node = post.node(box, db=away)
    await post.enqueue(node, reset_mail())
    with caplog.at_level(logging.WARNING):
        await node.start()
        await away.seen.wait()
        node.wake()
        await box.arrived.wait()
    assert "mail waits, the database does not answer: away" in caplog.text


class AwayOnce:
    """The database, away at the first look."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.seen = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        if name == "list" and not self.seen.is_set():
            self.seen.set()
            raise StorageUnavailable("away")
        return getattr(self._db, name)


async def test_a_process_without_the_newer_secret_leaves_the_mail_to_one_that_has_it(post: Post) -> None:
    """While a secret is being changed, no mail is lost to the nodes that do not know it yet."""
    box = Letterbox()
    newer = post.node(box, secret=["another secret of at least 32 bytes!", SECRET])
    older = post.node(box)
    await post.enqueue(newer, reset_mail())
    assert 0 == await older.send_due()
    post.clock.advance(10_000)
    assert 1 == await newer.send_due()


async def test_without_a_service_recipes_that_send_mail_refuse_to_start(post: Post) -> None:
    """The mistake is told at start, with the setting to change, and not at the first lost mail."""
    post.node(Letterbox()).check_configured("EmailVerification")
    node = post.node(None)
    await node.start()
    assert 0 == await node.send_due()
    with pytest.raises(ConfigurationError, match=r"^email_delivery: EmailVerification sends mail"):
        node.check_configured("EmailVerification")


async def test_mail_of_a_clock_that_ran_ahead_waits_for_nobody(post: Post) -> None:
    """F-15: a node whose clock is a month ahead leaves two mails behind: both are sent today."""
    box = Letterbox()
    ahead, node = post.node(None), post.node(box)
    post.clock.advance(MONTH_MS)
    await post.enqueue(ahead, reset_mail("ada@example.com"), reset_mail("eve@example.com"))
    post.clock.advance(-MONTH_MS)
    assert 0 == await node.send_due()

    await node.start()
    async with asyncio.timeout(20):
        while len(box.mails) < 2:  # noqa: ASYNC110 - the worker says nothing to us
            await asyncio.sleep(0.01)

    assert {"ada@example.com", "eve@example.com"} == {mail.to for mail in box.mails}
