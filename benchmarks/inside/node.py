"""One node of Watchword in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.contenders.serving import SECRET
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import EmailPassword, Session

ORIGIN = "http://localhost:8000"


@asynccontextmanager
async def running_node(database_url: str, passwords: PasswordHasher | None = None) -> AsyncIterator[Watchword]:
    """A started application; each refresh writes, as one that comes an hour after the last does."""
    auth = Watchword(
        app_info=AppInfo(app_name="Bench", api_domain=ORIGIN, website_domain=ORIGIN),
        database=database_url,
        secret=SECRET,
        recipe_list=[EmailPassword(), Session(settle_ms=0, soft_window_ms=0)],
        passwords=passwords,
    )
    await auth.start()
    try:
        yield auth
    finally:
        await auth.stop()
