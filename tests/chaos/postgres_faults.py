"""What goes wrong with a PostgreSQL server, and on the way to it. Each fault comes, stays a moment, and passes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from tests.chaos.proxy import AtCommit
from tests.chaos.storm import Fault, Storm
from tests.services.postgres import PostgresServer, execute

_RECOVERED_SECONDS = 60
_OTHERS = """
    select pid from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
_END_OTHERS = """
    select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
#: One change of a row in five is told to start again, at once or, deferred, in the commit.
_LOSE = """
    create or replace function public.chaos_deadlock() returns trigger language plpgsql as $$ begin
        if nextval('public.chaos_turns') % 5 = 0 then
            raise exception 'injected' using errcode = case when random() < 0.5 then '40P01' else '40001' end;
        end if;
        return null;
    end $$
"""
_LET_PASS = """
    create or replace function public.chaos_deadlock() returns trigger language plpgsql as $$ begin
        return null;
    end $$
"""
_INSTALL = """
    create sequence public.chaos_turns;
    do $$ declare name text; begin
        for name in select tablename from pg_tables where schemaname = 'public' loop
            execute format('create trigger chaos_at_once after insert or update or delete on public.%I '
                           'for each row execute function public.chaos_deadlock()', name);
            execute format('create constraint trigger chaos_in_commit after insert or update or delete on public.%I '
                           'deferrable initially deferred for each row execute function public.chaos_deadlock()', name);
        end loop;
    end $$
"""


def list_server_faults(server: PostgresServer) -> dict[str, Fault]:
    """Faults of a whole server, by name; nothing else may run on it meanwhile."""

    async def stopped(storm: Storm) -> None:
        """It is stopped as for an update, and started again."""
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.stop)
        storm.note()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)

    async def crashed(storm: Storm) -> None:
        """It loses its power in the middle of whatever it does, and recovers."""
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.kill)
        storm.note()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)

    async def backend_killed(storm: Storm) -> None:
        """One of its processes is killed: the server ends all connections, and recovers by itself."""
        for _ in range(2):
            await asyncio.sleep(0.3)
            async with _connected(storm.company.database) as connection:
                pids = [row["pid"] for row in await connection.fetch(_OTHERS)]
            if pids:
                os.kill(storm.random.choice(pids), signal.SIGKILL)
                storm.note()

    async def read_only(storm: Storm) -> None:
        """It takes no writes for a while, as a server that has become a replica."""
        await asyncio.sleep(0.2)
        await _set(server, "default_transaction_read_only = on")
        storm.note()
        await asyncio.sleep(0.7)
        await _set(server, "default_transaction_read_only = off")

    return {
        "server stopped": stopped,
        "server killed": crashed,
        "one server process killed": backend_killed,
        "server read-only": read_only,
    }


async def _set(server: PostgresServer, setting: str) -> None:
    for sql in (f"alter system set {setting}", "select pg_reload_conf()"):
        await asyncio.to_thread(execute, server.admin_url, sql)


@asynccontextmanager
async def _connected(url: str) -> "AsyncIterator[asyncpg.Connection]":
    give_up_at = time.monotonic() + _RECOVERED_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):  # it recovers from what we did to it
            if time.monotonic() > give_up_at:
                raise
            await asyncio.sleep(0.05)
        else:
            break
    try:
        yield connection
    finally:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await connection.close(timeout=5)


async def connections_cut(storm: Storm) -> None:
    """All connections are cut at once, by the server and on the way, again and again."""
    assert storm.proxy is not None
    for _ in range(4):
        await asyncio.sleep(0.15)
        storm.note(storm.proxy.cut_all())
        await asyncio.sleep(0.15)
        async with _connected(storm.company.database) as connection:
            gone = await connection.fetch(_END_OTHERS)
        storm.note(len(gone))


async def commits_cut(storm: Storm) -> None:
    """Connections are lost in the commit: before the server hears of it, or before its answer is heard."""
    assert storm.proxy is not None

    def fate() -> AtCommit:
        if storm.random.random() > 0.25:
            return AtCommit.PASS
        storm.note()
        return storm.random.choice((AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER))

    storm.proxy.at_commit = fate
    await asyncio.sleep(1.5)
    storm.proxy.at_commit = lambda: AtCommit.PASS


async def bytes_vanish(storm: Storm) -> None:
    """A firewall drops every packet and says nothing, for longer than anybody waits; then the connections are gone."""
    assert storm.proxy is not None
    await asyncio.sleep(0.2)
    storm.proxy.open.clear()
    storm.note()
    await asyncio.sleep(storm.random.choice((1.0, 6.0)))
    storm.proxy.cut_all()
    storm.proxy.open.set()


async def transactions_lose(storm: Storm) -> None:
    """One change of a row in five ends in a deadlock or a serialisation failure, at once or in the commit."""
    url = storm.company.database
    async with _connected(url) as connection:
        while await connection.fetchval("select to_regclass('public.chaos_turns')") is None:
            with suppress(asyncpg.DeadlockDetectedError):  # the tables are in use
                await connection.execute(f"{_LET_PASS}; {_INSTALL}")
        before = await connection.fetchval("select last_value from public.chaos_turns")
        await connection.execute(_LOSE)
        await asyncio.sleep(1.5)
        await connection.execute(_LET_PASS)
        storm.note((await connection.fetchval("select last_value from public.chaos_turns") - before) // 5)


async def rows_locked(storm: Storm) -> None:
    """Somebody else locks rows in an order of his own, which makes real deadlocks, and once a whole table for long."""
    for _ in range(6):
        async with _connected(storm.company.database) as connection, _rolled_back(connection):
            for _ in range(2):
                await connection.execute("select 1 from sessions order by random() limit 3 for update")
                await asyncio.sleep(0.05)
            storm.note()
    async with _connected(storm.company.database) as connection, _rolled_back(connection):
        await connection.execute("lock table sessions in exclusive mode")
        storm.note()
        await asyncio.sleep(storm.random.choice((0.5, 6.0)))


@asynccontextmanager
async def _rolled_back(connection: "asyncpg.Connection") -> AsyncIterator[None]:
    """A transaction that changes nothing; losing a deadlock is part of the game."""
    transaction = connection.transaction()
    await transaction.start()
    with suppress(asyncpg.DeadlockDetectedError):
        yield
    await transaction.rollback()


#: Faults of one database or of the way to it, by name.
POSTGRES_FAULTS: dict[str, Fault] = {
    "connections cut": connections_cut,
    "connections cut in the commit": commits_cut,
    "bytes vanish": bytes_vanish,
    "deadlocks in each transaction": transactions_lose,
    "rows and tables locked": rows_locked,
}
