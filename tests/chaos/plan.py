"""All faults, each with what it needs, in the order in which `make chaos` injects them."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.background import kill_the_outbox, kill_the_sweeper
from tests.chaos.cluster import Nursery
from tests.chaos.faults import clients_go_away, clock_jumps, nodes_killed
from tests.chaos.full_disk import POSTGRES_SETTINGS, POSTGRES_SIZE, postgres_disk_full, sqlite_disk_full
from tests.chaos.kills import kill_at_each_point, kill_at_each_point_of_start
from tests.chaos.operations import OPERATIONS
from tests.chaos.postgres_faults import POSTGRES_FAULTS, list_server_faults
from tests.chaos.sqlite_faults import SQLITE_FAULTS
from tests.chaos.standby_faults import fail_over_of, restart_of
from tests.chaos.storm import Fault, storm_with
from tests.chaos.table import Databases, Row
from tests.power.cut import cut_power
from tests.power.recorder import record_worker
from tests.services.pgbouncer import running_pgbouncer
from tests.services.postgres import PostgresServer, running_server
from tests.services.small_disk import small_disk
from tests.services.standby import running_pair

#: A node whose clock was ahead by a month leaves tokens that stay young for so long.
_MONTH_MS = 31 * 86_400_000
_POWER_CUTS = 250


@dataclass(frozen=True, slots=True)
class Planned:
    """One row of the table to be.

    Attributes:
        fault: Its name.
        database: `sqlite` or `postgres`.
        inject: Injects it, as often as it can be, and says what came out.
    """

    fault: str
    database: str
    inject: Callable[[Nursery], Awaitable[Row]]


@contextmanager
def planned(kind: str, *, seed: int, every: int = 1) -> Iterator[list[Planned]]:
    """All faults of one kind of database, with a server for most of them that is gone at the end.

    Args:
        kind: `sqlite` or `postgres`.
        seed: Of what people do.
        every: Of the points where a node can be killed, each so many-th.
    """
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="watchword-chaos-") as folder:
            databases = Databases(folder=Path(folder))
            storms = {**SQLITE_FAULTS, "disk full": sqlite_disk_full}
            yield [*_kills(databases, every), *_storms(databases, seed, storms), _power_cuts(seed)]
        return
    with running_server() as server:
        databases = Databases(admin_url=server.admin_url)
        storms = {**POSTGRES_FAULTS, **list_server_faults(server)}
        yield [*_kills(databases, every), *_storms(databases, seed, storms), *_with_more_servers(server, seed)]


def _kills(databases: Databases, every: int) -> list[Planned]:
    kills = {
        f"killed in: {operation.name}": partial(kill_at_each_point, operation=operation) for operation in OPERATIONS
    }
    kills["killed in: outbox"] = partial(kill_the_outbox)
    kills["killed in: sweeper"] = partial(kill_the_sweeper)
    kills["killed in: first start, migrations"] = partial(kill_at_each_point_of_start)
    return [
        Planned(fault, databases.kind, partial(kill, databases=databases, every=every)) for fault, kill in kills.items()
    ]


def _storms(databases: Databases, seed: int, faults: dict[str, Fault]) -> list[Planned]:
    common = {"nodes killed under load": nodes_killed, "clients go away": clients_go_away}
    storms = {fault: partial(storm_with, fault=body) for fault, body in {**common, **faults}.items()}
    # A link lives an hour, and a clock that is ahead takes it for old: nothing to learn from that.
    storms["clock of a node jumps"] = partial(
        storm_with, fault=clock_jumps, without=frozenset({"password"}), settle_ms=_MONTH_MS
    )
    return [
        Planned(fault, databases.kind, partial(storm, databases=databases, name=fault, seed=seed))
        for fault, storm in storms.items()
    ]


def _power_cuts(seed: int) -> Planned:
    """At many moments of one process that wrote; it needs no node."""

    async def cut(_: Nursery) -> Row:
        with tempfile.TemporaryDirectory(prefix="watchword-power-") as folder:
            recording = await asyncio.to_thread(record_worker, Path(folder))
            book = await cut_power(recording, moments=_POWER_CUTS, seed=seed)
        return Row.of("power cut", "sqlite", book, 0)

    return Planned("power cut", "sqlite", cut)


def _with_more_servers(server: PostgresServer, seed: int) -> list[Planned]:
    """Those that need a server with a disk of its own, one with a standby, or a pooler before it."""

    async def fill_the_disk(nursery: Nursery) -> Row:
        with small_disk(POSTGRES_SIZE) as disk, running_server(POSTGRES_SETTINGS, disk=disk.folder) as own:
            fault = postgres_disk_full(own, disk)
            return await storm_with(nursery, Databases(admin_url=own.admin_url), "disk full", fault, seed=seed)

    async def fail_over(nursery: Nursery) -> Row:
        with running_pair() as pair:
            databases = Databases(admin_url=pair.both(pair.primary.admin_url), for_nodes=pair.both)
            fault = fail_over_of(pair)
            return await storm_with(nursery, databases, "fail-over to a standby", fault, seed=seed, rounds=1)

    async def restart_pooler(nursery: Nursery) -> Row:
        with running_pgbouncer(server.admin_url) as pooler:
            databases = Databases(admin_url=server.admin_url, for_nodes=pooler.url)
            return await storm_with(nursery, databases, "PgBouncer killed, restarted", restart_of(pooler), seed=seed)

    return [
        Planned("disk full", "postgres", fill_the_disk),
        Planned("fail-over to a standby", "postgres", fail_over),
        Planned("PgBouncer killed, restarted", "postgres", restart_pooler),
    ]
