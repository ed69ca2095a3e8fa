"""Sends what is in the outbox: one conditional update is a lease, and each end of a message a statement.

Whoever took a mail sends it and deletes the row; if that process dies, the lease runs out and another one
takes it again. So no mail is lost, and in rare cases one is sent twice, with the same `Message-ID`.
"""

import asyncio
import logging
import time
import traceback
from dataclasses import dataclass
from functools import partial
from typing import Any

from watchword.audit.events import EventLog, SecurityEvent
from watchword.clock import Clock
from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail
from watchword.delivery.sealed_messages import open_message
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.delivery.sms import Sms
from watchword.delivery.sms_delivery import SmsDelivery
from watchword.errors import ConfigurationError
from watchword.telemetry.hooks import Hooks, HookTimedOut
from watchword.telemetry.instruments import MAILS

log = logging.getLogger(__name__)

_AT_ONCE = 8  # mails in flight in one process
#: Mail systems take their time, and nobody waits for them.
_SLOW_SECONDS = 30.0
_DEAD_KEPT_MS = 30 * 86_400_000
_LONGEST_ASKED_MS = 3_600_000  # of what a service asks us to wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the outbox tries.

    Attributes:
        send_timeout_seconds: One attempt at most; shorter than the lease.
        lease_ms: How long a mail belongs to the process that took it.
        first_retry_ms: The pause after the first failure; it doubles each time.
        longest_retry_ms: The longest pause.
        max_attempts: After these a mail is given up; the defaults try for about six hours.
        stop_seconds: How long a stop waits for mails that are being sent.
    Raises:
        ConfigurationError: An attempt could outlive its lease, and the mail be sent by two processes at once.
    """

    send_timeout_seconds: float = 150.0
    lease_ms: int = 200_000
    first_retry_ms: int = 5_000
    longest_retry_ms: int = 900_000
    max_attempts: int = 30
    stop_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.send_timeout_seconds * 1000 >= self.lease_ms:
            raise ConfigurationError("patience.send_timeout_seconds", "must be shorter than lease_ms")

    @property
    def too_late_ms(self) -> int:
        """Nobody puts a mail off for so long: twice what can be, so that clocks a little apart change nothing."""
        return 2 * max(self.lease_ms, self.longest_retry_ms)

    def retry_after_ms(self, attempts: int) -> int:
        """The pause after so many attempts, in milliseconds."""
        return min(self.first_retry_ms * 2 ** min(attempts - 1, 30), self.longest_retry_ms)


class Courier:
    """Sends an app's mail and text messages from one process. Several, in as many processes, share the work.

    Args:
        db: Where mail waits.
        app_id: Whose mail it is.
        clock: Tells the time.
        secrets: Opens what waits.
        delivery: Renders and sends mail; `None` where none is configured, and it waits for a process that does.
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
        sms_delivery: SmsDelivery | None,
        patience: Patience,
        hooks: Hooks,
        audit: EventLog,
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._secrets = secrets
        self._deliveries: dict[str, EmailDelivery | SmsDelivery] = {}
        if delivery is not None:
            self._deliveries[Mail.channel] = delivery
        if sms_delivery is not None:
            self._deliveries[Sms.channel] = sms_delivery
        self._patience = patience
        self._hooks = hooks
        self._audit = audit
        self._sent: set[str] = set()  # sent by us, and the database has not heard of it yet
        self._loaded: set[str] = set()
        self.stopping = False
        self.moved_at = 0.0  # real time, when the last batch began

    async def send_due(self) -> int:
        """Send all mail that is due now, several at once; returns how many were accepted.

        Raises:
            StorageUnavailable: The database does not answer; what was not marked is tried again.
        """
        sent = 0
        while not self.stopping:
            self.moved_at = time.monotonic()
            rows = await self._db.list(LIST_DUE, **self._ours(), now_ms=self._clock.now_ms(), at_most=_AT_ONCE)
            if not rows:
                break
            outcomes = await asyncio.gather(
                *(self._handle(row["mail_id"], row["attempts"]) for row in rows), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                sent += outcome
        return sent

    async def find_next_due_ms(self) -> int | None:
        """When the next mail is due, in milliseconds since the epoch; `None` when none waits.

        What is due later than any right clock can have said is due now: a process whose clock ran ahead had it.
        """
        row = await self._db.find(FIND_NEXT_DUE, **self._ours())
        if row is None or row["due_at_ms"] is None:
            return None
        now_ms = self._clock.now_ms()
        too_late_ms = now_ms + self._patience.too_late_ms
        if row["latest_ms"] <= too_late_ms:
            return row["due_at_ms"]
        await self._write(BRING_FORWARD, now_ms=now_ms, too_late_ms=too_late_ms)
        return now_ms

    def _ours(self) -> dict[str, str]:
        """What this process can send, as parameters: one channel counts twice, with none there is no courier."""
        channels = sorted(self._deliveries)
        return {"app_id": self._app_id, "channel": channels[0], "other_channel": channels[-1]}

    async def _handle(self, mail_id: str, attempts: int) -> int:
        """Take a mail and bring it to one end of four: sent, put off, given up, or taken by somebody else."""
        now_ms = self._clock.now_ms()
        taken = await self._db.write(
            lambda tx: tx.find(
                TAKE_MAIL,
                app_id=self._app_id,
                mail_id=mail_id,
                attempts=attempts,
                now_ms=now_ms,
                leased_until_ms=now_ms + self._patience.lease_ms,
            )
        )
        if taken is None:
            return 0
        try:
            if mail_id not in self._sent:
                await self._send(self._open(mail_id, taken))
        except DeliveryRefused as error:
            await self._give_up(mail_id, taken, error.reason)
            return 0
        except DeliveryFailed as error:
            await self._put_off(mail_id, taken, attempts + 1, error)
            return 0
        self._sent.add(mail_id)
        await self._write(DELETE_MAIL, mail_id=mail_id)
        self._sent.discard(mail_id)
        return 1

    async def _send(self, message: Mail | Sms) -> None:
        """Render and send; whatever goes wrong becomes one of the two failures, without anything of the message."""
        labels = {"watchword.mail.kind": message.kind}
        try:
            await self._load(message.channel)
            with self._hooks.telemetry.operation(message.channel, MAILS, labels, kind="client"):
                await self._hooks.watch(
                    "sms_delivery.send_sms" if isinstance(message, Sms) else "email_delivery.send_email",
                    lambda: self._hand_over(message),
                    timeout_seconds=self._patience.send_timeout_seconds,
                    slow_seconds=_SLOW_SECONDS,
                )
        except (DeliveryFailed, DeliveryRefused):
            raise
        except HookTimedOut:
            raise DeliveryFailed(f"took longer than {self._patience.send_timeout_seconds:g} s") from None
        except Exception as error:  # a template or an override of the application may raise anything
            raise DeliveryFailed(where_raised(error)) from None

    async def _load(self, channel: str) -> None:
        if channel not in self._loaded:
            await asyncio.to_thread(self._deliveries[channel].load)
            self._loaded.add(channel)

    async def _hand_over(self, message: Mail | Sms) -> None:
        delivery = self._deliveries[message.channel]
        if isinstance(message, Mail) and isinstance(delivery, EmailDelivery):
            await delivery.send_email(message)
        if isinstance(message, Sms) and isinstance(delivery, SmsDelivery):
            await delivery.send_sms(message)

    async def _put_off(self, mail_id: str, taken: Row, attempts: int, failure: DeliveryFailed) -> None:
        reason = failure.reason
        if attempts >= self._patience.max_attempts:
            await self._give_up(mail_id, taken, f"given up after {attempts} attempts: {reason}")
            return
        asked_ms = min(failure.retry_after_ms or 0, _LONGEST_ASKED_MS)
        pause_ms = max(self._patience.retry_after_ms(attempts), asked_ms)
        log.warning("%s %s, attempt %d: %s; next in %d s", _named(taken), mail_id, attempts, reason, pause_ms // 1000)
        await self._write(PUT_OFF_MAIL, mail_id=mail_id, attempts=attempts, due_at_ms=self._clock.now_ms() + pause_ms)

    async def _give_up(self, mail_id: str, taken: Row, reason: str) -> None:
        log.error("%s %s is given up: %s", _named(taken), mail_id, reason)
        now_ms = self._clock.now_ms()
        given_up = SecurityEvent(
            "mail_given_up",
            tenant_id=taken["tenant_id"],
            user_id=taken["user_id"],
            facts={"mail": taken["kind"], "mail_id": mail_id},
        )

        async def give_up(tx: Transaction) -> None:
            names = {"app_id": self._app_id, "mail_id": mail_id}
            if await tx.execute(GIVE_UP_MAIL, **names, reason=reason, now_ms=now_ms):
                await self._audit.record(tx, given_up)

        await self._db.write(give_up)
        await self._write(DELETE_OLD_DEAD, before_ms=now_ms - _DEAD_KEPT_MS)

    async def _write(self, statement: Statement, **parameters: Any) -> None:
        await self._db.write(partial(_execute, statement, {"app_id": self._app_id, **parameters}))

    def _open(self, mail_id: str, taken: Row) -> Mail | Sms:
        try:
            return open_message(self._secrets, self._app_id, mail_id, taken)
        except SealBroken as error:  # a process that knows a newer secret may have sealed it, and can send it
            raise DeliveryFailed(str(error)) from None


async def _execute(statement: Statement, parameters: dict[str, Any], tx: Transaction) -> int:
    return await tx.execute(statement, **parameters)


def _named(taken: Row) -> str:
    """What a message is, for the log: `password_reset mail`, `sign_in_code sms`."""
    return f"{taken['kind']} {taken['channel']}"


def where_raised(error: Exception) -> str:
    """The kind of an error and the place it came from; not its message, which may quote the mail."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


LIST_DUE = Statement("""
    select mail_id, attempts
      from {mail_outbox}
     where app_id = :app_id and due_at_ms <= :now_ms and dead_reason is null
       and channel in (:channel, :other_channel)
     order by due_at_ms
     limit :at_most
""")

FIND_NEXT_DUE = Statement("""
    select min(due_at_ms) as due_at_ms,
           (select max(due_at_ms) from {mail_outbox}
             where app_id = :app_id and dead_reason is null and channel in (:channel, :other_channel)) as latest_ms
      from {mail_outbox}
     where app_id = :app_id and dead_reason is null and channel in (:channel, :other_channel)
""")

BRING_FORWARD = Statement("""
    update {mail_outbox} set due_at_ms = :now_ms
     where app_id = :app_id and due_at_ms > :too_late_ms and dead_reason is null
""")

# Of two processes that saw the same mail, the second one finds its attempts counted up and takes nothing.
TAKE_MAIL = Statement("""
    update {mail_outbox}
       set attempts = attempts + 1, due_at_ms = :leased_until_ms
     where app_id = :app_id and mail_id = :mail_id and attempts = :attempts and due_at_ms <= :now_ms
       and dead_reason is null
 returning channel, kind, tenant_id, user_id, sealed_mail
""")

DELETE_MAIL = Statement("delete from {mail_outbox} where app_id = :app_id and mail_id = :mail_id")

# Only while the lease is ours: a slow process must not shorten that of the one that took the mail after it.
PUT_OFF_MAIL = Statement("""
    update {mail_outbox} set due_at_ms = :due_at_ms
     where app_id = :app_id and mail_id = :mail_id and attempts = :attempts and dead_reason is null
""")

GIVE_UP_MAIL = Statement("""
    update {mail_outbox} set dead_reason = :reason, dead_at_ms = :now_ms, sealed_mail = null
     where app_id = :app_id and mail_id = :mail_id and dead_reason is null
""")

DELETE_OLD_DEAD = Statement("""
    delete from {mail_outbox} where app_id = :app_id and dead_at_ms < :before_ms
""")
