"""`docs/performance.md`: the figures of a run in tables, with the words around them."""

from benchmarks.contenders.contender import VISIT_REQUESTS
from benchmarks.contenders.serving import HASH_ITERATIONS, HASH_LANES, HASH_MEMORY_KIB
from benchmarks.environments import ROOT
from benchmarks.inside.hashing import NODE, PYNACL
from benchmarks.load import IN_FLIGHT
from benchmarks.picture import picture_of
from benchmarks.results import Results
from benchmarks.spread import Spread, ratio
from benchmarks.targets import COMPARED, DATABASES, FLOOR, OWN, compare, list_targets, show

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.svg"
COLUMNS = {**COMPARED, "bare": "the route without auth"}


GROWTH_WORDS = """## From a thousand to a million sessions and users

Microseconds of CPU time for one call, this process and the PostgreSQL server together; people and sessions are picked
at random."""


def write_page(results: Results) -> None:
    """Write the page and its picture."""
    PAGE.write_text(page_of(results))
    PICTURE.write_text(picture_of(results))


def page_of(results: Results) -> str:
    """The page."""
    sections = [
        _head(results),
        _targets(results),
        _over_http(results),
        _behind(results),
        _inside(results),
        _waiting(results),
        _growth(results),
        _conditions(results),
    ]
    return "\n\n".join(sections) + "\n"


def _head(results: Results) -> str:
    return f"""# Performance

What Watchword costs, in CPU time, beside the physical floor and beside its peers. Everything here was measured in one
run on {results.about["day"]}, {results.about["rounds"]} rounds in turns; a cell is the median and, in brackets, the
quartiles. How it is measured, and why so: [decision 0022](decisions/0022-how-speed-is-measured.md). To repeat it:

```
make bench ARGS=--short              # the short form; prints this page, changes no tracked file
make bench ARGS="--short --write"    # and writes this page and its picture anew
make bench                           # the full form: three times the rounds, a million requests for the memory
```

![CPU time of six operations on SQLite, Watchword beside the floor and its peers](images/performance.svg)"""


def _targets(results: Results) -> str:
    rows = [
        [one.what, one.wanted, one.measured, "yes" if one.is_reached else "**no**"] for one in list_targets(results)
    ]
    words = "Why those that are missed are missed stands in the decision above, as far as profiles have shown it."
    return "## What was to be reached\n\n" + _table(["", "wanted", "measured", "reached"], rows) + f"\n\n{words}"


def _over_http(results: Results) -> str:
    parts = [
        f"""## Over HTTP

Milliseconds of CPU time of the serving process for one operation; behind the stroke how many times Watchword's.
{IN_FLIGHT} requests are under way at a time. A *visit* is a sign-in, {2 * VISIT_REQUESTS} requests of the protected
route with a refresh in the middle where there is such a thing, and a sign-out. The *floor* is the same hash, one row
and one signature, without framework, limits or any check that a product needs: nobody should run it."""
    ]
    for database, name in DATABASES.items():
        rows = [[peer, *_costs(results, peer, database)] for peer in results.contenders]
        parts.append(f"### {name}\n\n" + _table(["", *COLUMNS.values()], rows))
    words = "CPU time of the PostgreSQL server for the same operations, in milliseconds:"
    parts.append(words + "\n\n" + _other_costs(results, "postgres", "database_cpu_ms"))
    words = (
        f"Latency with {IN_FLIGHT} requests under way, in milliseconds of wall time; the median of the rounds' medians:"
    )
    tables = [f"{name}:\n\n" + _other_costs(results, kind, "latency_ms") for kind, name in DATABASES.items()]
    parts.append("\n\n".join((words, *tables)))
    return "\n\n".join(parts)


def _costs(results: Results, peer: str, database: str) -> list[str]:
    cells: list[str] = []
    for operation in COLUMNS:
        theirs, own = results.find(peer, database, operation), results.find(OWN, database, operation)
        if theirs is None:
            cells.append("–")
        elif peer == OWN or own is None:
            cells.append(show(Spread.of(theirs)))
        else:
            cells.append(f"{show(Spread.of(theirs))} / {ratio(theirs, own).median:.2f}")
    return cells


def _other_costs(results: Results, database: str, what: str) -> str:
    rows: list[list[str]] = []
    for peer in results.contenders:
        found = [results.find(peer, database, operation, what) for operation in COMPARED]
        if any(found):
            rows.append([peer, *(show(Spread.of(costs)) if costs else "–" for costs in found)])
    return _table(["", *COMPARED.values()], rows)


def _behind(results: Results) -> str:
    lines = ["## Where a peer is ahead, and what the figures do not say", ""]
    behind = [one for one in compare(results) if one.times.median < 1]
    for one in behind:
        reason = f": {one.spares}" if one.spares else ""
        where = f"{COMPARED[one.operation]} on {DATABASES[one.database]}"
        lines.append(f"- **{one.peer}** needs {show(one.times)} times our CPU time for a {where}{reason}.")
    if not behind:
        lines.append("No peer needs less CPU time than Watchword in any operation.")
    lines += ["", *_bare_hashes(results)]
    for name, about in results.contenders.items():
        said = {**about["lacks"], **about["spares"]}
        if about["problem"]:
            lines.append(f"- {name}: not measured, it {about['problem']}.")
        elif name not in ("FastAPI alone", FLOOR):
            lines += [f"- {name}, {COLUMNS[operation]}: {words}." for operation, words in said.items()]
    return "\n".join(lines)


def _bare_hashes(results: Results) -> list[str]:
    """What better-auth and Watchword hash with, beside each other; in a server, both cost otherwise."""
    node, pynacl = results.hashes.get(NODE), results.hashes[PYNACL]
    if node is None:
        return []
    words = (
        f"The same Argon2id alone, one at a time, costs {show(Spread.of(node), ' ms')} by `@node-rs/argon2`, which "
        f"better-auth uses, and {show(Spread.of(pynacl), ' ms')} by PyNaCl, the fastest there is for Python: "
        f"{show(ratio(node, pynacl), ' ×')} of it."
    )
    return [words, ""]


def _inside(results: Results) -> str:
    verify = {name: Spread.of(costs) for name, costs in results.verify.items()}
    rows = [
        ["verify a token seen before", show(verify["cached_us"], " µs")],
        ["the same, to the container that a handler gets", show(verify["container_us"], " µs")],
        ["verify a new token", show(verify["uncached_us"], " µs")],
        ["the bare RS256 check of the crypto library", show(verify["signature_us"], " µs")],
    ]
    for database, costs in results.refresh.items():
        name = DATABASES[database]
        rows += [
            [f"refresh, {name}", show(Spread.of(costs["single_us"]), " µs")],
            [f"the floor's refresh, {name}", show(Spread.of(costs["floor_us"]), " µs")],
            [f"refresh, 32 at once, {name}", show(Spread.of(costs["together_us"]), " µs")],
            [f"wall time of a refresh alone, {name}", show(Spread.of(costs["single_wall_us"]), " µs")],
            [f"wall time for each of 32 at once, {name}", show(Spread.of(costs["together_wall_us"]), " µs")],
        ]
    rows += [[f"Argon2id by {name}", show(Spread.of(costs), " ms")] for name, costs in results.hashes.items()]
    return "## Inside the process\n\nCPU time of one call, all threads, without HTTP:\n\n" + _table(["", ""], rows)


def _waiting(results: Results) -> str:
    rows = [
        [name, *(f"{found[what]:.1f}" for what in ("median_ms", "p99_ms", "longest_ms")), str(found["sign_ins"])]
        for name, found in results.waiting.items()
    ]
    return (
        f"## While others sign in\n\n{IN_FLIGHT} clients sign in without pause, so that every processor is busy with "
        "hashes; somebody signed in asks for the protected route. What they wait, in milliseconds of wall time, on "
        "SQLite; the load client shares the processors.\n\n"
        + _table(["", "median", "p99", "longest", "sign-ins meanwhile"], rows)
    )


def _growth(results: Results) -> str:
    parts = [GROWTH_WORDS]
    for database, costs in results.growth.items():
        rows = [
            [
                operation,
                show(Spread.of(few)),
                show(Spread.of(costs["many_us"][operation])),
                show(ratio(costs["many_us"][operation], few), " ×"),
            ]
            for operation, few in costs["few_us"].items()
        ]
        head = [DATABASES[database], "a thousand", "a million", "ratio"]
        parts.append(_table(head, rows))
    megabytes = ", ".join(f"{value:.0f}" for value in results.memory["megabytes"])
    parts.append(
        f"Memory of a node after each tenth of {results.memory['requests']:,} requests, every fifth of them a refresh, "
        f"in MB: {megabytes}. It grows until the cache of verified tokens has its 10,000 entries."
    )
    return "\n\n".join(parts)


def _conditions(results: Results) -> str:
    about = results.about
    own = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    peers = "\n".join(
        f"- {name}: {', '.join(f'{package} {version}' for package, version in contender['packages'].items())}"
        for name, contender in results.contenders.items()
        if contender["packages"]
    )
    return f"""## Conditions

{about["processor"]}, {about["processors"]} processors, {about["memory_gib"]} GiB, {about["system"]}. The machine's
load average was {about["load_before"]} when the run began and {about["load_after"]} when it ended, after
{about["minutes"]} minutes; {"it" if about["load_before"] < 0.5 else "other work ran on it, and it"} is a virtual
machine. Read the ratios: both halves of one were measured within seconds of each other.

- **Equal for all**: one process; HTTP/1.1 over connections that stay open, one load client; for Python uvicorn with
  uvloop and httptools, no access log; Argon2id with {HASH_MEMORY_KIB} KiB, {HASH_ITERATIONS} passes,
  {HASH_LANES} lane; SQLite in WAL with `synchronous=FULL`, PostgreSQL with `fsync` and `synchronous_commit` on (its
  files lie in memory where there is room, and autovacuum is off while it is measured); every answer is checked, and a
  wrong one ends the run.
- **As each documents it**, with its own limits against guessing switched on at numbers that the load does not reach.
  The hash of better-auth-server and fastapi-fullauth cannot be configured: theirs is replaced inside, as their own
  costs more. better-auth hashes by `@node-rs/argon2`, as its documentation shows. Django's views are synchronous, and
  on this server each pays a hop to a thread.
- **Watchword** carries its tokens in cookies; `settle_ms=0`, so that each refresh writes, as one that comes an hour
  after the last does.
- Python {about["python"]}, Node.js {about["node"]}, SQLite {about["sqlite"]}, PostgreSQL {about["postgres"]}; Watchword
  at `{about["commit"]}`, on {own}.

{peers}"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
