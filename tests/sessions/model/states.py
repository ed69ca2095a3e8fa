"""The states of the model check: one row, one client, a network, a disk, a thief; and their canonical form."""

from collections.abc import Sequence
from typing import NamedTuple

#: Longest life of a message in ticks, when the bound is on.
DELTA = 1


class RowState(NamedTuple):
    """The session's row: tokens by number, ages in ticks."""

    cur: int
    prev: int
    rec: int
    conf: int
    rot: int
    live: int


#: Parent, generation, age.
Token = tuple[int, int, int]
#: The refresh token an access token was minted with, and its parent if it was a child then.
Access = tuple[int, int] | None
#: The refresh token and the access token that a client holds, or that its disk has.
Jar = tuple[int, Access] | None


class Msg(NamedTuple):
    """A message under way: `q` a refresh request, `v` an API call, `r` an answer."""

    kind: str
    token: int
    access: Access
    age: int


class Flags(NamedTuple):
    """What the invariants need to remember.

    Attributes:
        stolen: 1 when a thief holds a token, 2 when he has presented one.
        honest: How many different generations the client has presented with success since the theft.
        honest_last: The last one of those.
        thief: The same of the thief.
        thief_last: The last one of those.
        lost: Commits lost.
        proof: Highest generation anybody has presented.
    """

    stolen: int
    honest: int
    honest_last: int
    thief: int
    thief_last: int
    lost: int
    proof: int


class State(NamedTuple):
    """Everything that matters for what can happen next."""

    row: RowState
    toks: tuple[Token, ...]
    jar: Jar
    disk: Jar
    msgs: tuple[Msg, ...]
    thief: tuple[int, ...]
    flags: Flags


def first_state(saturation: int, *, access_tokens: bool, crash: bool) -> State:
    """One token A, current and old, in the client's jar."""
    jar: Jar = (0, (0, -1) if access_tokens else None)
    row = RowState(0, -1, -1, saturation, saturation, 1)
    return State(row, ((-1, 0, saturation),), jar, jar if crash else None, (), (), Flags(0, 0, 0, 0, 0, 0, 0))


def canonical(state: State, saturation: int) -> tuple[State, dict[int, int]]:
    """The state with tokens renumbered, and old number to new.

    Ages saturate, generations are relative, tokens that nobody can present any more are forgotten: so the
    state space is finite although runs are unbounded in time.
    """
    numbering = _Numbering(state)
    ids = numbering.ids
    base = state.toks[state.row.cur][1]

    def near(gen: int) -> int:
        return max(-3, min(3, gen - base))

    def access(at: Access) -> Access:  # access tokens may name tokens nobody holds; keep only names the row knows
        return None if at is None else (ids.get(at[0], -2), ids.get(at[1], -2) if at[1] >= 0 else -1)

    def jar(held: Jar) -> Jar:
        return None if held is None else (ids[held[0]], access(held[1]))

    row, flags = state.row, state.flags
    toks = (state.toks[i] for i in numbering.order)
    stolen = flags.stolen
    return State(
        RowState(ids[row.cur], ids[row.prev], ids[row.rec], min(row.conf, 3), min(row.rot, saturation), row.live),
        tuple((ids.get(parent, -1), near(gen), min(age, saturation)) for parent, gen, age in toks),
        jar(state.jar),
        jar(state.disk),
        tuple(sorted(Msg(m.kind, ids.get(m.token, -1), access(m.access), m.age) for m in state.msgs)),
        tuple(ids[token] for token in numbering.thief),
        Flags(
            stolen,
            flags.honest,
            near(flags.honest_last) if stolen else 0,
            flags.thief,
            near(flags.thief_last) if stolen else 0,
            flags.lost,
            near(flags.proof),
        ),
    ), ids


class _Numbering:
    """New numbers for the tokens that somebody can still present, in an order that old numbers do not decide."""

    def __init__(self, state: State) -> None:
        self.ids = {-1: -1}
        self.order: list[int] = []
        toks = state.toks

        def key(token: int) -> tuple[int, ...]:
            if token < 0:
                return (-1,)
            parent, gen, age = toks[token]
            return self.ids.get(token, 99), gen, age, self.ids.get(parent, 99)

        self._see(state.row[:3])
        self._see([held[0] for held in (state.jar, state.disk) if held])
        msgs: Sequence[Msg] = state.msgs
        if len(msgs) > 1:
            msgs = sorted(msgs, key=lambda m: (m.kind, m.age, key(m.token)))
        self._see([m.token for m in msgs])
        self.thief: Sequence[int] = state.thief
        if len(self.thief) > 1:
            self.thief = sorted(self.thief, key=key)
        self._see(self.thief)

    def _see(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            if token >= 0 and token not in self.ids:
                self.ids[token] = len(self.order)
                self.order.append(token)
