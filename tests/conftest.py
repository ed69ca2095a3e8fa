"""Real databases for every test that stores something: an SQLite file, and a database on a real PostgreSQL."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.postgres import PostgresServer, create_database, drop_database
from watchword.database.database import Database
from watchword.database.open import open_database

EXTERNAL = "WATCHWORD_TEST_POSTGRES"


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole run: the one that WATCHWORD_TEST_POSTGRES names, or one of our own per worker."""
    external = os.environ.get(EXTERNAL)
    if external is not None:
        yield Postgres(external)
        return
    server = PostgresServer()
    try:
        server.start()
        yield Postgres(server.admin_url)
    finally:
        server.remove()


@pytest.fixture
def stoppable_postgres() -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop, kill and start again."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


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
