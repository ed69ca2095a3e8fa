"""Starting contenders on this machine, each with a database of its own, and a PostgreSQL server for all."""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.contenders.contender import Contender, DatabaseKind
from benchmarks.environments import CACHE, ROOT
from benchmarks.processes import parent_of
from tests.services.postgres import running_server

START_SECONDS = 60


class DidNotStart(Exception):
    """A server did not come up; the message holds what it wrote."""


@dataclass(frozen=True, slots=True)
class Server:
    """A contender that is being served."""

    contender: Contender
    database: DatabaseKind
    database_url: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class PostgresForBench:
    """The PostgreSQL server of a run; `pid` is that of its first process, of which all others are children."""

    admin_url: str
    pid: int
    version: str

    async def create_database(self, name: str) -> str:
        """An empty database, whose URL is returned."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(f'drop database if exists "{name}" with (force)')
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.admin_url.rpartition("/")[0] + f"/{name}"

    async def vacuum(self, url: str) -> None:
        """What autovacuum does within a minute, now: it would be at work while something is measured."""
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("vacuum analyze")
        finally:
            await connection.close()


@asynccontextmanager
async def running_postgres() -> AsyncIterator[PostgresForBench]:
    """A server as durable as in production, whose files are in memory where there is room."""
    with running_server({"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum": "off"}) as server:
        connection = await asyncpg.connect(server.admin_url)
        try:
            pid = parent_of(await connection.fetchval("select pg_backend_pid()"))
            version = await connection.fetchval("show server_version")
        finally:
            await connection.close()
        yield PostgresForBench(server.admin_url, pid, version)


@contextmanager
def sqlite_folder() -> Iterator[Path]:
    """A folder on the disk of this clone, for the files of SQLite; gone afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sqlite-", dir=CACHE) as name:
        yield Path(name)


@asynccontextmanager
async def serving(
    contender: Contender, environment: Path, database: DatabaseKind, database_url: str
) -> AsyncIterator[Server]:
    """Serve a contender in one process.

    Raises:
        DidNotStart: It ended, or did not answer in time.
    """
    port = _free_port()
    variables = {
        **os.environ,
        **contender.variables(),
        "BENCH_PORT": str(port),
        "BENCH_DATABASE": database_url,
        "PYTHONPATH": str(ROOT),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs while servers start
            contender.command(environment), cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        try:
            await _wait_until_it_answers(process, port)
            yield Server(contender, database, database_url, port, process.pid)
        except DidNotStart as error:
            log.seek(0)
            raise DidNotStart(f"{contender.name}: {error}\n{log.read().decode()[-2_000:]}") from None
        finally:
            _end(process)


async def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise DidNotStart(f"ended with {process.returncode}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise DidNotStart("did not answer in time")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
