"""What was to be reached, beside what was measured: pure functions of the figures."""

from dataclasses import dataclass

from benchmarks.results import Results
from benchmarks.spread import Spread, ratio

OWN, FLOOR, PLAIN, BETTER_AUTH = "Watchword", "the floor", "FastAPI alone", "better-auth (Node.js)"
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
COMPARED = {
    "sign_up": "sign-up",
    "sign_in": "sign-in",
    "verify": "protected route",
    "refresh": "refresh",
    "sign_out": "sign-out",
    "visit": "visit",
}
TOGETHER = 32


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table."""

    what: str
    wanted: str
    measured: str
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times Watchword's CPU time a peer needs for an operation."""

    peer: str
    database: str
    operation: str
    times: Spread
    spares: str


def list_targets(results: Results) -> list[Target]:
    """All targets of the run."""
    return [
        *_verify_targets(results),
        *_refresh_targets(results),
        *_sign_in_targets(results),
        *_growth_targets(results),
        _ahead_target(results),
    ]


def compare(results: Results) -> list[Comparison]:
    """Watchword beside every peer in every operation that both have; neither the floor nor a bare route is a peer."""
    found: list[Comparison] = []
    for database in DATABASES:
        for operation in COMPARED:
            own = results.find(OWN, database, operation)
            for peer, about in results.contenders.items():
                theirs = results.find(peer, database, operation)
                if own and theirs and peer not in (OWN, FLOOR, PLAIN):
                    spares = about["spares"].get(operation, "")
                    found.append(Comparison(peer, database, operation, ratio(theirs, own), spares))
    return found


def show(spread: Spread, unit: str = "") -> str:
    """A median with its quartiles, short."""
    digits = 0 if spread.median >= 100 else 1 if spread.median >= 10 else 2
    low, median, high = (f"{value:.{digits}f}" for value in (spread.low, spread.median, spread.high))
    return f"{median}{unit} ({low}–{high})" if spread.rounds > 1 else f"{median}{unit}"


def _verify_targets(results: Results) -> list[Target]:
    cached = Spread.of(results.verify["cached_us"])
    uncached = ratio(results.verify["uncached_us"], results.verify["signature_us"])
    targets = [
        Target("verify a token seen before", "≤ 10 µs", show(cached, " µs"), cached.median <= 10),
        Target("verify a new token", "≤ 2.5 × the bare signature check", show(uncached, " ×"), uncached.median <= 2.5),
    ]
    for database, name in DATABASES.items():
        bare, verify = results.find(OWN, database, "bare"), results.find(OWN, database, "verify")
        if bare and verify:
            part, empty = ratio(bare, verify), results.find(OWN, database, "empty")
            called = results.find(OWN, database, "called")
            beside = f"; without and with an empty dependency {show(ratio(bare, empty))}" if empty else ""
            beside += f"; where the function asks for it {show(ratio(bare, called))}" if called else ""
            what = f"the same route without and with a session, {name}"
            targets.append(Target(what, "≥ 0.85", show(part) + beside, part.median >= 0.85))
    return targets


def _refresh_targets(results: Results) -> list[Target]:
    targets: list[Target] = []
    for database, costs in results.refresh.items():
        part = ratio(costs["floor_us"], costs["single_us"])
        targets.append(
            Target(
                f"refresh, the floor's cost over ours, {DATABASES[database]}", "≥ 0.7", show(part), part.median >= 0.7
            )
        )
    commits = Spread.of(results.refresh["sqlite"]["commits"])
    measured = f"{TOGETHER} in {show(commits)} commits"
    what = f"{TOGETHER} durable refreshes at once on SQLite"
    return [*targets, Target(what, "share commits", measured, commits.median < TOGETHER / 2)]


def _sign_in_targets(results: Results) -> list[Target]:
    targets: list[Target] = []
    for database, name in DATABASES.items():
        own = results.find(OWN, database, "sign_in")
        if not own:
            continue
        part = ratio(results.hash_cpu_ms[database], own)
        targets.append(
            Target(f"sign-in, the bare hash's cost over all of it, {name}", "≥ 0.9", show(part), part.median >= 0.9)
        )
        for one in compare(results):
            if one.peer == BETTER_AUTH and one.database == database and one.operation == "sign_in":
                what = f"sign-in, better-auth's cost over ours, {name}"
                targets.append(Target(what, "> 1", show(one.times, " ×"), one.times.median > 1))
    waiting = results.waiting[OWN]["p99_ms"]
    what = "p99 of other requests while sign-ins fill every processor"
    return [*targets, Target(what, "< 20 ms", f"{waiting:.1f} ms", waiting < 20)]


def _growth_targets(results: Results) -> list[Target]:
    targets: list[Target] = []
    for database, costs in results.growth.items():
        grown = {name: ratio(costs["many_us"][name], costs["few_us"][name]) for name in costs["few_us"]}
        most = max(grown, key=lambda name: grown[name].median)
        what = f"cost at a million over cost at a thousand, {DATABASES[database]}"
        measured = f"at most {show(grown[most], ' ×')}: {most}"
        targets.append(Target(what, "≤ 1.5", measured, grown[most].median <= 1.5))
    megabytes = results.memory["megabytes"]
    half, end = megabytes[len(megabytes) // 2 - 1], megabytes[-1]
    what = f"memory of a node over {results.memory['requests']:,} requests"
    measured = f"{half:.0f} MB after half of them, {end:.0f} MB after all"
    return [*targets, Target(what, "flat", measured, end <= half * 1.03)]


def _ahead_target(results: Results) -> Target:
    comparisons = compare(results)
    behind = [one for one in comparisons if one.times.median < 1]
    measured = f"{len(comparisons) - len(behind)} of {len(comparisons)}"
    return Target("ahead of every peer in every operation", "all", measured, not behind)
