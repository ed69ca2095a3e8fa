"""A database with the tables of this room."""

import pytest

from watchword.accounts.tenants import Tenants
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate


@pytest.fixture
async def accounts_db(db: Database) -> Database:
    """SQLite and PostgreSQL, with the tables of accounts and the tenant `public` of two apps."""
    await migrate(db, load_migrations(["watchword.accounts"]))
    await Tenants(db, "public").start()
    await Tenants(db, "other").start()
    return db
