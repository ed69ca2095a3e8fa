"""Mail as an application has it: set on `Watchword`, sent while it runs."""

import asyncio

import pytest

from tests.delivery.post import Letterbox, reset_mail
from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database, Transaction
from watchword.database.open import open_database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.service import ConsoleService
from watchword.errors import ConfigurationError
from watchword.recipes import EmailPassword


def make(db: Database, origin: str, email_delivery: EmailDelivery | None = None) -> Watchword:
    """An application; it sends what its outbox holds."""
    return Watchword(
        app_info=AppInfo(app_name="My shop", api_domain=origin, website_domain=origin),
        database=db,
        secret=SECRET,
        recipe_list=[EmailPassword()],
        email_delivery=email_delivery,
        passwords=PasswordHasher(workers=1),
    )


async def test_a_running_application_sends_its_mail(database_url: str) -> None:
    """From the commit to the service without anybody's help, in the application's name."""
    box = Letterbox()
    db = open_database(database_url)
    auth = make(db, "https://example.com", EmailDelivery(box))
    await auth.start()

    async def body(tx: Transaction) -> None:
        await auth.outbox.enqueue(tx, reset_mail())

    await db.write(body)
    auth.outbox.wake()
    async with asyncio.timeout(8):  # less than the idle pause
        await box.arrived.wait()
    await auth.stop()
    assert ["Reset your password for My shop"] == [mail.subject for mail in box.mails]


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:8000"])
def test_on_a_developers_machine_nothing_needs_to_be_set(sqlite_url: str, origin: str) -> None:
    """Mail goes to the log."""
    auth = make(open_database(sqlite_url), origin)
    assert auth.email_delivery is not None
    assert isinstance(auth.email_delivery.service, ConsoleService)
    auth.outbox.check_configured("EmailVerification")


def test_one_delivery_serves_one_application(sqlite_url: str) -> None:
    """Two applications in one process do not send in each other's name."""
    delivery = EmailDelivery(Letterbox())
    make(open_database(sqlite_url), "http://localhost:8000", delivery)
    with pytest.raises(ConfigurationError, match="serves one Watchword"):
        make(open_database(sqlite_url), "http://localhost:9000", delivery)
