"""The outbox: mail is written in the transaction that causes it, and sent after its commit, at least once.

A mail is taken by one conditional update that also moves its due time ahead: the lease. Whoever took it
sends it and deletes the row; if that process dies, the lease runs out and another one takes it again. So a
mail is neither lost nor sent by a transaction that rolled back, and in rare cases it is sent twice, with
the same `Message-ID`. No request and no transaction ever waits for a mail system (security ML-3, ML-4, F-13).
"""

import asyncio
import logging
import traceback
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from watchword.clock import Clock
from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable
from watchword.http.json import decode_json_object, encode_json

log = logging.getLogger(__name__)

_PURPOSE = "mail"
_AT_ONCE = 8  # mails in flight in one process
_DEAD_KEPT_MS = 30 * 86_400_000
_IDLE_SECONDS = 10.0  # mail of a process that died waits at most this long after its lease


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
    """

    send_timeout_seconds: float = 60.0
    lease_ms: int = 120_000
    first_retry_ms: int = 5_000
    longest_retry_ms: int = 900_000
    max_attempts: int = 30
    stop_seconds: float = 10.0

    def retry_after_ms(self, attempts: int) -> int:
        """The pause after so many attempts, in milliseconds."""
        return min(self.first_retry_ms * 2 ** min(attempts - 1, 30), self.longest_retry_ms)


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
        delivery: Renders and sends; `None` where none is configured, and then nothing is sent.
        patience: See `Patience`.
    """

    def __init__(
        self,
        *,
        db: Database,
        app_id: str,
        clock: Clock,
        secrets: SecretRing,
        delivery: EmailDelivery | None,
        patience: Patience | None = None,
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._secrets = secrets
        self._delivery = delivery
        self._patience = patience or Patience()
        self._sent: set[str] = set()  # sent by us, and the database has not heard of it yet
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._stopping = False
        self._worker: asyncio.Task[None] | None = None

    def check_configured(self, recipe: str) -> None:
        """Called by a recipe that sends mail, when it is bound.

        Raises:
            ConfigurationError: No e-mail service is set, and this is not a developer's machine.
        """
        if self._delivery is None:
            raise ConfigurationError(
                "email_delivery",
                f"{recipe} sends mail and no service is set; set email_delivery=EmailDelivery(SmtpService(host=…))",
            )

    async def enqueue(self, tx: Transaction, mail: Mail) -> None:
        """Write a mail in the caller's transaction: it is sent if and only if that commits. Then call `wake`."""
        now_ms = self._clock.now_ms()
        content = encode_json({"to": mail.to, "language": mail.language, "values": dict(mail.values)})
        await tx.execute(
            INSERT_MAIL,
            app_id=self._app_id,
            mail_id=mail.id,
            kind=mail.kind,
            tenant_id=mail.tenant_id,
            user_id=mail.user_id,
            sealed_mail=self._secrets.seal(_PURPOSE, content, self._bound_to(mail.id)),
            now_ms=now_ms,
        )

    def wake(self) -> None:
        """Tell the worker of this process, from any thread, that there is mail; does nothing when not started."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # that loop is closed: another process sends it, or the next start
                loop.call_soon_threadsafe(self._woken.set)

    async def start(self) -> None:
        """Start sending, on the event loop that calls this; does nothing where no service is set."""
        if self._delivery is None or self._worker is not None:
            return
        self._stopping = False
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._worker = asyncio.create_task(self._work(), name="watchword-outbox")

    async def stop(self) -> None:
        """Finish what is being sent, for a few seconds, and stop; the rest waits in the database."""
        worker, self._worker, self._loop = self._worker, None, None
        if worker is None:
            return
        self._stopping = True
        self._woken.set()
        await asyncio.wait([worker], timeout=self._patience.stop_seconds)
        worker.cancel()
        await asyncio.wait([worker])

    async def delete_mail_of_user(self, tx: Transaction, user_id: str) -> int:
        """Delete a user's mail, sent or not, in the caller's transaction; returns how many there were."""
        return await tx.execute(DELETE_MAIL_OF_USER, app_id=self._app_id, user_id=user_id)

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
        """Send all mail that is due now, several at once; returns how many were accepted.

        Raises:
            StorageUnavailable: The database does not answer; what was not marked is tried again.
        """
        sent = 0
        while not self._stopping:
            rows = await self._db.list(LIST_DUE, app_id=self._app_id, now_ms=self._clock.now_ms(), at_most=_AT_ONCE)
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

    async def _work(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause_seconds = _IDLE_SECONDS
            try:
                await self.send_due()
                pause_seconds = await self._pause_seconds()
            except (StorageUnavailable, Overloaded) as error:
                log.warning("mail waits, the database does not answer: %s", error)
            except Exception as error:  # the worker outlives any mistake: without it no mail would ever be sent
                log.error("the outbox stumbled: %s", _where(error))  # noqa: TRY400 - the message may hold content
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._woken.wait()

    async def _pause_seconds(self) -> float:
        """Until the next mail is due, or somebody may have left one."""
        row = await self._db.find(FIND_NEXT_DUE, app_id=self._app_id)
        if row is None or row["due_at_ms"] is None:
            return _IDLE_SECONDS
        return min(max((row["due_at_ms"] - self._clock.now_ms()) / 1000, 0.05), _IDLE_SECONDS)

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
                mail = self._open(mail_id, taken["kind"], taken["tenant_id"], taken["user_id"], taken["sealed_mail"])
                await self._send(mail)
        except DeliveryRefused as error:
            await self._give_up(mail_id, taken["kind"], error.reason)
            return 0
        except DeliveryFailed as error:
            await self._put_off(mail_id, taken["kind"], attempts + 1, error.reason)
            return 0
        self._sent.add(mail_id)
        await self._write(DELETE_MAIL, mail_id=mail_id)
        self._sent.discard(mail_id)
        return 1

    async def _send(self, mail: Mail) -> None:
        """Render and send; whatever goes wrong becomes one of the two failures, without anything of the mail."""
        assert self._delivery is not None  # noqa: S101 - `start` sees to it
        try:
            async with asyncio.timeout(self._patience.send_timeout_seconds):
                await self._delivery.send_email(mail)
        except (DeliveryFailed, DeliveryRefused):
            raise
        except TimeoutError:
            raise DeliveryFailed(f"took longer than {self._patience.send_timeout_seconds:g} s") from None
        except Exception as error:  # a template or an override of the application may raise anything
            raise DeliveryFailed(_where(error)) from None

    async def _put_off(self, mail_id: str, kind: str, attempts: int, reason: str) -> None:
        if attempts >= self._patience.max_attempts:
            await self._give_up(mail_id, kind, f"given up after {attempts} attempts: {reason}")
            return
        pause_ms = self._patience.retry_after_ms(attempts)
        log.warning("%s mail %s, attempt %d: %s; next in %d s", kind, mail_id, attempts, reason, pause_ms // 1000)
        await self._write(PUT_OFF_MAIL, mail_id=mail_id, attempts=attempts, due_at_ms=self._clock.now_ms() + pause_ms)

    async def _give_up(self, mail_id: str, kind: str, reason: str) -> None:
        log.error("%s mail %s is given up: %s", kind, mail_id, reason)
        now_ms = self._clock.now_ms()
        await self._write(GIVE_UP_MAIL, mail_id=mail_id, reason=reason, now_ms=now_ms)
        await self._write(DELETE_OLD_DEAD, before_ms=now_ms - _DEAD_KEPT_MS)

    async def _write(self, statement: Statement, **parameters: Any) -> None:
        await self._db.write(partial(_execute, statement, {"app_id": self._app_id, **parameters}))

    def _open(self, mail_id: str, kind: str, tenant_id: str, user_id: str, sealed: bytes) -> Mail:
        try:
            content = decode_json_object(
                self._secrets.open(_PURPOSE, bytes(sealed), self._bound_to(mail_id)), "sealed_mail"
            )
        except SealBroken as error:  # a process that knows a newer secret may have sealed it, and can send it
            raise DeliveryFailed(str(error)) from None
        return Mail(
            id=mail_id,
            kind=kind,
            to=content["to"],
            user_id=user_id,
            tenant_id=tenant_id,
            values=content["values"],
            language=content["language"],
        )

    def _bound_to(self, mail_id: str) -> bytes:
        return encode_json([self._app_id, mail_id])


async def _execute(statement: Statement, parameters: dict[str, Any], tx: Transaction) -> int:
    return await tx.execute(statement, **parameters)


def _where(error: Exception) -> str:
    """The kind of an error and the place it came from; not its message, which may quote the mail."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


INSERT_MAIL = Statement("""
    insert into {mail_outbox} (app_id, mail_id, kind, tenant_id, user_id, sealed_mail, created_at_ms, due_at_ms)
    values (:app_id, :mail_id, :kind, :tenant_id, :user_id, :sealed_mail, :now_ms, :now_ms)
""")

LIST_DUE = Statement("""
    select mail_id, attempts
      from {mail_outbox}
     where app_id = :app_id and due_at_ms <= :now_ms and dead_reason is null
     order by due_at_ms
     limit :at_most
""")

FIND_NEXT_DUE = Statement("""
    select min(due_at_ms) as due_at_ms from {mail_outbox} where app_id = :app_id and dead_reason is null
""")

# Of two processes that saw the same mail, the second one finds its attempts counted up and takes nothing.
TAKE_MAIL = Statement("""
    update {mail_outbox}
       set attempts = attempts + 1, due_at_ms = :leased_until_ms
     where app_id = :app_id and mail_id = :mail_id and attempts = :attempts and due_at_ms <= :now_ms
       and dead_reason is null
 returning kind, tenant_id, user_id, sealed_mail
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

DELETE_MAIL_OF_USER = Statement("delete from {mail_outbox} where app_id = :app_id and user_id = :user_id")

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
