"""One whole run: everything in its turn, into `Results`."""

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import memory
from benchmarks.busy import measure_waiting
from benchmarks.contenders.all import list_contenders
from benchmarks.contenders.contender import Contender, DatabaseKind
from benchmarks.environments import Installed, install
from benchmarks.form import Form
from benchmarks.inside.growth import PARTS, measure_growth
from benchmarks.inside.hashing import measure_hashes
from benchmarks.inside.refresh import measure_refresh
from benchmarks.inside.verify import measure_verify
from benchmarks.load import Load
from benchmarks.machine import describe_machine, load_average
from benchmarks.over_http import HttpResults, all_serving, count_steps, measure_in_turns
from benchmarks.progress import progress
from benchmarks.results import Results
from benchmarks.servers import PostgresForBench, running_postgres, sqlite_folder

DATABASES: tuple[DatabaseKind, ...] = ("sqlite", "postgres")
Step = Callable[[str], None]
Ready = list[tuple[Contender, Installed]]


def install_all() -> tuple[Ready, dict[str, dict[str, object]]]:
    """Every contender's environment; those that could not be had are left out, and the page says why."""
    ready: Ready = []
    described: dict[str, dict[str, object]] = {}
    for contender in list_contenders():
        print(f"Looking after the packages of {contender.name}", flush=True)
        installed = install(contender)
        described[contender.name] = {
            "folder": contender.folder,
            "packages": installed.packages,
            "lacks": contender.lacks,
            "spares": contender.spares,
            "problem": installed.problem,
        }
        if installed.problem:
            print(f"  {installed.problem}")
        else:
            ready.append((contender, installed))
    return ready, described


async def run(form: Form, ready: Ready, described: dict[str, dict[str, object]]) -> Results:
    """Measure everything.

    Raises:
        UnexpectedAnswer: A contender answered something else than was asked for; nothing is worth keeping then.
    """
    started = time.monotonic()
    results = Results(contenders=described)
    results.about = {"form": form.name, "rounds": form.rounds, "day": datetime.now(UTC).date().isoformat()}
    results.about |= describe_machine() | {"load_before": load_average()}
    steps = 2 * count_steps(form, [contender for contender, _ in ready]) + _other_steps(form, ready)
    with progress(steps) as step, sqlite_folder() as folder:
        async with running_postgres() as postgres:
            results.about["postgres"] = postgres.version
            await _measure_inside(form, ready, folder, postgres, results, step)
            http = HttpResults()
            for database in DATABASES:
                async with all_serving(form, ready, database, folder, postgres) as loads:
                    await measure_in_turns(form, database, loads, postgres, http, step)
                    if database == "sqlite":
                        await _measure_waiting(form, loads, results, step)
                        # the first of all is Watchword
                        results.memory = dataclasses.asdict(await memory.measure_memory(form, loads[0], step))
            for (contender, database, operation), costs in http.costs.items():
                results.add_http(contender, database, operation, costs)
            results.hash_cpu_ms = dict[str, list[float]](http.hash_cpu_ms)
    results.about |= {"load_after": load_average(), "minutes": round((time.monotonic() - started) / 60, 1)}
    return results


def _other_steps(form: Form, ready: Ready) -> int:
    growth = len(form.sizes) * PARTS + form.rounds + 1
    return 2 * (growth + 1) + 2 + len(ready) - 1 + memory.PARTS


async def _measure_inside(
    form: Form, ready: Ready, folder: Path, postgres: PostgresForBench, results: Results, step: Step
) -> None:
    node = next((installed.folder for contender, installed in ready if contender.folder == "better_auth"), None)
    results.hashes = measure_hashes(form, node).cpu_ms
    step("hashes")
    results.verify = dataclasses.asdict(await measure_verify(form, folder))
    step("verify")
    for database in DATABASES:
        results.refresh[database] = dataclasses.asdict(await measure_refresh(form, database, folder, postgres))
        step("refresh")
        growth = await measure_growth(form, database, folder, postgres, step)
        results.growth[database] = dataclasses.asdict(growth)


async def _measure_waiting(form: Form, loads: list[Load], results: Results, step: Step) -> None:
    for load in loads:
        contender = load.server.contender
        if contender.has("verify"):
            results.waiting[contender.name] = dataclasses.asdict(await measure_waiting(form, load))
            step(f"{contender.name}, while others sign in")
