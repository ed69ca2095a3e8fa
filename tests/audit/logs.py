"""Audit logs on a real database, what stands in them, and hands that have the database and not the secret."""

from typing import Any

from watchword.audit.chain import ChainWriter, read_chain_key
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.settings import AuditSettings
from watchword.audit.verification import Anchor, Verification, verify_log
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement

SECRET = "a secret of the tests, over 32 bytes"
DAY = 86_400_000


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now_ms: int = 1_700_000_000_123) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def turn(self, by_ms: int) -> None:
        """Let time pass."""
        self._now_ms += by_ms


def new_log(db: Database, clock: Clock, *, secret: str | list[str] = SECRET, **settings: Any) -> AuditLog:
    """A log that was not started."""
    return AuditLog(db=db, app_id="public", clock=clock, secrets=SecretRing(secret), settings=AuditSettings(**settings))


async def record(db: Database, log: AuditLog, *events: SecurityEvent) -> None:
    """Record events in a transaction of their own."""
    await db.write(lambda tx: log.record(tx, *events))


async def chain(db: Database, log: AuditLog) -> ChainWriter:
    """Store what was noted, and give all events their places, as a process does whose turn it is."""
    await log.flush()
    await tamper(db, "update {audit_chains} set until_ms = 0")  # the lease of the one before has run out
    writer = ChainWriter(db, "public", await read_chain_key(db, "public", SecretRing(SECRET)), log.note)
    await writer.chain_all()
    return writer


async def verify(db: Database, anchor: Anchor | None = None) -> Verification:
    """What `watchword audit verify` does."""
    return await verify_log(db, "public", await read_chain_key(db, "public", SecretRing(SECRET)), anchor=anchor)


async def problems(db: Database, anchor: Anchor | None = None) -> list[str]:
    """What is found, in words."""
    return [str(problem) for problem in (await verify(db, anchor)).problems]


async def rows(db: Database) -> list[Row]:
    """All events as stored, by id."""
    return await db.list(Statement("select * from {audit_events} order by event_id"))


async def tamper(db: Database, sql: str, **parameters: Any) -> int:
    """Write as somebody does who has the database and not the secret."""

    async def write(tx: Transaction) -> int:
        return await tx.execute(Statement(sql), **parameters)

    return await db.write(write)
