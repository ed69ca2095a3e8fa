"""The shortest runs by which other rules fail, found by the model check, played against ours on a real database.

Each is named after the rules it defeats; `model/report.txt` has them step by step. One tick is 30 seconds,
and the first token is of age when a run begins.
"""

import pytest

from tests.sessions.nodes import ManualClock
from tests.sessions.simulation import DELTA_MS, Simulation
from watchword.sessions.engine import SessionEngine

SETTLED_MS = 131_000

HONEST = {
    "STRICT N1, an answer is lost": "send, answer 0, lose 0, send, answer 0",
    "STRICT N2, a request arrives twice": "send, answer 0 kept, answer 0",
    "REUSE and CORE56 N1, the client comes back later": "send, answer 0, wait 2, send, wait 1, answer 0",
    "REUSE, CORE54, PL-EQ and PL-RND N2, an old request comes after its grandchild was minted": (
        "send, answer 0 kept, deliver 0, send, answer 1, answer 0"
    ),
    "CORE56 N2, the second answer displaces the first": ("send, answer 0 kept, answer 0, deliver 0, send, answer 0"),
    "PL-EQ-WIN N2, a fresh child displaces the one under way": (
        "send, answer 0, wait 2, send, answer 0 kept, deliver 0, send, wait 1, answer 0, answer 0"
    ),
    "PL-S-AGAIN N2, the jar flips between siblings": (
        "send, answer 0 kept, answer 0, deliver 0, send, deliver 0, wait 1, answer 0, wait 1, send, deliver 0, "
        "wait 1, answer 0, wait 1, send, deliver 0, wait 1, answer 0, lose 0"
    ),
}

THEFT = {
    "REUSE and PL-EQ T1, both receive the same token": (
        "send, steal, answer 0, deliver 0, send, thief 0, answer 0, thief 0"
    ),
    "PL-EQ-WIN T1, both walk on in step": (
        "send, steal, answer 0, deliver 0, wait 2, thief 0, wait 2, send, wait 1, answer 0, thief 0"
    ),
}


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
