"""How cost grows from few sessions and users to many: the same work on a small and on a large database, in turns."""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders.contender import DatabaseKind
from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_this_process_ms
from benchmarks.inside.crowd import HASH, add_crowd, email_of, user_id_of
from benchmarks.inside.node import running_node
from benchmarks.processes import cpu_seconds
from benchmarks.servers import PostgresForBench
from watchword import Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.sessions.session import SessionContainer

ACTIVE = 200  # sessions that are used, spread among the others
PARTS = 10
PASSWORD = "correct horse 7"


class NoHash(PasswordHasher):
    """Leaves the hash out: it costs the same however many users there are, and would hide all else."""

    async def hash(self, password: str) -> str:  # noqa: ARG002 - costs nothing here
        """The hash of the crowd."""
        return HASH

    async def verify(self, password: str, password_hash: str | None) -> None:
        """It is theirs."""


@dataclass
class GrowthResults:
    """Microseconds of CPU of one operation, this process and the database server together, one of each round."""

    few_us: dict[str, list[float]] = field(default_factory=dict)
    many_us: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Town:
    """A node on a database of a certain size."""

    auth: Watchword
    url: str
    size: int
    sessions: list[SessionContainer] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    newcomers: int = 0

    async def fill(self, step: Callable[[str], None]) -> None:
        """Fill it, with the sessions that will be used spread evenly among the others."""
        for part in range(PARTS):
            await add_crowd(self.auth, self.url, part * self.size // PARTS, self.size // PARTS, step)
            for _ in range(ACTIVE // PARTS):
                self.sessions.append(await self._new_session(f"active-{len(self.sessions)}"))
        self.chance.shuffle(self.sessions)

    def work(self) -> dict[str, Callable[[int], Awaitable[object]]]:
        """The operations; the number says which turn it is."""
        passwords, sessions = self.auth.recipe_list[0], self.auth.session_recipe
        anybody = self.chance.randrange

        async def refresh(turn: int) -> None:
            place = turn % ACTIVE
            issued = self.sessions[place].issued
            self.sessions[place] = await sessions.refresh_session((issued and issued.refresh_token) or "")

        async def sign_up(turn: int) -> None:
            self.newcomers += 1
            email = f"new{self.newcomers}-{turn}@example.com"
            await passwords.sign_up(email, PASSWORD, tenant_id="public", user_context={})

        return {
            "sign-up, without the hash": sign_up,
            "sign-in, without the hash": lambda _: passwords.sign_in(
                email_of(anybody(self.size)), PASSWORD, tenant_id="public", user_context={}
            ),
            "start a session": lambda turn: self._new_session(f"more-{turn}"),
            "verify, asking the database": lambda turn: sessions.get_session(
                self.sessions[turn % ACTIVE].access_token, check_database=True
            ),
            "refresh": refresh,
            "list a user's sessions": lambda _: self.auth.sessions.list_handles(user_id_of(anybody(self.size))),
            "revoke": lambda _: self._revoke(user_id_of(anybody(self.size))),
        }

    async def _revoke(self, user_id: str) -> None:
        await self.auth.sessions.revoke_all(user_id)

    async def _new_session(self, user_id: str) -> SessionContainer:
        return await self.auth.session_recipe.create_new_session(user_id, jwt_payload={}, session_data={})


async def measure_growth(
    form: Form, database: DatabaseKind, folder: Path, postgres: PostgresForBench, step: Callable[[str], None]
) -> GrowthResults:
    """Rounds of all operations on both sizes."""
    results = GrowthResults()
    postgres_pid = postgres.pid if database == "postgres" else None
    async with AsyncExitStack() as up:
        towns: list[Town] = []
        for size in form.sizes:
            url = f"sqlite:///{folder / f'growth-{size}'}.db"
            if database == "postgres":
                url = await postgres.create_database(f"growth_{size}")
            town = Town(await up.enter_async_context(running_node(url, NoHash())), url, size)
            await town.fill(step)
            if database == "postgres":
                await postgres.vacuum(url)
            towns.append(town)
        for number in range(form.rounds + 1):
            for operation in towns[0].work():
                for town, costs in zip(towns, (results.few_us, results.many_us), strict=True):
                    cost = await _measure(town, operation, form.calls // 2, postgres_pid)
                    if number:
                        costs.setdefault(operation, []).append(cost)
            step(f"growth on {database}")
    return results


async def _measure(town: Town, operation: str, calls: int, postgres_pid: int | None) -> float:
    work = town.work()[operation]
    started, database_started = cpu_of_this_process_ms(), _cpu_ms(postgres_pid)
    for turn in range(calls):
        await work(turn)
    spent = cpu_of_this_process_ms() - started + _cpu_ms(postgres_pid) - database_started
    return spent * 1_000 / calls


def _cpu_ms(pid: int | None) -> float:
    return 0.0 if pid is None else cpu_seconds(pid) * 1_000
