"""People who are busy on two nodes while something goes wrong, and are asked afterwards what they have left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from tests.chaos.cluster import Node, Nursery
from tests.chaos.company import OF_AGE_MS, Company
from tests.chaos.person import GaveUp, Person
from tests.chaos.proxy import PostgresProxy, running_proxy
from tests.chaos.record import Violation
from tests.chaos.table import Databases, Row
from tests.race.wire import Wire

PLACES = (1, 2)
#: How often a fault comes in one run, with calm and some minutes of the clock in between.
ROUNDS = 3
_PEOPLE = 8
_QUIET_SECONDS = 60
_PAUSE_SECONDS = 0.15


@dataclass
class Storm:
    """A place where faults happen.

    Attributes:
        company: The people.
        url: The database as nodes find it.
        nodes: Those that serve, by the place of their clock.
        proxy: The nodes' way to PostgreSQL; `None` on SQLite.
        random: Of all that is random here.
        without: What people leave out, where the fault makes it meaningless.
    """

    company: Company
    url: str
    random: Random
    proxy: PostgresProxy | None
    nodes: dict[int, Node] = field(default_factory=dict[int, Node])
    without: frozenset[str] = frozenset()
    is_over: bool = False

    @property
    def nursery(self) -> Nursery:
        """Where nodes come from."""
        return self.company.nursery

    async def start_node(self, place: int) -> None:
        """Begin a node in a place, where none is or a dead one."""
        self.nodes[place] = await self.nursery.start(self.url, place)

    def note(self, faults: int = 1) -> None:
        """Count what was injected."""
        self.company.book.injected += faults

    def way(self) -> tuple[Wire, Mapping[str, str]]:
        """Any node, as behind a balancer that does not look who lives."""
        return self.random.choice(list(self.nodes.values())).wire, {}

    async def run(self, fault: "Fault", rounds: int, people: int) -> None:
        """Have people busy while the fault comes and passes, again and again; in between all is calm."""
        for _ in range(people):
            self.company.invite(self.way)
        await asyncio.gather(*(person.sign_up() for person in self.company.people))
        for _ in range(rounds):
            self.nursery.clocks.advance(OF_AGE_MS)
            self.is_over = False
            busy = [asyncio.create_task(self._busy(person)) for person in list(self.company.people)]
            try:
                await fault(self)
            finally:
                self.is_over = True
            await asyncio.gather(*busy)
            await self.be_quiet()

    async def be_quiet(self) -> None:
        """Wait until no node has anything to do for anybody, also not for those who have hung up.

        Time makes leaps only then: no message is under way longer than the rules assume.
        """
        async with asyncio.timeout(_QUIET_SECONDS):
            for node in self.nodes.values():
                while (await node.wire.ask("GET", "/ready", {})).body != b'{"busy":0}':  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    async def _busy(self, person: Person) -> None:
        """One thing after the other until the fault has passed."""
        with suppress(GaveUp):  # it is noted
            if not person.account.sessions:
                await person.sign_in()
            await person.refresh()
            while not self.is_over:
                await self._do_something(person)
                await asyncio.sleep(self.random.uniform(0, _PAUSE_SECONDS))

    async def _do_something(self, person: Person) -> None:
        chosen = self.random.choices(list(_HABITS), weights=[weight for weight, _ in _HABITS.values()])[0]
        if chosen in self.without:
            return
        await _HABITS[chosen][1](self, person)
        if not person.account.sessions:
            await person.sign_in()


Fault = Callable[[Storm], Awaitable[None]]
"""Something that goes wrong and passes, each time it is called."""


async def _newcomer(storm: Storm, _: Person) -> None:
    newcomer = storm.company.invite(storm.way)
    await newcomer.sign_up()
    await newcomer.change_data()


async def _forget_password(_: Storm, person: Person) -> None:
    await person.ask_for_link()
    await person.receive_link()
    await person.use_new_link()


async def _hang_up(storm: Storm, person: Person) -> None:
    """Send a refresh, or a part of it, and be gone."""
    with suppress(OSError):
        wire, _ = storm.way()
        await wire.ask_and_hang_up("/auth/session/refresh", person.refresh_headers(), storm.random.uniform(0, 0.01))


_HABITS: dict[str, tuple[int, Callable[[Storm, Person], Awaitable[None]]]] = {
    "refresh": (25, lambda _, person: person.refresh()),
    "verify": (15, lambda _, person: person.verify(exactly=False)),
    "verify exactly": (10, lambda _, person: person.verify(exactly=True)),
    "data": (20, lambda _, person: person.change_data()),
    "payload": (15, lambda _, person: person.change_payload()),
    "sign-in": (3, lambda _, person: person.sign_in()),
    "sign-out": (4, lambda _, person: person.sign_out()),
    "sign-out everywhere": (2, lambda _, person: person.sign_out_everywhere()),
    "newcomer": (2, _newcomer),
    "password": (3, _forget_password),
    "hang up": (6, _hang_up),
}


@asynccontextmanager
async def _way_of_nodes(databases: Databases, database: str) -> AsyncIterator[tuple[str, PostgresProxy | None]]:
    """The URL that nodes use for a database, and the proxy that this leads through."""
    if databases.for_nodes is not None:
        yield databases.for_nodes(database), None
    elif databases.kind == "sqlite":
        yield database, None
    else:
        async with running_proxy(database) as proxy:
            yield proxy.url, proxy


async def storm_with(
    nursery: Nursery,
    databases: Databases,
    name: str,
    fault: Fault,
    *,
    seed: int,
    rounds: int = ROUNDS,
    people: int = _PEOPLE,
    without: frozenset[str] = frozenset(),
    settle_ms: int = 0,
) -> Row:
    """One kind of fault, on an empty database.

    Args:
        nursery: Where nodes come from.
        databases: Where an empty one comes from.
        name: Of the fault, for the table.
        fault: Comes and passes each time it is called.
        seed: Of what people do; what the machine does is not repeated.
        rounds: How often.
        people: How many are there in the beginning.
        without: See `Storm`.
        settle_ms: How long after it, on the clock, all is as if it had not been.
    """
    database = databases.create()
    async with _way_of_nodes(databases, database) as (url, proxy):
        random = Random(f"{seed} {name} {databases.kind}")  # noqa: S311 - to be repeated, no secret
        storm = Storm(Company(nursery, database), url, random, proxy, without=without)
        try:
            for place in PLACES:
                await storm.start_node(place)
            await storm.run(fault, rounds, people)
            nursery.clocks.advance(settle_ms)
            doubled = await storm.company.check(storm.nodes[PLACES[0]])
        except TimeoutError:
            storm.company.book.fail(Violation.STUCK, "the nodes were not idle a minute after the fault had passed")
            doubled = 0
        finally:
            await nursery.end_all()
    return Row.of(name, databases.kind, storm.company.book, doubled)
