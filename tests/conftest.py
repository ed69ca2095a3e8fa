"""Real databases for every test that stores something: an SQLite file, and a database on a real PostgreSQL."""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from tests.services.pgbouncer import PgBouncer, running_pgbouncer
from tests.services.postgres import EXTERNAL, PostgresServer, create_database, drop_database, execute, running_server
from tests.services.standby import Pair, running_pair
from watchword.database.database import Database
from watchword.database.open import open_database

# How long an example takes says something of the machine only; that is what `benchmarks/` are for.
hypothesis.settings.register_profile("watchword", deadline=None)
hypothesis.settings.load_profile("watchword")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test shows nothing while it looks harmless: it fails instead."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; give it what it needs, or remove it"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `behind_pgbouncer` and takes a `database_url` runs there too."""
    if "database_url" in metafunc.fixturenames and metafunc.definition.get_closest_marker("behind_pgbouncer"):
        kinds = ["sqlite", "postgres", "pgbouncer"]
        metafunc.definition.add_marker(pytest.mark.parametrize("database_url", kinds, indirect=True))


@dataclass(frozen=True, slots=True)
class Postgres:
    """The PostgreSQL server of this run; `admin_url` may create databases and roles."""

    admin_url: str

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        return create_database(self.admin_url)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        drop_database(self.admin_url, url)

    def execute(self, sql: str, url: str | None = None) -> None:
        """Run SQL as the administrator, in a database of choice."""
        execute(url or self.admin_url, sql)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole run: the one that WATCHWORD_TEST_POSTGRES names, or one of our own per worker.

    The variable holds the URL of a running server, or the folder with the programs of another version.
    """
    external = os.environ.get(EXTERNAL, "")
    if "://" in external:
        try:
            execute(external, "select 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            pytest.fail(f"{EXTERNAL} names a server that cannot be used: {error}; correct it, or unset it")
        yield Postgres(external)
        return
    with running_server() as server:
        yield Postgres(server.admin_url)


@pytest.fixture
def stoppable_postgres() -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop, kill and start again."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_pair() -> Iterator[Pair]:
    """A primary and its synchronous standby, of this test's own."""
    with running_pair() as pair:
        yield pair


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'watchword.db'}"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    """A PgBouncer in transaction mode before the server of this run, with fewer connections to it than tests use."""
    with running_pgbouncer(postgres.admin_url, {"default_pool_size": "4"}) as pooler:
        yield pooler


@pytest.fixture
def pgbouncer_url(pgbouncer: PgBouncer, postgres_url: str) -> str:
    """The URL of an empty PostgreSQL database, through PgBouncer."""
    return pgbouncer.url(postgres_url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: each test runs on both kinds."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A started, empty database of each kind."""
    database = open_database(database_url)
    await database.start()
    yield database
    await database.stop()
