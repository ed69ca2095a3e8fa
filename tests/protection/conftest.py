"""The limits on both databases, on a clock that the test moves."""

from collections.abc import Callable

import pytest

from tests.site import SECRET, FakeClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.protection.limits import Limits
from watchword.protection.settings import Protection

MakeLimits = Callable[..., Limits]


@pytest.fixture
def clock() -> FakeClock:
    """Stands still until it is moved."""
    return FakeClock()


@pytest.fixture
async def make_limits(db: Database, clock: FakeClock) -> MakeLimits:
    """Makes nodes: each call another one, all on one database."""
    await migrate(db, load_migrations(["watchword.protection"]))

    def make(protection: Protection | None = None, app_id: str = "public") -> Limits:
        return Limits(protection or Protection(), db, app_id, clock, SecretRing(SECRET))

    return make
