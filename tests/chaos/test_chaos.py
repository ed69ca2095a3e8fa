"""The chaos in its short form: real nodes, killed and worse, on both databases; afterwards nothing is missing.

`make chaos` tries every point and every fault; here are some of each, for the same code.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.background import kill_the_outbox, kill_the_sweeper
from tests.chaos.cluster import Nursery
from tests.chaos.faults import clients_go_away, clock_jumps, nodes_killed
from tests.chaos.full_disk import POSTGRES_SETTINGS, POSTGRES_SIZE, postgres_disk_full, sqlite_disk_full
from tests.chaos.kills import kill_at_each_point, kill_at_each_point_of_start
from tests.chaos.operations import OPERATIONS
from tests.chaos.postgres_faults import commits_cut, list_server_faults, transactions_lose
from tests.chaos.report import describe, verdict
from tests.chaos.storm import Fault, Storm, storm_with
from tests.chaos.table import Databases, Row
from tests.conftest import Postgres
from tests.services.postgres import PostgresServer, running_server
from tests.services.small_disk import small_disk

pytestmark = pytest.mark.asyncio(loop_scope="module")
PEOPLE = 3
_WRITING = ("sign-up", "refresh, promotion", "sign-out", "password reset", "key rotation")


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """Where empty databases come from, of each kind."""
    if request.param == "sqlite":
        return Databases(folder=tmp_path)
    server: Postgres = request.getfixturevalue("postgres")
    return Databases(admin_url=server.admin_url)


@pytest.fixture
def roomless_postgres() -> Iterator[tuple[Databases, Fault]]:
    """A server whose disk can be filled, and what fills it."""
    with small_disk(POSTGRES_SIZE) as disk, running_server(POSTGRES_SETTINGS, disk=disk.folder) as server:
        yield Databases(admin_url=server.admin_url), postgres_disk_full(server, disk)


def assert_all_is_well(*rows: Row) -> None:
    """Each fault was injected, people got something done all the same, and nothing was violated."""
    assert "All is well." == verdict(rows, []), describe(rows, [], 1)


async def storm(nursery: Nursery, databases: Databases, *faults: Fault) -> None:
    """The faults one after the other, under load."""

    async def all_of_them(here: Storm) -> None:
        for fault in faults:
            await fault(here)

    assert_all_is_well(await storm_with(nursery, databases, "storm", all_of_them, seed=1, rounds=1, people=PEOPLE))


async def test_a_node_killed_in_an_operation_leaves_all_of_it_or_nothing(
    nursery: Nursery, databases: Databases
) -> None:
    """F-01, F-02: SIGKILL before, in, in the midst of and after commits; the client repeats at another node.

    On SQLite the process dies within what it writes, after so many bytes; on PostgreSQL with its commit on the way.
    """
    for operation in OPERATIONS:
        if operation.name in _WRITING:
            row = await kill_at_each_point(nursery, databases, operation, every=12)
            assert_all_is_well(row)
            assert row.repeated == row.injected  # each client repeated once, at the other node, and was served


async def test_a_node_killed_in_its_first_start_is_followed_by_one_that_starts(
    nursery: Nursery, databases: Databases
) -> None:
    """F-19: SIGKILL in the midst of migrations and of making the first key: the next start completes both."""
    assert_all_is_well(await kill_at_each_point_of_start(nursery, databases, every=25))


async def test_a_node_killed_at_its_work_in_the_background(nursery: Nursery, databases: Databases) -> None:
    """F-01, F-13: SIGKILL while mail is sent, and while old rows are removed: no mail is lost, nothing living goes."""
    assert_all_is_well(await kill_the_outbox(nursery, databases, every=5))
    assert_all_is_well(await kill_the_sweeper(nursery, databases, every=3))


async def test_nodes_that_die_and_clients_that_go_away_under_load(nursery: Nursery, databases: Databases) -> None:
    """F-01, F-02, F-22: nodes die singly and together, clients hang up at any part of a request: no half effect."""
    await storm(nursery, databases, nodes_killed, clients_go_away)


async def test_a_clock_that_jumps_signs_nobody_out(nursery: Nursery, tmp_path: Path) -> None:
    """F-15: one node's clock an hour ahead, an hour behind, a month ahead, under load: everybody goes on."""
    row = await storm_with(
        nursery,
        Databases(folder=tmp_path),
        "clock jumps",
        clock_jumps,
        seed=1,
        rounds=1,
        people=PEOPLE,
        without=frozenset({"password"}),
        settle_ms=31 * 86_400_000,
    )
    assert_all_is_well(row)


async def test_an_sqlite_disk_that_is_full(nursery: Nursery, tmp_path: Path) -> None:
    """F-08: no byte can be written for a while; what was acknowledged is there, and all goes on with the room."""
    await storm(nursery, Databases(folder=tmp_path), sqlite_disk_full)


async def test_a_postgresql_disk_that_is_full(nursery: Nursery, roomless_postgres: tuple[Databases, Fault]) -> None:
    """F-08: not a byte is left for tables, then none for the server's log, and it crashes; with room it recovers."""
    databases, fault = roomless_postgres
    await storm(nursery, databases, fault)


async def test_lost_commits_and_deadlocks_through_every_api(nursery: Nursery, postgres: Postgres) -> None:
    """F-03, F-09: connections are lost in the commit, transactions end in deadlocks and serialisation failures.

    These come at once and in the commit. Whoever repeats finds it done once.
    """
    await storm(nursery, Databases(admin_url=postgres.admin_url), commits_cut, transactions_lose)


async def test_a_server_that_is_killed_or_read_only_under_load(
    nursery: Nursery, stoppable_postgres: PostgresServer
) -> None:
    """F-04, F-06: the server loses its power, and comes back taking no writes for a while."""
    faults = list_server_faults(stoppable_postgres)
    databases = Databases(admin_url=stoppable_postgres.admin_url)
    await storm(nursery, databases, faults["server killed"], faults["server read-only"])
