"""Random runs of client, network, nodes and thief on the real engine, one and two nodes, both databases.

The events and the invariants I1 to I12 are those of the model check (security 4.7). `WATCHWORD_TEST_EFFORT`
multiplies how many runs there are.
"""

import asyncio
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.sessions.nodes import ManualClock, make_tables, start_node
from tests.sessions.simulation import Simulation, SkewedClock
from watchword.database.open import open_database
from watchword.sessions.engine import SessionEngine

#: While messages are under way, mostly within their life; otherwise mostly until tokens are of age.
SHORT_WAITS = st.sampled_from([1, 5_000, 15_000, 29_000, 31_000])
LONG_WAITS = st.sampled_from([29_000, 61_000, *[131_000, 141_000] * 3])


class Stage:
    """A database, two nodes on it whose clocks can be set wrong, and a loop to run them in."""

    def __init__(self, runner: asyncio.Runner, clock: ManualClock, skewed: list[SkewedClock]) -> None:
        self.runner = runner
        self.clock = clock
        self.skewed = skewed
        self.nodes: list[SessionEngine] = []


@contextmanager
def stage(database_url: str, **options: int) -> Generator[Stage]:
    """Two processes on one database; they live as long as all runs of a test."""
    with asyncio.Runner() as runner:
        clock = ManualClock()
        one = Stage(runner, clock, [SkewedClock(clock, 0), SkewedClock(clock, 0)])
        databases = [open_database(database_url) for _ in one.skewed]

        async def start() -> None:
            for database, skewed in zip(databases, one.skewed, strict=True):
                await database.start()
                await make_tables(database)
                one.nodes.append(await start_node(database, skewed, **options))  # type: ignore[arg-type] # settings

        async def stop() -> None:
            for database in databases:
                await database.stop()

        runner.run(start())
        try:
            yield one
        finally:
            runner.run(stop())


#: What may happen in a run: the worlds of the model check, which have no counter-example there.
WORLDS: dict[str, dict[str, int]] = {
    "N1": {"flight": 1},
    "N2": {"flight": 2, "duplicates": 1},
    "N3": {"flight": 3, "duplicates": 1},
    "N4": {"flight": 2, "duplicates": 1, "crash": 1},
    "N5": {"flight": 2, "duplicates": 1, "lost_commits": 2},
    "N6": {"flight": 4, "duplicates": 1},
    "N7": {"flight": 2, "duplicates": 1, "crash": 1, "lost_commits": 1},
    "T1": {"flight": 1, "thief": 1},
    "T2": {"flight": 2, "thief": 1},
    "T3": {"flight": 1, "thief": 1, "lost_commits": 1},
}


class Refreshing(RuleBasedStateMachine):
    """The events of one session. Subclasses set the stage and the world."""

    stage: Stage
    world: dict[str, int]

    @initialize(skews=st.tuples(st.integers(-5_000, 5_000), st.integers(-5_000, 5_000)))
    def begin(self, skews: tuple[int, int]) -> None:
        """Clocks are set wrong by up to five seconds, and a person signs in."""
        self.events = 0
        for skewed, skew_ms in zip(self.stage.skewed, skews, strict=True):
            skewed.skew_ms = skew_ms
        self.simulation = self.stage.runner.run(Simulation.begin(self.stage.clock, self.stage.nodes))

    def may(self, what: str) -> int:
        """How often, or whether, something may happen in this world."""
        return self.world.get(what, 0)

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """One event, drawn by weight.

        One rule for all: Hypothesis leaves whole rules out of many runs, and a refresh that proves anything
        needs sending, answering, delivery and time together.
        """
        data.draw(st.sampled_from(self.possible_events()))(data)

    def possible_events(self) -> list[Callable[[st.DataObject], None]]:
        """What can happen now, as often as it should."""
        simulation = self.simulation
        weights = {
            self.time_passes: 2,
            self.the_application_merges: 1,
            self.a_tab_refreshes: 3 * (not simulation.over and simulation.in_flight < self.may("flight")),
            self.a_node_answers: 4 * bool(simulation.requests),
            self.both_nodes_answer_at_once: bool(simulation.requests) and not self.may("thief"),
            self.an_answer_arrives: 4 * bool(simulation.answers),
            self.a_message_is_lost: bool(simulation.in_flight),
            self.the_client_is_killed: self.may("crash"),
            self.a_thief_copies_a_token: self.may("thief") and not simulation.stolen and not simulation.over,
            self.the_thief_refreshes: 3 * (bool(simulation.thief) and not simulation.over),
            self.the_session_is_revoked: self.is_late() and not simulation.over,
        }
        return [event for event, weight in weights.items() for _ in range(weight)]

    def is_late(self) -> bool:
        """Whether this run has shown enough of a living session."""
        return self.events > 50

    def a_tab_refreshes(self, _: st.DataObject) -> None:
        """A request leaves."""
        self.simulation.send()

    def a_node_answers(self, data: st.DataObject) -> None:
        """A request arrives, perhaps not for the last time; the commit is lost, or not."""
        simulation = self.simulation
        index = data.draw(st.integers(0, len(simulation.requests) - 1))
        has_room = simulation.in_flight < self.may("flight")
        duplicated = bool(self.may("duplicates")) and has_room and data.draw(st.booleans())
        lost = simulation.commits_lost < self.may("lost_commits") and data.draw(st.booleans())
        node = data.draw(st.integers(0, 1))
        self.stage.runner.run(simulation.handle_request(index, node, duplicated=duplicated, lost=lost))

    def both_nodes_answer_at_once(self, data: st.DataObject) -> None:
        """A request arrives twice, at two nodes together; both answers are lost."""
        message = data.draw(st.sampled_from(self.simulation.requests))
        self.stage.runner.run(self.simulation.present_on_both_nodes_at_once(message.token))

    def an_answer_arrives(self, data: st.DataObject) -> None:
        """In any order, late within the bound."""
        self.simulation.deliver_answer(data.draw(st.integers(0, len(self.simulation.answers) - 1)))

    def a_message_is_lost(self, data: st.DataObject) -> None:
        """A request or an answer."""
        index = data.draw(st.integers(0, self.simulation.in_flight - 1))
        requests = len(self.simulation.requests)
        if index < requests:
            self.simulation.lose_request(index)
        else:
            self.simulation.lose_answer(index - requests)

    def time_passes(self, data: st.DataObject) -> None:
        """Enough of it to come of age, or too little."""
        self.simulation.turn_clock(data.draw(SHORT_WAITS if self.simulation.in_flight else LONG_WAITS))

    def the_client_is_killed(self, data: st.DataObject) -> None:
        """With or without the newest token on its disk."""
        if data.draw(st.booleans()):
            self.simulation.write_disk()
        self.simulation.crash()

    def the_application_merges(self, data: st.DataObject) -> None:
        """Into the session data, on either node."""
        key, value = data.draw(st.sampled_from("abc")), data.draw(st.sampled_from([1, None, "x"]))
        self.stage.runner.run(self.simulation.merge_data(key, value, data.draw(st.integers(0, 1))))

    def a_thief_copies_a_token(self, data: st.DataObject) -> None:
        """From the jar, or from an answer under way."""
        tokens = [self.simulation.jar, *(message.token for message in self.simulation.answers)]
        self.simulation.steal(data.draw(st.sampled_from(tokens)))

    def the_thief_refreshes(self, data: st.DataObject) -> None:
        """With any token he holds."""
        index = data.draw(st.integers(0, len(self.simulation.thief) - 1))
        keeps_old = len(self.simulation.thief) < 2 and data.draw(st.booleans())
        node = data.draw(st.integers(0, 1))
        self.stage.runner.run(self.simulation.thief_presents(index, node, keeps_old=keeps_old))

    def the_session_is_revoked(self, data: st.DataObject) -> None:
        """Whatever comes after it is refused."""
        self.stage.runner.run(self.simulation.revoke(data.draw(st.integers(0, 1))))

    @invariant()
    def all_is_well(self) -> None:
        """I3, I5, I7, I8, I9."""
        self.events += 1
        self.stage.runner.run(self.simulation.check())


def play(stage_: Stage, world: str, runs: int, *, shrink: bool = True) -> None:
    """Many random runs, the same ones each time; a failing one is made as short as can be."""
    effort = int(os.environ.get("WATCHWORD_TEST_EFFORT", "1"))
    machine = type("Machine", (Refreshing,), {"stage": stage_, "world": WORLDS[world]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs * effort,
            stateful_step_count=60,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


@pytest.mark.parametrize("world", WORLDS)
def test_no_run_breaks_an_invariant(database_url: str, world: str) -> None:
    """An honest client is never signed out, a thief and an honest client never both live on, no data is lost."""
    with stage(database_url) as one:
        play(one, world, 20 if database_url.startswith("sqlite") else 10)


def test_runs_find_what_the_settle_age_is_for(sqlite_url: str) -> None:
    """With the settle age off the same runs sign an honest client out: they would notice if the rule were gone."""
    with stage(sqlite_url, settle_ms=0) as one, pytest.raises(AssertionError, match=r"I[15]"):
        play(one, "N2", 50, shrink=False)
