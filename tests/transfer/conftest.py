"""A database with all tables, and the importer on it."""

import pytest

from watchword.audit.events import Unlogged
from watchword.cli.connection import known_migrations
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.database.migrations import migrate
from watchword.ids import RandomIds
from watchword.transfer.importing import Importer


@pytest.fixture
async def installation(db: Database) -> Database:
    """Both databases, with the tables of every room and recipe."""
    await migrate(db, known_migrations())
    return db


@pytest.fixture
async def importer(installation: Database) -> Importer:
    """An importer as the command makes it."""
    importer = Importer(
        db=installation,
        app_id="public",
        passwords=PasswordHasher(),
        ids=RandomIds(),
        clock=SystemClock(),
        audit=Unlogged(),
    )
    await importer.start()
    return importer
