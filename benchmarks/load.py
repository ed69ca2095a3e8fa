"""Driving one contender: its connections, its people, and what an operation cost."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import get_args

from benchmarks.contenders.contender import Operation, Person
from benchmarks.form import Form
from benchmarks.http import Connection, UnexpectedAnswer
from benchmarks.processes import cpu_seconds
from benchmarks.servers import Server
from benchmarks.spread import quantile

IN_FLIGHT = 8
OPERATIONS: tuple[Operation, ...] = get_args(Operation)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation cost, on average of one batch; milliseconds.

    Attributes:
        cpu_ms: CPU time of the contender's process.
        database_cpu_ms: CPU time of the PostgreSQL server; 0 with SQLite, which runs inside the process.
        latency_ms: From request to answer, the median, with `IN_FLIGHT` requests under way.
    """

    cpu_ms: float
    database_cpu_ms: float
    latency_ms: float


@dataclass
class Load:
    """Clients of one server. Everybody who signs up is somebody new."""

    server: Server
    postgres_pid: int | None
    form: Form
    lanes: list[Connection] = field(init=False)
    people: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lanes = [Connection(self.server.port) for _ in range(IN_FLIGHT)]

    def renew_people(self) -> None:
        """New people for a new round."""
        self.people = [Person(f"{secrets.token_hex(8)}@example.com") for _ in range(self.form.people)]

    async def measure(self, operation: Operation) -> Cost:
        """Do an operation as often as the form says, spread over the connections."""
        latencies: list[float] = []
        started, database_started = cpu_seconds(self.server.pid), self._database_cpu()
        await asyncio.gather(*(self._drive(number, operation, latencies) for number in range(IN_FLIGHT)))
        cpu, database_cpu = cpu_seconds(self.server.pid) - started, self._database_cpu() - database_started
        each = 1_000 / len(latencies)
        # Of ended processes the clock tells hundredths of a second only, so that next to nothing may come out below 0.
        return Cost(cpu * each, max(0.0, database_cpu * each), quantile(latencies, 0.5) * 1_000)

    async def check(self) -> None:
        """See that the contender does what will be measured: lets people in, keeps others out.

        Raises:
            UnexpectedAnswer: It does not.
        """
        contender, lane, person = self.server.contender, self.lanes[0], Person("check@example.com")
        await contender.bare(lane)
        if not contender.has("sign_in"):
            return
        await contender.sign_up(lane, person)
        await contender.sign_in(lane, person)
        await contender.verify(lane, person)
        if contender.has("refresh"):
            before = dict(person.headers)
            await contender.refresh(lane, person)
            if person.headers == before:
                raise UnexpectedAnswer(f"{contender.name} refreshed nothing")
            await contender.verify(lane, person)
        await self._must_refuse(lane, Person("nobody@example.com"))
        signed_in = Person(person.email, dict(person.headers))
        await contender.sign_out(lane, person)
        if contender.revokes:
            await self._must_refuse(lane, signed_in)

    async def close(self) -> None:
        """Let the connections go."""
        for lane in self.lanes:
            await lane.close()

    async def _must_refuse(self, lane: Connection, person: Person) -> None:
        answer = await lane.call("GET", "/me", headers=person.headers)
        if answer.status < 400:
            raise UnexpectedAnswer(f"{self.server.contender.name} let {person.email} in: {answer.body!r}")

    async def _drive(self, number: int, operation: Operation, latencies: list[float]) -> None:
        lane = self.lanes[number]
        for call in self._calls(number, operation, lane):
            started = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - started)

    def _calls(self, number: int, operation: Operation, lane: Connection) -> list[Callable[[], Awaitable[None]]]:
        contender, form = self.server.contender, self.form
        if operation == "bare":
            return [lambda: contender.bare(lane)] * (form.requests // IN_FLIGHT)
        work = getattr(contender, operation)
        if operation in ("empty", "called", "verify", "refresh"):
            times = (form.refreshes if operation == "refresh" else form.requests) // IN_FLIGHT
            return [lambda: work(lane, self.people[number])] * times
        people = self.people[: form.visits] if operation == "visit" else self.people
        return [lambda person=person: work(lane, person) for person in people[number::IN_FLIGHT]]

    def _database_cpu(self) -> float:
        return 0.0 if self.postgres_pid is None else cpu_seconds(self.postgres_pid)
