"""Exhaustive small-state model check of refresh-token rotation schemes.

What is modelled
----------------
One session row on the server; one honest client whose tabs share one token jar;
a network that loses, delays, reorders and duplicates refresh requests and refresh
answers; a client that may die before a new token reaches its disk; a database that
may lose a commit after the answer has left; one thief who copies a token once, from
the jar or from an answer in flight, and presents any token he holds whenever he likes.

Time is counted in ticks.  DELTA = 1 tick is the assumed upper bound on the life of a
message: a request or an answer sent at tick t is delivered at t or t+1 or never.  The
checker also runs without that bound.  Ages are kept relative and saturate, tokens
nobody can present any more are forgotten and the rest renumbered, so the state space
is finite although runs are unbounded in time: "no counter-example" means none in any
run of any length within the stated bounds on simultaneous messages.

Breadth-first search, so that every trace printed is a shortest one.  The rule called
PL-S is the production rule itself: `watchword.sessions.refresh.decide`.

Print it anew:  python -m tests.sessions.model.report > tests/sessions/model/report.txt
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.sessions.model.checker import Trace, check
from tests.sessions.model.interleavings import check_interleavings, twin_worlds
from tests.sessions.model.schemes import (
    Scheme,
    core54,
    make_core56,
    make_grace_same,
    make_pl_again,
    make_pl_settled,
    make_pl_window,
    make_pl_without_healing,
    pl_det,
    strict,
)
from tests.sessions.model.states import DELTA
from tests.sessions.model.worlds import World

INVARIANTS = """\
I1  Without a theft no run logs the honest client out (no THEFT, no UNAUTHORISED answer).
I2  A token older than the newest generation anybody has proved to hold never yields tokens.
I3  Thief and honest client never both live on for K generations after the theft
    (K = 2 with one tab; K = 3 when an old request of another tab may still be in flight).
I4  A lost answer is harmless: the token that was sent stays acceptable until its child is proved.
I5  Tabs converge: whenever the network is calm, the jar's token is accepted.
I6  Crash safety: a client killed before its disk has the new token comes back with the old one,
    as long as the disk lags no longer than the settle age allows.
I7  A revoked session never revives, and nothing is minted after the revocation has committed.
I8  Session data is never lost: no refresh and no concurrent merge overwrites a merge.
I9  The expiry never goes backwards, on any node's clock.
I10 At most one row write per refresh; none while nothing is proved.
I11 Answers are idempotent across nodes: two nodes handling the same token at once leave the row
    as one of them alone would have.
I12 A commit lost after the answer does not log the client out.

Checked by: I1, I4, I5, I6, I12 in the worlds N1 to N7 (every state); I2, I3 in T1 to T3; I10 and I11 at every
refresh of every state; I7, I8, I9 by the interleavings of statements at the end.
"""

WINDOW, SETTLE, SOFT = 2, 4, 2
RULE = "-" * 98


@dataclass(frozen=True)
class Contender:
    """A scheme in the comparison. `at`: access tokens promote; `sat`: its ages saturate here."""

    tag: str
    name: str
    scheme: Scheme
    about: str
    at: bool = False
    sat: int = 0


CONTENDERS = (
    Contender("a", "STRICT", strict, "single use; the stored token is replaced at once, anything else is theft"),
    Contender(
        "b1",
        "REUSE",
        make_grace_same(WINDOW),
        "reuse interval of 2 ticks: the previous token gets the current one again",
        sat=WINDOW + 1,
    ),
    Contender(
        "b2",
        "CORE56",
        make_core56(WINDOW),
        "SuperTokens core from CDI 5.6: rotation at refresh; the previous token, for 2 ticks, mints again "
        "and displaces the child minted before",
        sat=WINDOW + 1,
    ),
    Contender(
        "c",
        "CORE54",
        core54,
        "SuperTokens core up to CDI 5.4: parent/child; a child is promoted when used to refresh or when an "
        "access token minted with it is verified",
        at=True,
    ),
    Contender(
        "d1",
        "PL-EQ-AT",
        pl_det,
        "parent/child with one recorded, equivalent child; promoted by refresh or by its access token",
        at=True,
    ),
    Contender("d2", "PL-EQ", pl_det, "the same, promoted by refresh only"),
    Contender(
        "d3",
        "PL-EQ-WIN",
        make_pl_window(WINDOW, SETTLE),
        "equivalent child for 2 ticks, then a fresh one; tokens younger than 4 ticks: access token only",
        sat=SETTLE + 1,
    ),
    Contender("d4", "PL-RND", core54, "parent/child with a distinct child per answer, promoted by refresh only"),
    Contender(
        "d5",
        "PL-S-AGAIN",
        make_pl_again(SETTLE, SOFT),
        "PL-S, but a young token is answered with itself: the jar can flip between siblings until they are of age",
        sat=SETTLE + 1,
    ),
    Contender(
        "e",
        "PL-S",
        make_pl_settled(SETTLE, SOFT),
        "PL-RND + settle age 4 (younger tokens get an access token only, and prove nothing) + soft refusal "
        "for 2 ticks after a promotion + healing of a row that a lost commit left behind",
        sat=SETTLE + 1,
    ),
)

WORLDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("N1", "one tab, answers and requests lost", {"flight": 1, "dup": False}),
    ("N2", "two in flight: loss, delay, reordering, duplicates", {"flight": 2}),
    ("N3", "three in flight, the same", {"flight": 3}),
    ("N4", "client killed, disk lags up to 2 ticks", {"flight": 2, "crash": True, "flush": 2}),
    ("N5", "up to two commits lost after the answer", {"flight": 2, "lostcommit": 2}),
    ("N6", "four in flight, as N2", {"flight": 4}),
    ("N7", "N2, N4 and one lost commit together", {"flight": 2, "crash": True, "flush": 2, "lostcommit": 1}),
    ("T1", "thief, one tab", {"flight": 1, "dup": False, "thief": True}),
    ("T2", "thief, two in flight, no duplicates (K = 3)", {"flight": 2, "dup": False, "thief": True, "k": 3}),
    (
        "T3",
        "thief, one tab, one commit lost",
        {"flight": 1, "dup": False, "thief": True, "lostcommit": 1, "k": 3},
    ),
)


class Failure(NamedTuple):
    """A counter-example."""

    contender: Contender
    world: str
    text: str
    bad: str
    trace: Trace


def compare(say: Callable[[str], None]) -> list[Failure]:
    """Every scheme in every world; one line each."""
    failures: list[Failure] = []
    states = 0
    say("Verdicts (ok = every reachable state visited, no violation; n = states)")
    say(RULE)
    say(" " * 15 + "".join(f"{name:<10}" for name, _, _ in WORLDS))
    for contender in CONTENDERS:
        cells: list[str] = []
        weak: tuple[str, ...] = ()
        for name, text, options in WORLDS:
            if weak and (name in ("T2", "T3") or contender.name == "PL-S-AGAIN"):
                cells.append("-")
                continue
            verdict = check(
                World(
                    scheme=contender.scheme,
                    at=contender.at,
                    sat=max(contender.sat, 3 if name in ("N4", "N7") else 0),
                    idem=contender.name == "PL-S",
                    ignore=weak if name.startswith("T") else (),
                    **options,
                )
            )
            states += verdict.states
            cells.append(f"ok {verdict.states}" if verdict.bad is None else f"FAIL {verdict.bad.split()[0]}")
            if verdict.bad is not None:
                failures.append(Failure(contender, name, text, verdict.bad, verdict.trace))
                weak = ("I1", "I5") if name in ("N1", "N2") else weak
        say(f"{contender.tag:<3} {contender.name:<11}" + "".join(f"{cell:<10}" for cell in cells))
    say("")
    say(f"{states} states in all.  (-: not run, the scheme is out already.)")
    say("")
    return failures


def _cell(world: World) -> str:
    bad = check(world).bad
    return "ok" if bad is None else f"FAIL {bad.split()[0]}"


def how_large_a_settle_age(say: Callable[[str], None]) -> None:
    """Which settle ages hold under which assumptions."""
    columns: tuple[tuple[str, dict[str, Any]], ...] = (
        ("two in flight", {"flight": 2}),
        ("three in flight", {"flight": 3}),
        ("disk lag 1", {"flight": 2, "crash": True, "flush": 1}),
        ("disk lag 2", {"flight": 2, "crash": True, "flush": 2}),
        ("disk lag 3", {"flight": 2, "crash": True, "flush": 3}),
        ("age read +-1", {"flight": 2, "skew": 1}),
    )
    say("How large must the settle age be?  (PL-S without soft refusal, DELTA = 1)")
    say(RULE)
    say(f"{'settle age':<12}" + "".join(f"{name:<16}" for name, _ in columns))
    for settle in range(7):
        scheme = make_pl_settled(settle, -1)
        cells = [
            _cell(World(scheme=scheme, sat=settle + 1 + options.get("skew", 0), **options)) for _, options in columns
        ]
        say(f"{settle:<12}" + "".join(f"{cell:<16}" for cell in cells))
    say("So: settle age >= 4 DELTA + the error in reading ages, and >= disk lag + 3 DELTA.")
    say("The soft refusal adds slack, no more.")
    say("")


def what_each_part_is_for(say: Callable[[str], None]) -> None:
    """PL-S with one part taken out."""
    say("What each part of PL-S is for (worlds N2, N4 with lag 2, N5)")
    say(RULE)
    for label, scheme in (
        ("all parts", make_pl_settled(4, 2)),
        ("no settle age", make_pl_settled(-1, 2)),
        ("no soft refusal", make_pl_settled(4, -1)),
        ("no healing", make_pl_without_healing(4, 2)),
    ):
        worlds: tuple[dict[str, Any], ...] = (
            {"flight": 2},
            {"flight": 2, "crash": True, "flush": 2},
            {"flight": 2, "lostcommit": 2},
        )
        cells = [_cell(World(scheme=scheme, sat=5, **options)) for options in worlds]
        say(f"{label:<18}" + "".join(f"{cell:<12}" for cell in cells))
    say("")


def tell_counter_examples(say: Callable[[str], None], failures: list[Failure]) -> None:
    """The shortest trace of each kind."""
    say("Shortest counter-examples")
    say(RULE)
    say("A is the token the run starts with (stored as current); B1, B2 its children in order of minting.")
    shown: set[tuple[str, str, str]] = set()
    for failure in failures:
        invariant = failure.bad[:2]
        kind = (failure.contender.name, invariant, failure.world if invariant == "I1" else failure.world[0])
        if kind in shown or (invariant == "I1" and failure.world not in ("N1", "N2", "T1")):
            continue
        shown.add(kind)
        say("")
        say(f"{failure.contender.tag} {failure.contender.name}, world {failure.world} ({failure.text})")
        say("   " + failure.bad)
        _tell(say, failure.trace)


def _tell(say: Callable[[str], None], trace: Trace) -> None:
    for number, (tick, step) in enumerate(trace, 1):
        say(f"   {number:2d}. tick {tick}  {step}")


def outside_the_assumptions(say: Callable[[str], None]) -> None:
    """Where PL-S fails, and why nothing else can do better."""
    say("")
    say("Outside the assumptions: PL-S itself fails, and so does everything else")
    say(RULE)
    beyond: tuple[tuple[str, dict[str, Any]], ...] = (
        ("X1 messages live for ever", {"flight": 2, "bound": False}),
        (
            "X2 the client uses a token for longer than the settle age without writing it to disk",
            {"flight": 1, "crash": True, "flush": None},
        ),
    )
    for title, options in beyond:
        verdict = check(World(scheme=make_pl_settled(4, 2), sat=5, ignore=("I5",), **options))
        say("")
        say(f"{title}: {verdict.bad or 'ok'}")
        _tell(say, verdict.trace)
    say("")
    say("Why no scheme can do better there.  The server's view, the list of tokens presented, is the same in")
    say("an honest world (answer B2 delayed until after C1) and in a world with a thief who copied A:")
    say("   " + " ".join(twin_worlds()))
    say("")
    say("Undetectable in principle: a thief who presents a copied token while the honest client never comes back.")
    say("Every scheme above lets him live until the session's own end; only the expiry, a revocation by the user or")
    say("an administrator, or a sender-constrained token ends it.")
    say("")


def two_nodes_one_row(say: Callable[[str], None]) -> None:
    """The interleavings of statements."""
    say("Two nodes, one row: every interleaving of statements")
    say(RULE)
    for discipline, total, found in check_interleavings():
        outcome = "ok" if not found else ", ".join(sorted(bad.split()[0] for bad in found))
        say(
            f"refresh writes: {discipline.writes:<14} revocation: {discipline.revocation:<7} "
            f"merges: {discipline.merges:<18} {total:5d} interleavings  {outcome}"
        )
        for bad, told in sorted(found.items()):
            say(f"      {bad}: {' ; '.join(told)}")
    say("")


def report(say: Callable[[str], None]) -> None:
    """All of it, line by line."""
    say((__doc__ or "").strip())
    say("")
    say("Invariants")
    say(RULE)
    say(INVARIANTS)
    say("Schemes")
    say(RULE)
    for contender in CONTENDERS:
        say(f"{contender.tag:<3} {contender.name:<10} {contender.about}")
    say("")
    say(f"Worlds (messages live at most {DELTA} tick unless said otherwise)")
    say(RULE)
    for name, text, _ in WORLDS:
        say(f"{name:<3} {text}")
    say("In T1 to T3 a scheme that already fails N2 is judged on I2 and I3 alone.")
    say("")
    failures = compare(say)
    how_large_a_settle_age(say)
    what_each_part_is_for(say)
    tell_counter_examples(say, failures)
    outside_the_assumptions(say)
    two_nodes_one_row(say)


if __name__ == "__main__":
    report(print)
