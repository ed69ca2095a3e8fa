"""What the rooms record by themselves, without anybody's request."""

from tests.audit.logs import ManualClock, new_log, rows
from tests.delivery.post import Letterbox, Post, reset_mail
from tests.sessions.nodes import SECRET, make_tables, start_node
from tests.site import SECRET as SITE_SECRET
from watchword.audit.log import AuditLog
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.outbox import Outbox
from watchword.delivery.service import DeliveryRefused


async def test_mail_that_is_given_up_is_recorded_once(db: Database, audit: AuditLog) -> None:
    """Whose mail, of which kind, and nothing of what was in it."""
    await migrate(db, load_migrations(["watchword.delivery"]))

    def refuse(_: object) -> None:
        raise DeliveryRefused("no such mailbox")

    post = Post(db)
    delivery = EmailDelivery(Letterbox(before=refuse))
    delivery.bind("Test")
    outbox = Outbox(
        db=db, app_id="public", clock=post.clock, secrets=SecretRing(SITE_SECRET), delivery=delivery, audit=audit
    )
    await post.enqueue(outbox, reset_mail())
    for _ in range(2):
        await outbox.send_due()

    (row,) = await rows(db)
    assert ("mail_given_up", "ada") == (row["kind"], row["user_id"])
    assert '"mail":"password_reset"' in row["facts"]
    assert "example.com" not in row["facts"]


async def test_a_changed_secret_is_recorded_once(db: Database) -> None:
    """The signing key is sealed anew: one event, however many processes start with the new secret."""
    await make_tables(db)
    await migrate(db, load_migrations(["watchword.audit"]))
    log = new_log(db, ManualClock())
    await log.open()
    await start_node(db, ManualClock(), audit=log)
    for _ in range(2):
        await start_node(db, ManualClock(), audit=log, secret=["a newer secret of the tests, over 32 bytes", SECRET])

    assert ["secret_resealed", "signing_key_made"] == sorted(row["kind"] for row in await rows(db))
