"""Two nodes, one row: every interleaving of database statements, for I7, I8 and I9."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

VALIDITY = 100


@dataclass
class Store:
    """One session row, and when it was revoked."""

    present: bool = True
    revoked: bool = False
    cur: str = "A"
    exp: int = 50
    data: frozenset[str] = frozenset()
    seq: int = 0
    gone: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the session is there and not revoked."""
        return self.present and not self.revoked


@dataclass
class Local:
    """What one process remembers between its statements."""

    row: dict[str, Any] | None = None
    data: frozenset[str] = frozenset()
    answer: str | None = None
    at: int = 0


class Statement(NamedTuple):
    """One atomic statement, named for the trace."""

    name: str
    run: Callable[[Store, Local], None]


@dataclass(frozen=True)
class Process:
    """One request on one node: its statements in order."""

    name: str
    statements: Sequence[Statement]
    merges: str | None = None


@dataclass(frozen=True)
class Discipline:
    """How refreshes write, how revocation is stored, how merges are done."""

    writes: str
    revocation: str
    merges: str


class Tally(NamedTuple):
    """The interleavings of one discipline, and the first trace of each violation."""

    discipline: Discipline
    interleavings: int
    found: dict[str, list[str]]


def _write_columns(db: Store, row: dict[str, Any], style: str, clock: int) -> None:
    if style == "whole row" and db.present:
        db.present, db.revoked, db.data = row["present"], row["revoked"], row["data"]
    elif style == "upsert":
        db.revoked = db.revoked if db.present else False
        db.present = True
    if db.present:
        db.cur, db.exp = "B", clock + VALIDITY


def refresh(style: str, clock: int, name: str) -> Process:
    """A refresh with the child of the current token, on a node with this clock."""

    def read(db: Store, local: Local) -> None:
        columns = ("present", "revoked", "cur", "exp", "data")
        local.row = {column: getattr(db, column) for column in columns} if db.present else None

    def write(db: Store, local: Local) -> None:
        if local.row is None or local.row["revoked"]:
            local.answer = "refused"
            return
        _write_columns(db, local.row, style, clock)
        local.answer = "tokens"
        local.at = db.seq

    def guarded(db: Store, local: Local) -> None:
        local.answer = "tokens" if db.is_live else "refused"
        if db.is_live and db.cur == "A":
            db.cur, db.exp = "B", max(db.exp, clock + VALIDITY)
        local.at = db.seq

    both = [Statement("read", read), Statement("write", write)]
    return Process(name, [Statement("guarded", guarded)] if style == "guarded" else both)


def revoke(kind: str) -> Process:
    """A revocation, by a flag or by deleting the row."""

    def run(db: Store, _: Local) -> None:
        if kind == "flag":
            db.revoked = True
        else:
            db.present = False
        db.gone = db.seq

    return Process("revoke", [Statement("f", run)])


def merge(style: str, key: str) -> Process:
    """A merge of one key into the session data."""

    def read(db: Store, local: Local) -> None:
        local.data = db.data

    def write(db: Store, local: Local) -> None:
        db.data = local.data | {key}

    def atomic(db: Store, _: Local) -> None:
        db.data |= {key}

    both = [Statement("read", read), Statement("write", write)]
    return Process(f"merge {key}", [Statement("atomic", atomic)] if style == "atomic" else both, key)


def orders(counts: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every order in which processes with so many statements each can run."""
    if not any(counts):
        yield ()
        return
    for i, count in enumerate(counts):
        if count:
            rest = list(counts)
            rest[i] -= 1
            for tail in orders(rest):
                yield (i, *tail)


@dataclass
class _Run:
    db: Store
    locals: list[Local]
    told: list[str] = field(default_factory=list[str])
    expiries: list[int] = field(default_factory=list[int])


def _play(processes: Sequence[Process], order: Sequence[int]) -> _Run:
    run = _Run(Store(), [Local() for _ in processes], expiries=[50])
    position = [0] * len(processes)
    for i in order:
        run.db.seq += 1
        statement = processes[i].statements[position[i]]
        statement.run(run.db, run.locals[i])
        run.told.append(f"{processes[i].name}.{statement.name}")
        position[i] += 1
        if run.db.is_live:
            run.expiries.append(run.db.exp)
    return run


def _violations(processes: Sequence[Process], run: _Run) -> Iterator[str]:
    db = run.db
    if db.gone is not None and db.is_live:
        yield "I7 the revoked session is alive again"
    elif db.gone is not None and any(x.at > db.gone for x in run.locals if x.answer == "tokens"):
        yield "I7 tokens answered after the revocation had committed"
    wanted = {process.merges for process in processes if process.merges is not None}
    if db.is_live and not wanted <= db.data:
        yield "I8 session data lost"
    if any(later < earlier for earlier, later in pairwise(run.expiries)):
        yield "I9 the expiry went backwards"


def check_interleavings() -> list[Tally]:
    """Two refreshes with one token at different clocks, a revocation, two merges: three at a time, all orders."""
    tallies: list[Tally] = []
    for discipline in (
        Discipline("whole row", "flag", "read-modify-write"),
        Discipline("upsert", "delete", "atomic"),
        Discipline("token columns", "delete", "atomic"),
        Discipline("guarded", "flag", "atomic"),
        Discipline("guarded", "delete", "atomic"),
    ):
        first, second = refresh(discipline.writes, 10, "r1"), refresh(discipline.writes, 5, "r2")
        x, y = merge(discipline.merges, "x"), merge(discipline.merges, "y")
        gone = revoke(discipline.revocation)
        total, found = 0, dict[str, list[str]]()
        for processes in ([first, second, gone], [first, x, y, gone], [first, second, x, y]):
            for order in orders([len(process.statements) for process in processes]):
                total += 1
                run = _play(processes, order)
                for violation in _violations(processes, run):
                    found.setdefault(violation, run.told)
        tallies.append(Tally(discipline, total, found))
    return tallies


def twin_worlds() -> list[str]:
    """What the server sees, the list of tokens presented, in two worlds that no rule can tell apart.

    In one an answer is delayed beyond every bound; in the other a thief copied A. No rule that looks at
    tokens and times alone can log out the thief and spare the client.
    """
    honest = (
        "honest presents A, honest presents A, honest receives B1, honest presents B1, honest receives C1, "
        "honest receives B2, honest presents B2"
    )
    theft = (
        "thief copies A, honest presents A, thief presents A, honest receives B1, thief receives B2, "
        "honest presents B1, honest receives C1, thief presents B2"
    )
    views: list[list[str]] = []
    for script in (honest, theft):
        jars = {"honest": "A", "thief": ""}
        view: list[str] = []
        for who, act, token in (event.split() for event in script.split(", ")):
            if act == "presents":
                assert jars[who] == token
                view.append(token)
            else:
                jars[who] = token
        views.append(view)
    assert views[0] == views[1]
    return views[0]
