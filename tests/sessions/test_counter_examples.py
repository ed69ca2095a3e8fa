"""The shortest runs by which other rules fail, found by the model check, played against ours on a real database.

`watchword prove` plays them too. One tick is 30 seconds, and the first token is of age when a run begins.
"""

import pytest

from tests.sessions.nodes import ManualClock
from tests.sessions.simulation import DELTA_MS, Simulation
from watchword.cli.counter_examples import HONEST, THEFT
from watchword.sessions.engine import SessionEngine

SETTLED_MS = 131_000


async def play(simulation: Simulation, script: str) -> None:
    """Play a run; what our rule leaves nothing to deliver, lose or answer of is skipped."""
    for step in script.split(", "):
        verb, *rest = step.split()
        index = int(rest[0]) if rest else 0
        if verb == "send":
            simulation.send()
        elif verb == "answer" and index < len(simulation.requests):
            await simulation.handle_request(index, duplicated="kept" in rest)
        elif verb == "deliver" and index < len(simulation.answers):
            simulation.deliver_answer(index)
        elif verb == "lose" and index < len(simulation.answers):
            simulation.lose_answer(index)
        elif verb == "wait":
            simulation.turn_clock(index * DELTA_MS)
        elif verb == "steal":
            simulation.steal(simulation.jar)
        elif verb == "thief":
            await simulation.thief_presents(index)
        await simulation.check()


async def begin(node: SessionEngine, clock: ManualClock) -> Simulation:
    """A session whose first token is of age."""
    simulation = await Simulation.begin(clock, [node])
    clock.turn(SETTLED_MS)
    return simulation


@pytest.mark.parametrize("script", HONEST.values(), ids=HONEST)
async def test_honest_client_survives(node: SessionEngine, clock: ManualClock, script: str) -> None:
    """The run that signs an honest client out elsewhere leaves it signed in here, and it goes on refreshing."""
    simulation = await begin(node, clock)

    await play(simulation, script)

    for _ in range(3):
        simulation.turn_clock(SETTLED_MS)
        await play(simulation, "send, answer 0, deliver 0")
    assert not simulation.over


@pytest.mark.parametrize("script", THEFT.values(), ids=THEFT)
async def test_thief_and_client_do_not_both_live_on(node: SessionEngine, clock: ManualClock, script: str) -> None:
    """A thief copies the client's token while a refresh is under way, and both go on: soon one of them is caught.

    Elsewhere the two receive the same child and walk on in step for ever. Here each answer has a child of
    its own, so once both have used one of age the session ends.
    """
    simulation = await begin(node, clock)

    await play(simulation, script)

    for _ in range(3):
        if not simulation.over:
            simulation.turn_clock(SETTLED_MS)
            await play(simulation, "send, answer 0, deliver 0")
        if not simulation.over:
            simulation.turn_clock(SETTLED_MS)
            await simulation.thief_presents(0)
            await simulation.check()
    assert simulation.over
