"""Breadth-first search over every reachable state of a world; every trace it prints is a shortest one."""

from collections import deque
from typing import NamedTuple

from tests.sessions.model.states import State, canonical, first_state
from tests.sessions.model.worlds import TICK, World, run_refresh, steps

#: From a state to the state before it and the number of the step in between.
Parents = dict[State, tuple[State, int] | None]
Trace = list[tuple[int, str]]


class Verdict(NamedTuple):
    """The outcome of a check: what was violated, the shortest way there, how many states were visited."""

    bad: str | None
    trace: Trace
    states: int


def check(world: World) -> Verdict:
    """Visit every reachable state, or stop at the first violation."""
    start, _ = canonical(first_state(world.sat, access_tokens=world.at, crash=world.crash), world.sat)
    parents: Parents = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if _is_calm(world, state) and state.jar and run_refresh(world, state, state.jar[0]).verdict == "soft":
            bad = "I5 network calm, yet the client's token is refused"
            return Verdict(bad, trace(world, parents, state, None), len(parents))
        for k, step in enumerate(steps(world, state)):
            if step.bad and step.bad[:2] not in world.ignore:
                return Verdict(step.bad, trace(world, parents, state, k), len(parents))
            if not step.state.row.live or step.state.jar is None:
                continue  # the session is over: nothing more to look at
            after, _ = canonical(step.state, world.sat)
            if after not in parents:
                parents[after] = (state, k)
                queue.append(after)
    return Verdict(None, [], len(parents))


def _is_calm(world: World, state: State) -> bool:
    """No message under way and no theft: the client's token must work."""
    return not state.msgs and not state.flags.stolen and "I5" not in world.ignore


def trace(world: World, parents: Parents, state: State, last: int | None) -> Trace:
    """The way to a state with stable names: A is the token the run starts with, B1, B2 its children in
    order of minting, C1 theirs.
    """
    path = [] if last is None else [(state, last)]
    before = parents[state]
    while before is not None:
        path.append(before)
        before = parents[before[0]]
    names, depth = {0: "A"}, {0: 0}
    count: dict[int, int] = {}
    told: Trace = []
    ticks = 0
    for at, k in reversed(path):
        step = list(steps(world, at))[k]
        for i in range(len(at.toks), len(step.state.toks)):
            d = depth.get(step.state.toks[i][0], 0) + 1
            count[d] = count.get(d, 0) + 1
            names[i], depth[i] = f"{chr(65 + d % 26)}{count[d]}", d
        if step.label == TICK:
            ticks += 1
        else:
            told.append((ticks, _named(step.label, names)))
        _, ids = canonical(step.state, world.sat)
        names = {j: names[i] for i, j in ids.items() if i >= 0 and i in names}
        depth = {j: depth[i] for i, j in ids.items() if i >= 0 and i in depth}
    return told


def _named(label: str, names: dict[int, str]) -> str:
    for token, name in names.items():
        label = label.replace(f"<{token}>", name)
    return label.replace("<-2>", "?").replace("<-1>", "none")
