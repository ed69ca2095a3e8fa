"""A process that is killed while it sends: what is committed is sent, at least once, by whoever comes after."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.delivery.post import Post, reset_mail
from tests.services.mail import mail_server
from tests.site import SECRET, FakeClock
from watchword.clock import SystemClock
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database
from watchword.delivery.outbox import Patience
from watchword.delivery.smtp import SmtpService

CHILD = f"""
import asyncio, sys
from watchword.clock import SystemClock
from watchword.crypto.sealing import SecretRing
from watchword.database.open import open_database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.outbox import Outbox
from watchword.delivery.smtp import SmtpService

async def main(url, port):
    db = open_database(url)
    await db.start()
    delivery = EmailDelivery(SmtpService(host="localhost", port=port, sender="a@example.com", tls="none"))
    delivery.bind("Test")
    outbox = Outbox(db=db, app_id="public", clock=SystemClock(), secrets=SecretRing({SECRET!r}), delivery=delivery)
    await outbox.start()
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_a_process_killed_between_sending_and_deleting(database_url: str) -> None:
    """Attack: pull the plug at the worst moment. The mail comes again with its id, and then never more."""
    db = open_database(database_url)
    await db.start()
    await migrate(db, load_migrations(["watchword.delivery"]))
    try:
        async with mail_server() as server:
            clock = FakeClock(SystemClock().now_ms())
            service = SmtpService(host="localhost", port=server.port, sender="a@example.com", tls="none")
            node = Post(db, clock).node(service)
            await Post(db, clock).enqueue(node, reset_mail())

            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, database_url, str(server.port), cwd=Path.cwd()
            )
            server.before_answer = lambda: os.kill(child.pid, signal.SIGKILL)
            assert -signal.SIGKILL == await child.wait()
            server.before_answer = None
            assert 1 == len(server.mails)
            assert 0 == await node.send_due()  # the dead process still holds its lease

            clock.advance(Patience().lease_ms + 60_000)
            assert 1 == await node.send_due()
            clock.advance(86_400_000)
            assert 0 == await node.send_due()
        first, second = server.mails
        assert first["Message-ID"] == second["Message-ID"]
    finally:
        await db.stop()
