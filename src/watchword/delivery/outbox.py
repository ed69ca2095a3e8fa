"""The outbox: mail is written in the transaction that causes it, and sent after its commit, at least once.

No request and no transaction ever waits for a mail system (security ML-3, ML-4, F-13). `Courier` sends. Text messages
are treated as mail is: where a mail is meant here, it may be one.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from watchword.audit.events import EventLog, Unlogged
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.delivery.courier import Courier, Patience, where_raised
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail
from watchword.delivery.sealed_messages import seal_message
from watchword.delivery.sms import Sms
from watchword.delivery.sms_delivery import SmsDelivery
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable
from watchword.telemetry.hooks import Hooks

log = logging.getLogger(__name__)

_IDLE_SECONDS = 10.0  # mail of a process that died waits at most this long after its lease


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxProgress:
    """How the outbox stands.

    Attributes:
        waiting: Mails not sent yet, those in flight included.
        oldest_waiting_since_ms: When the oldest of these was written; `None` when nothing waits.
        dead: Mails that were given up in the last thirty days.
    """

    waiting: int
    oldest_waiting_since_ms: int | None
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMail:
    """A mail that was given up, and why; its address and content are gone."""

    mail_id: str
    kind: str
    tenant_id: str
    user_id: str
    attempts: int
    dead_at_ms: int
    reason: str


class Outbox:
    """An app's outbox. Mail may be enqueued without `start`; it is sent by any process that has started.

    Args:
        db: Where mail waits.
        app_id: Whose mail it is.
        clock: Tells the time.
        secrets: Seals what waits.
        delivery: Renders and sends mail; `None` where none is configured, and then none is sent.
        sms_delivery: The same for text messages.
        patience: See `Patience`.
        hooks: Calls what the application gave us to send with.
        audit: Hears of mail that is given up.
    """

    def __init__(
        self,
        *,
        db: Database,
        app_id: str,
        clock: Clock,
        secrets: SecretRing,
        delivery: EmailDelivery | None,
        sms_delivery: SmsDelivery | None = None,
        patience: Patience | None = None,
        hooks: Hooks | None = None,
        audit: EventLog | None = None,
    ) -> None:
        hooks = hooks or Hooks()
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._secrets = secrets
        self._patience = patience or Patience()
        self._sends_mail, self._sends_sms = delivery is not None, sms_delivery is not None
        self._courier = (
            None
            if delivery is None and sms_delivery is None
            else Courier(
                db=db,
                app_id=app_id,
                clock=clock,
                secrets=secrets,
                delivery=delivery,
                sms_delivery=sms_delivery,
                patience=self._patience,
                hooks=hooks,
                audit=audit or Unlogged(),
            )
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._telemetry = hooks.telemetry
        self._measured_at = -_IDLE_SECONDS
        #: As of the worker's last look, for whoever measures; `None` where nobody does.
        self.progress: OutboxProgress | None = None

    @property
    def is_configured(self) -> bool:
        """Whether mail can be sent: a service is set, or this is a developer's machine and mail goes to the log."""
        return self._sends_mail

    def check_configured(self, recipe: str) -> None:
        """Called by a recipe that sends mail, when it is bound.

        Raises:
            ConfigurationError: No e-mail service is set, and this is not a developer's machine.
        """
        if not self.is_configured:
            raise ConfigurationError(
                "email_delivery",
                f"{recipe} sends mail and no service is set; set email_delivery=EmailDelivery(SmtpService(host=…))",
            )

    def check_sms_configured(self, recipe: str) -> None:
        """The same, called by a recipe that sends text messages. Raises `ConfigurationError`."""
        if not self._sends_sms:
            raise ConfigurationError(
                "sms_delivery",
                f"{recipe} sends text messages and no service is set; set sms_delivery=SmsDelivery(TwilioService(…))",
            )

    async def enqueue(self, tx: Transaction, mail: Mail | Sms) -> None:
        """Write a message in the caller's transaction: it is sent if and only if that commits. Then call `wake`."""
        await tx.execute(
            INSERT_MAIL,
            app_id=self._app_id,
            mail_id=mail.id,
            channel=mail.channel,
            kind=mail.kind,
            tenant_id=mail.tenant_id,
            user_id=mail.user_id,
            sealed_mail=seal_message(self._secrets, self._app_id, mail),
            now_ms=self._clock.now_ms(),
        )

    def wake(self) -> None:
        """Tell the worker of this process, from any thread, that there is mail; does nothing when not started."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # that loop is closed: another process sends it, or the next start
                loop.call_soon_threadsafe(self._woken.set)

    async def start(self) -> None:
        """Start sending, on the event loop that calls this; does nothing where no service is set."""
        courier = self._courier
        if courier is None or self._worker is not None:
            return
        courier.stopping = False
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        courier.moved_at = time.monotonic()
        self._worker = asyncio.create_task(self._work(courier), name="watchword-outbox")

    async def stop(self) -> None:
        """Finish what is being sent, for a few seconds, and stop; the rest waits in the database."""
        worker, self._worker, self._loop = self._worker, None, None
        if worker is None or self._courier is None:
            return
        self._courier.stopping = True
        self._woken.set()
        await asyncio.wait([worker], timeout=self._patience.stop_seconds)
        worker.cancel()
        await asyncio.wait([worker])

    def is_stuck(self) -> bool:
        """Whether this process should be sending and is not: its worker has ended, or hangs in one round.

        Mail that a mail system does not take is none of this: the process is well, and would be no better elsewhere.
        """
        worker, courier = self._worker, self._courier
        if worker is None or courier is None:
            return False
        longest_round = _IDLE_SECONDS + 2 * self._patience.send_timeout_seconds
        return worker.done() or time.monotonic() - courier.moved_at > longest_round

    async def get_progress(self) -> OutboxProgress:
        """How many mails wait, since when, and how many were given up."""
        row = await self._db.find(GET_PROGRESS, app_id=self._app_id)
        assert row is not None  # noqa: S101 - an aggregate always answers one row
        return OutboxProgress(
            waiting=int(row["waiting"]),
            oldest_waiting_since_ms=row["oldest_waiting_since_ms"],
            dead=int(row["dead"]),
        )

    async def list_dead(self, limit: int = 100) -> list[DeadMail]:
        """The mails that were given up, the newest first."""
        rows = await self._db.list(LIST_DEAD, app_id=self._app_id, at_most=limit)
        return [
            DeadMail(
                mail_id=row["mail_id"],
                kind=row["kind"],
                tenant_id=row["tenant_id"],
                user_id=row["user_id"],
                attempts=row["attempts"],
                dead_at_ms=row["dead_at_ms"],
                reason=row["dead_reason"],
            )
            for row in rows
        ]

    async def send_due(self) -> int:
        """Send all mail that is due now, without waiting for the worker; returns how many were accepted.

        Raises:
            StorageUnavailable: The database does not answer; what was not marked is tried again.
        """
        return 0 if self._courier is None else await self._courier.send_due()

    async def _work(self, courier: Courier) -> None:
        while not courier.stopping:
            self._woken.clear()
            pause_seconds = _IDLE_SECONDS
            try:
                await courier.send_due()
                await self._measure()
                pause_seconds = self._pause_seconds(await courier.find_next_due_ms())
            except (StorageUnavailable, Overloaded) as error:
                log.warning("mail waits, the database does not answer: %s", error)
            except Exception as error:  # the worker outlives any mistake: without it no mail would ever be sent
                log.error("the outbox stumbled: %s", where_raised(error))  # noqa: TRY400 - the message may hold content
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._woken.wait()

    async def _measure(self) -> None:
        now = time.monotonic()
        if self._telemetry.is_collected and now >= self._measured_at + _IDLE_SECONDS / 2:  # not for each mail
            self._measured_at = now
            self.progress = await self.get_progress()

    def _pause_seconds(self, due_at_ms: int | None) -> float:
        """Until the next mail is due, or somebody may have left one."""
        if due_at_ms is None:
            return _IDLE_SECONDS
        return min(max((due_at_ms - self._clock.now_ms()) / 1000, 0.05), _IDLE_SECONDS)


INSERT_MAIL = Statement("""
    insert into {mail_outbox} (app_id, mail_id, channel, kind, tenant_id, user_id, sealed_mail,
                               created_at_ms, due_at_ms)
    values (:app_id, :mail_id, :channel, :kind, :tenant_id, :user_id, :sealed_mail, :now_ms, :now_ms)
""")


GET_PROGRESS = Statement("""
    select count(*) - count(dead_at_ms) as waiting,
           min(case when dead_at_ms is null then created_at_ms end) as oldest_waiting_since_ms,
           count(dead_at_ms) as dead
      from {mail_outbox}
     where app_id = :app_id
""")

LIST_DEAD = Statement("""
    select mail_id, kind, tenant_id, user_id, attempts, dead_at_ms, dead_reason
      from {mail_outbox}
     where app_id = :app_id and dead_at_ms is not null
     order by dead_at_ms desc, mail_id
     limit :at_most
""")
