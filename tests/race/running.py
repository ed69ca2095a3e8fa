"""A whole race: two nodes, a crowd of people, some of them robbed, until so many refreshes were answered."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from tests.race.clock import DELTA_MS, OF_AGE_MS, FastClock
from tests.race.node import NodeSettings
from tests.race.person import Network, Person
from tests.race.record import Failure, Tally
from tests.race.thief import POSITIONS, Thief
from tests.race.wire import Wire
from tests.services.programs import free_port

#: How far the clocks of the two nodes are apart, on the clock of the race.
APART_MS = 2_000
SETTLE_MS = 130_000
#: What the settle age leaves, beyond four message lives and twice what the clocks are apart, for the time between
#: a node's look at its clock and its commit.
MAY_TAKE_MS = SETTLE_MS - 4 * DELTA_MS - 2 * APART_MS
#: Far more than client and thief need for a few generations each, however they wait.
CAUGHT_WITHIN_MS = 60 * OF_AGE_MS
START_SECONDS = 60
WIDTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceSettings:
    """How to race.

    Attributes:
        database: The URL of an empty database.
        refreshes: How many are to be answered before it ends.
        people: How many are signed in at a time; who leaves is replaced.
        robbed: Which part of them meets a thief.
        speed: How many times faster than the day the clock runs.
        seed: Of all that is random, except for what the machine does.
        settle_ms: The setting of that name; 0 switches the rule off, and the race must notice.
    """

    database: str
    refreshes: int
    people: int = 240
    robbed: float = 0.25
    speed: int = 100
    seed: int = 1
    settle_ms: int = SETTLE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a race showed.

    Attributes:
        tally: All that was counted.
        sessions: How many there were.
        seconds: How long it took, in real time.
        too_slow: Sessions in which a node took longer than the rules assume; what failed in them says nothing
            about the rules, and stands in `excused`.
        failures: What must never happen, and did.
        logged: What the nodes logged of refreshes.
    """

    settings: RaceSettings
    tally: Tally
    sessions: int
    seconds: float
    too_slow: frozenset[int]
    failures: list[Failure]
    excused: list[Failure]
    logged: Counter[str] = field(default_factory=Counter[str])


async def race(settings: RaceSettings, show: Callable[[Tally], None]) -> Outcome:
    """Run it.

    Args:
        settings: How.
        show: Called several times a second while it runs.
    """
    began = time.monotonic()
    clock = FastClock.started(settings.speed)
    with running_nodes(settings, clock) as ports:
        wires = [Wire(port, WIDTH) for port in ports]
        await asyncio.gather(*(_wait_for(wire) for wire in wires))
        network = Network(wires, clock, Tally(), [])
        crowd = Crowd(settings, network)
        watching = asyncio.create_task(_watch(network.tally, show))
        try:
            await crowd.run()
            reports = [json.loads((await wire.ask("GET", "/race", {})).body) for wire in wires]
        finally:
            watching.cancel()
            for wire in wires:
                wire.close()
    too_slow = frozenset(number for report in reports for number in report["tooSlow"])
    failures = network.tally.failures
    return Outcome(
        settings=settings,
        tally=network.tally,
        sessions=crowd.sessions,
        seconds=time.monotonic() - began,
        too_slow=too_slow,
        failures=[failure for failure in failures if failure.session not in too_slow],
        excused=[failure for failure in failures if failure.session in too_slow],
        logged=sum((Counter(report["events"]) for report in reports), Counter()),
    )


class Crowd:
    """People who come, refresh for a while, and go; some are robbed."""

    def __init__(self, settings: RaceSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self.sessions = 0

    async def run(self) -> None:
        """Until enough refreshes were answered, and whoever was robbed by then has been avenged."""
        async with asyncio.TaskGroup() as people:
            for _ in range(self._settings.people):
                people.create_task(self._place())
                await self._network.clock.sleep(OF_AGE_MS / self._settings.people)  # not all at the same moment

    @property
    def is_late(self) -> bool:
        """Whether enough refreshes were answered."""
        return self._network.tally.refreshes >= self._settings.refreshes

    async def _place(self) -> None:
        while not self.is_late:
            self.sessions += 1
            number = self.sessions
            random = Random(f"{self._settings.seed} {number}")  # noqa: S311  to be repeated, no secret
            person = Person(self._network, number, random)
            await person.sign_in()
            if random.random() < self._settings.robbed:
                await self._live_robbed(person, random)
            else:
                await self._live_honest(person, random)

    async def _live_honest(self, person: Person, random: Random) -> None:
        leaves_after = random.randint(5, 30)
        while not (self.is_late or person.record.over or person.record.proved >= leaves_after):
            await person.go_on()
        await person.calm_down()
        if not person.record.over:
            await person.must_be_signed_in()
            self._network.tally.events["honest sessions followed to their end"] += not person.record.over

    async def _live_robbed(self, person: Person, random: Random) -> None:
        robbed_at = random.randint(0, 6)
        position = POSITIONS[person.record.number % len(POSITIONS)]
        while not (self.is_late or person.record.over or person.record.proved >= robbed_at):
            await person.go_on()
        if self.is_late or person.record.over:
            await person.calm_down()
            return
        thief = asyncio.create_task(Thief(self._network, person, position, random).live())
        ends_by_ms = self._network.clock.now_ms() + CAUGHT_WITHIN_MS
        while not person.record.over and self._network.clock.now_ms() < ends_by_ms:
            await person.go_on()
        person.record.must_be_over()
        await thief
        await person.calm_down()


@contextmanager
def running_nodes(settings: RaceSettings, clock: FastClock) -> Iterator[list[int]]:
    """Two processes on one database, their clocks apart; their ports."""
    skews = (-APART_MS // 2, APART_MS // 2)
    nodes: list[subprocess.Popen[bytes]] = []
    ports: list[int] = []
    try:
        for skew_ms in skews:
            port = free_port()
            own = FastClock(clock.base_ms, clock.origin_ns, clock.speed, skew_ms)
            argument = NodeSettings(port, settings.database, own, MAY_TAKE_MS, settings.settle_ms).to_argument()
            command = [sys.executable, "-m", "tests.race.node", argument]
            nodes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
            ports.append(port)
        yield ports
    finally:
        for node in nodes:
            assert node.stdin is not None
            node.stdin.close()
        for node in nodes:
            node.wait(START_SECONDS)


async def _wait_for(wire: Wire) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                await wire.ask("GET", "/race", {})
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return


async def _watch(tally: Tally, show: Callable[[Tally], None]) -> None:
    while True:
        show(tally)
        await asyncio.sleep(0.2)
