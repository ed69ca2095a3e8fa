"""Nodes that share one outbox, and services whose outcome a test decides."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.site import SECRET, FakeClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail, RenderedMail
from watchword.delivery.outbox import Outbox, Patience
from watchword.delivery.service import EmailService
from watchword.delivery.sms import Sms
from watchword.delivery.sms_delivery import SmsDelivery

TOKEN = "a-token-that-nobody-may-read"
LINK = f"https://example.com/auth/reset-password?token={TOKEN}"


def reset_mail(to: str = "ada@example.com", user_id: str = "ada", language: str = "en") -> Mail:
    """A mail as the recipes write them."""
    return Mail(
        kind="password_reset", to=to, user_id=user_id, tenant_id="public", values={"link": LINK}, language=language
    )


@dataclass
class Letterbox:
    """A service of the application's own: keeps what it accepts, and does first whatever a test wants."""

    before: Callable[[RenderedMail], None] | None = None
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    mails: list[RenderedMail] = field(default_factory=list)

    async def send(self, message: RenderedMail) -> None:
        self.arrived.set()
        if self.before is not None:
            self.before(message)
        if self.gate is not None:
            await self.gate.wait()
        self.mails.append(message)


@dataclass
class Post:
    """One outbox table and the nodes that work on it."""

    db: Database
    clock: FakeClock = field(default_factory=FakeClock)
    nodes: list[Outbox] = field(default_factory=list)

    def node(
        self,
        service: EmailService | EmailDelivery | None,
        patience: Patience | None = None,
        *,
        secret: str | list[str] = SECRET,
        db: Any = None,
        sms_delivery: SmsDelivery | None = None,
    ) -> Outbox:
        """One more process; `db` is the database as it sees it."""
        delivery = service if service is None or isinstance(service, EmailDelivery) else EmailDelivery(service)
        if delivery is not None:
            delivery.bind("Test & Co")
        outbox = Outbox(
            db=db or self.db,
            app_id="public",
            clock=self.clock,
            secrets=SecretRing(secret),
            delivery=delivery,
            sms_delivery=sms_delivery,
            patience=patience,
        )
        self.nodes.append(outbox)
        return outbox

    async def enqueue(self, outbox: Outbox, *mails: Mail | Sms) -> None:
        """Write mails, in one transaction."""

        async def body(tx: Transaction) -> None:
            for mail in mails:
                await outbox.enqueue(tx, mail)

        await self.db.write(body)
