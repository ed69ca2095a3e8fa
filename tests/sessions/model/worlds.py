"""What can happen next in a world: the client, the network, the server, crashes, time, and the thief."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.sessions.model.schemes import Row, Scheme
from tests.sessions.model.states import DELTA, Access, Flags, Msg, RowState, State


@dataclass(frozen=True, kw_only=True)
class World:
    """One check: a scheme, what may happen, and what must hold.

    Attributes:
        scheme: The rule of refreshing.
        at: Whether verifying an access token may promote.
        bound: Whether messages live at most DELTA ticks.
        flight: How many messages at most are under way at once.
        thief: Whether there is one.
        crash: Whether the client may die before its disk has the new token.
        dup: Whether requests may be duplicated.
        lostcommit: How many commits at most are lost after the answer has left.
        sat: Ages saturate here.
        k: How many generations both must live on for a violation of I3.
        flush: After how many ticks a new token is on the disk; `None`: it may take for ever.
        ignore: Invariants not looked at.
        idem: Whether a second node handles each request again (I11).
        skew: By how many ticks the age of a token may be read wrong.
    """

    scheme: Scheme
    at: bool = False
    bound: bool = True
    flight: int = 2
    thief: bool = False
    crash: bool = False
    dup: bool = True
    lostcommit: int = 0
    sat: int = 6
    k: int = 2
    flush: int | None = None
    ignore: tuple[str, ...] = ()
    idem: bool = False
    skew: int = 0


class Step(NamedTuple):
    """One thing that can happen, the invariant it breaks if any, and the state after it."""

    label: str
    bad: str | None
    state: State


class Violation(Exception):
    """An invariant that must hold at every refresh does not."""


def nm(token: int) -> str:
    """A token in a label; replaced by a stable name when a trace is printed."""
    return f"<{token}>"


class Outcome(NamedTuple):
    """What the server did with a refresh token."""

    row: RowState
    toks: tuple[tuple[int, int, int], ...]
    wrote: int
    verdict: str
    token: int


def run_refresh(world: World, state: State, token: int, *, lost: bool = False, err: int = 0) -> Outcome:
    """Let the scheme handle a refresh token, and check I10 and I11."""
    row = Row([list(t) for t in state.toks], *state.row)
    row.toks[token][2] = max(0, row.toks[token][2] + err)  # clocks differ: the age is read wrong by err ticks
    if not row.live:
        return Outcome(state.row, state.toks, 0, "unauth", -1)
    verdict, minted = world.scheme(row, token)
    if row.wrote > 1:
        raise Violation("I10 more than one row write in one refresh")
    if verdict == "theft":
        row.live = 0
    elif world.idem:  # a second node handles the same token again: nothing more to write
        second = Row([list(t) for t in row.toks], row.cur, row.prev, row.rec, row.conf, row.rot, 1)
        again, _ = world.scheme(second, token)
        if again != verdict or second.wrote or second.cur != row.cur:
            raise Violation("I11 the second of two nodes changed the row again")
    row.toks[token][2] = state.toks[token][2]
    after = RowState(row.cur, row.prev, row.rec, row.conf, row.rot, row.live)
    if lost and row.wrote:  # answered, but the row write did not survive
        after = state.row._replace(live=row.live)
    return Outcome(after, tuple((t[0], t[1], t[2]) for t in row.toks), row.wrote, verdict, minted)


def steps(world: World, state: State) -> Iterator[Step]:
    """Everything that can happen next, in a fixed order; nothing once the session is over."""
    if not state.row.live:
        return
    yield from _client_sends(world, state)
    for i, msg in enumerate(state.msgs):
        if msg in state.msgs[:i]:
            continue
        rest = state.msgs[:i] + state.msgs[i + 1 :]
        if msg.kind == "q":
            yield from _server_refreshes(world, state, msg, rest)
        elif msg.kind == "v":
            yield _server_verifies(state, msg, rest)
        else:
            jar = (msg.token, msg.access)
            disk = state.disk if world.crash else None
            yield Step(f"answer {nm(msg.token)} reaches the jar", None, state._replace(jar=jar, msgs=rest, disk=disk))
            yield Step(f"answer {nm(msg.token)} is lost", None, state._replace(msgs=rest))
    if world.crash:
        yield from _crashes(world, state)
    yield _tick(world, state)
    if world.thief:
        yield from _thief_acts(world, state)


def _client_sends(world: World, state: State) -> Iterator[Step]:
    """The honest client sends what its jar holds."""
    jar = state.jar
    if jar is None or len(state.msgs) >= world.flight:
        return
    token, access = jar
    yield Step(f"tab sends refresh({nm(token)})", None, state._replace(msgs=(*state.msgs, Msg("q", token, None, 0))))
    if world.at and access is not None and access[1] >= 0:
        yield Step(
            f"tab sends an API call with the access token minted with {nm(access[0])}",
            None,
            state._replace(msgs=(*state.msgs, Msg("v", -1, access, 0))),
        )


def _server_refreshes(world: World, state: State, msg: Msg, rest: tuple[Msg, ...]) -> Iterator[Step]:
    token = msg.token
    for lost in (False, True) if state.flags.lost < world.lostcommit else (False,):
        for err in range(-world.skew, world.skew + 1):
            done = run_refresh(world, state, token, lost=lost, err=err)
            if not lost or done.wrote:
                yield from _server_answers(world, state, token, done, rest, lost=lost)
    yield Step(f"request refresh({nm(token)}) is lost", None, state._replace(msgs=rest))


def _server_answers(
    world: World, state: State, token: int, done: Outcome, rest: tuple[Msg, ...], *, lost: bool
) -> Iterator[Step]:
    verdict = done.verdict
    if verdict in ("theft", "unauth"):
        innocent = state.flags.stolen != 2
        yield Step(
            f"server: refresh({nm(token)}) -> {verdict.upper()}, session revoked",
            "I1 honest client logged out although nobody stole anything" if innocent else None,
            state._replace(row=done.row, toks=done.toks, jar=None, disk=None, msgs=()),
        )
        return
    flags, bad = _honest_advance(world, state, token, verdict, lost=lost)
    note = " [commit lost after the answer]" if lost else ""
    for keep in (False, True) if world.dup and len(state.msgs) < world.flight and verdict != "soft" else (False,):
        msgs = state.msgs if keep else rest
        twice = " (request duplicated)" if keep else ""
        said = f"answers {nm(done.token)}{twice}{note}"
        if verdict == "soft":
            said = f"refused softly{twice}"
        elif verdict == "at":
            said = f"access token only{twice}{note}"
        else:
            msgs = (*msgs, Msg("r", done.token, _access(world, done), 0))
        after = state._replace(row=done.row, toks=done.toks, msgs=msgs, flags=flags)
        yield Step(f"server: refresh({nm(token)}) -> {said}", bad, after)


def _access(world: World, done: Outcome) -> Access:
    if not world.at:
        return None
    parent = done.toks[done.token][0]
    return done.token, parent if parent == done.row.cur else -1


def _honest_advance(world: World, state: State, token: int, verdict: str, *, lost: bool) -> tuple[Flags, str | None]:
    flags, gen = state.flags, state.toks[token][1]
    advances = bool(flags.stolen) and verdict == "ok" and gen > flags.honest_last
    after = flags._replace(
        honest=min(world.k, flags.honest + advances),
        honest_last=gen if advances else flags.honest_last,
        lost=flags.lost + lost,
        proof=max(flags.proof, gen) if verdict != "soft" else flags.proof,
    )
    both = advances and after.honest >= world.k and flags.thief >= world.k
    return after, _both_live(world) if both else None


def _both_live(world: World) -> str:
    return f"I3 thief and honest client both live on, {world.k} generations after the theft"


def _server_verifies(state: State, msg: Msg, rest: tuple[Msg, ...]) -> Step:
    """Verification that promotes: the core up to CDI 5.4."""
    assert msg.access is not None
    token, parent = msg.access
    row = state.row
    if parent >= 0 and parent == row.cur and token >= 0:
        promoted = row._replace(cur=token, prev=-1, rec=-1 if row.rec == token else row.rec)
        label = f"server: access token of {nm(token)} verified -> {nm(token)} promoted"
        return Step(label, None, state._replace(row=promoted, msgs=rest))
    return Step("server: access token verified, nothing to promote", None, state._replace(msgs=rest))


def _crashes(world: World, state: State) -> Iterator[Step]:
    jar, disk = state.jar, state.disk
    if jar is not None and disk != jar:
        yield Step(f"client writes its jar ({nm(jar[0])}) to disk", None, state._replace(disk=jar))
    if jar is not None and disk is not None and disk != jar:
        in_time = world.flush is None or state.toks[jar[0]][2] <= world.flush
        if in_time:
            yield Step(f"client is killed and restarts with {nm(disk[0])} from disk", None, state._replace(jar=disk))


def _tick(world: World, state: State) -> Step:
    msgs = tuple(
        m._replace(age=m.age + 1 if world.bound else 0) for m in state.msgs if not world.bound or m.age < DELTA
    )
    disk, jar, row = state.disk, state.jar, state.row
    if world.crash and world.flush is not None and jar and state.toks[jar[0]][2] + 1 > world.flush:
        disk = jar
    after = state._replace(
        toks=tuple((parent, gen, min(age + 1, world.sat)) for parent, gen, age in state.toks),
        msgs=msgs,
        disk=disk,
        row=row._replace(conf=min(row.conf + 1, world.sat), rot=min(row.rot + 1, world.sat)),
    )
    return Step(TICK, None, after)


TICK = "a tick passes"


def _thief_acts(world: World, state: State) -> Iterator[Step]:
    flags = state.flags
    if not flags.stolen:
        held = {state.jar[0]} if state.jar else set[int]()
        for token in sorted(held | {m.token for m in state.msgs if m.kind == "r"}):
            stolen = Flags(1, 0, -3, 0, -3, flags.lost, flags.proof)
            yield Step(f"THIEF copies {nm(token)}", None, state._replace(thief=(token,), flags=stolen))
    for token in state.thief:
        yield from _thief_presents(world, state, token)


def _thief_presents(world: World, state: State, token: int) -> Iterator[Step]:
    done = run_refresh(world, state, token)
    verdict, label = done.verdict, f"THIEF presents {nm(token)} -> "
    if verdict in ("theft", "unauth"):
        over = state._replace(row=done.row, toks=done.toks, jar=None, msgs=(), thief=())
        yield Step(f"{label}{verdict.upper()}, session revoked", None, over)
        return
    flags, gen = state.flags, state.toks[token][1]
    advances = verdict == "ok" and gen > flags.thief_last
    new = flags._replace(
        stolen=2,
        thief=min(world.k, flags.thief + advances),
        thief_last=gen if advances else flags.thief_last,
        proof=max(flags.proof, gen) if verdict != "soft" else flags.proof,
    )
    bad = None
    if advances and flags.honest >= world.k and new.thief >= world.k:
        bad = _both_live(world)
    elif verdict in ("ok", "at") and gen < flags.proof and gen < done.toks[done.row.cur][1]:
        bad = "I2 a token older than the confirmed one still yields tokens"
    after = state._replace(row=done.row, toks=done.toks, flags=new)
    if verdict != "ok":
        said = {"at": "access token only", "soft": "refused softly"}[verdict]
        yield Step(label + said, bad, after)
        return
    keeps_both = [(*state.thief, done.token)] if len(state.thief) < 2 else []
    for tokens in (*keeps_both, tuple(done.token if t == token else t for t in state.thief)):
        yield Step(f"{label}gets {nm(done.token)}", bad, after._replace(thief=tokens))
