"""PgBouncer in transaction mode, the real one: what differs there from a direct connection.

That the contract of a database, migrations, sessions and their feed are kept there too is shown by the tests that are
marked `behind_pgbouncer`.
"""

import asyncio

import asyncpg
import pytest

from tests.database.things import LOCK_THING, add, count, create_things
from tests.services.pgbouncer import PgBouncer
from watchword.database.database import Transaction
from watchword.database.open import open_database
from watchword.database.postgres import PostgresDatabase
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError


async def test_a_url_that_does_not_say_so_stops_the_start(pgbouncer: PgBouncer, postgres_url: str) -> None:
    """PgBouncer refuses our settings; the sentence says what to add to the URL."""
    url = pgbouncer.url(postgres_url).partition("?")[0]
    with pytest.raises(ConfigurationError, match=r"^database: .*add \?pgbouncer=true"):
        await open_database(url).start()


async def test_many_connections_share_few(pgbouncer_url: str, postgres_url: str) -> None:
    """Three processes with ten connections each are served by four connections to the server; nothing is mixed up."""
    databases = [PostgresDatabase(pgbouncer_url) for _ in range(3)]
    for database in databases:
        await database.start()
    await create_things(databases[0])
    await asyncio.gather(*(add(databases[number % 3], f"thing {number}") for number in range(90)))
    assert [90, 90, 90] == [await count(database) for database in databases]
    backends = Statement("select count(*) as number from pg_stat_activity where datname = current_database()")
    observer = open_database(postgres_url)
    await observer.start()
    assert 5 >= await count(observer, backends)  # with the one that asks
    for database in [*databases, observer]:
        await database.stop()


async def test_no_setting_and_no_lock_stays_on_a_connection(pgbouncer_url: str) -> None:
    """What a transaction has set is gone after it, also where it failed: the next one may be somebody else's."""
    database = open_database(pgbouncer_url)
    await database.start()
    await create_things(database)
    await add(database, "a")

    async def fail(tx: Transaction) -> None:
        await tx.find(LOCK_THING, id="a")
        raise ZeroDivisionError

    for _ in range(8):
        with pytest.raises(ZeroDivisionError):
            await database.write(fail)
    stranger = await asyncpg.connect(pgbouncer_url.partition("?")[0], statement_cache_size=0)
    for _ in range(8):
        async with stranger.transaction():
            assert "0" == await stranger.fetchval("show statement_timeout")
            assert "a" == await stranger.fetchval("select id from public.things where id = 'a' for update nowait")
    await stranger.close()
    await database.stop()
