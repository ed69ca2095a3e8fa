"""What nodes cost the database while nothing happens: many applications on one PostgreSQL, and its own counts.

Run as `scripts/measure-nodes`; a test asks for fewer nodes and less time.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.services.pgbouncer import running_pgbouncer
from tests.services.postgres import running_server
from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import ThirdPartyEmailPassword

COUNTING = {"shared_preload_libraries": "pg_stat_statements", "max_connections": "1300"}

_COUNTS = """
    select query, sum(calls)::bigint as calls from pg_stat_statements
     where dbid = (select oid from pg_database where datname = $1) group by query order by calls desc
"""
_CONNECTIONS = """
    select count(*) filter (where application_name = 'watchword signals') as listening, count(*) as in_all
      from pg_stat_activity where datname = $1
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was counted.

    Attributes:
        nodes: How many there were.
        seconds: How long they were watched.
        statements: How often each was run in that time; `begin`, `set` and `commit` count too.
        connections: How many the nodes hold at the end.
        listening: How many of these only listen.
    """

    nodes: int
    seconds: float
    statements: dict[str, int]
    connections: int
    listening: int

    @property
    def statements_a_second(self) -> float:
        """Of all nodes together."""
        return sum(self.statements.values()) / self.seconds


class Watcher:
    """Reads the server's own counts, on a connection to another database."""

    def __init__(self, connection: asyncpg.Connection, database: str, nodes: int) -> None:
        self._connection = connection
        self._database = database
        self._nodes = nodes
        self._since = time.monotonic()

    async def begin(self) -> None:
        """Count from now on."""
        await self._connection.execute("select pg_stat_statements_reset()")
        self._since = time.monotonic()

    async def look(self) -> Cost:
        """What was counted by now."""
        rows = await self._connection.fetch(_COUNTS, self._database)
        connections = await self._connection.fetchrow(_CONNECTIONS, self._database)
        return Cost(
            nodes=self._nodes,
            seconds=time.monotonic() - self._since,
            statements={row["query"]: row["calls"] for row in rows},
            connections=connections["in_all"],
            listening=connections["listening"],
        )


@asynccontextmanager
async def idle_nodes(nodes: int, url: str, admin_url: str) -> AsyncIterator[Watcher]:
    """So many applications, started and left alone; the server at `admin_url` counts statements."""
    connection = await asyncpg.connect(admin_url)
    await connection.execute("create extension if not exists pg_stat_statements")
    async with AsyncExitStack() as started:
        started.push_async_callback(connection.close)
        for _ in range(nodes):
            node = Watchword(
                app_info=AppInfo(app_name="Idle", api_domain="http://localhost", website_domain="http://localhost"),
                database=url,
                secret=SECRET,
                recipe_list=[ThirdPartyEmailPassword()],
                passwords=PasswordHasher(workers=1),
            )
            await node.start()
            started.push_async_callback(node.stop)
        yield Watcher(connection, url.partition("?")[0].rpartition("/")[2], nodes)


async def measure(nodes: int, seconds: float, *, behind_pgbouncer: bool) -> Cost:
    """Start so many nodes on a server of their own, let them settle, and count for so long."""
    with running_server(COUNTING) as server:
        url = server.create_database()
        with running_pgbouncer(server.admin_url, {"max_client_conn": "2000"}) as pooler:
            async with idle_nodes(nodes, pooler.url(url) if behind_pgbouncer else url, server.admin_url) as watcher:
                await asyncio.sleep(seconds / 2)
                await watcher.begin()
                await asyncio.sleep(seconds)
                return await watcher.look()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/measure-nodes", description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    for behind_pgbouncer in (False, True):
        cost = asyncio.run(measure(chosen.nodes, chosen.seconds, behind_pgbouncer=behind_pgbouncer))
        print(f"{cost.nodes} nodes, {'behind PgBouncer' if behind_pgbouncer else 'connected directly'}:")
        print(f"  statements a second        {cost.statements_a_second:.1f}")
        print(f"  connections to the server  {cost.connections}, of which {cost.listening} listen")
        for query, calls in list(cost.statements.items())[:12]:
            print(f"  {calls / cost.seconds:7.1f} a second  {' '.join(query.split())[:100]}")


if __name__ == "__main__":
    main()
