"""An outbox on a real database, with its table made."""

from collections.abc import AsyncIterator

import pytest

from tests.delivery.post import Post
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate


@pytest.fixture
async def post(db: Database) -> AsyncIterator[Post]:
    """The outbox's table, and nodes made on it."""
    await migrate(db, load_migrations(["watchword.delivery"]))
    post = Post(db)
    yield post
    for node in post.nodes:
        await node.stop()
