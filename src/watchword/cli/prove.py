"""`watchword prove`: the refresh rules put to the test on an installation's own database, without touching its rows.

All of it happens under an app id of its own, with a secret and signing keys of its own, and is deleted again.
"""

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from watchword.cli.counter_examples import HONEST, THEFT
from watchword.cli.trial import Broken, Trial, TrialClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.migrations import Migration
from watchword.database.statements import Statement
from watchword.ids import RandomIds
from watchword.sessions.engine import SessionEngine
from watchword.sessions.settings import SessionOptions, SessionSettings

STEPS = 100
#: As by default, but for keys that are made in no time.
SETTINGS: SessionOptions = {"signing_key_algorithm": "EdDSA"}


@dataclass
class Proof:
    """What was tried, and what came of it.

    Attributes:
        app_id: Under which all of it happened.
        results: One sentence for each thing tried.
        broken: What must never happen and did, with what was being tried; empty when all is well.
        answers: Of the random runs, by kind.
        robbed: In how many of these a thief used a token.
    """

    app_id: str
    results: dict[str, str] = field(default_factory=dict[str, str])
    broken: dict[str, str] = field(default_factory=dict[str, str])
    answers: Counter[str] = field(default_factory=Counter[str])
    robbed: int = 0

    def describe(self, runs: int, seed: int) -> str:
        """A table of it."""
        width = max(len(name) for name in self.results) + 3
        lines = ["What defeats other rules, and what it does to this one:"]
        lines += [f"  {name + ' ':.<{width}} {result}" for name, result in self.results.items()]
        answers = ", ".join(f"{count:,} {kind}" for kind, count in self.answers.most_common())
        lines += ["", f"Random: {runs:,} sessions of {STEPS} events each, seed {seed}"]
        lines += [f"  refreshes answered: {self.answers.total():,} ({answers})"] if runs else []
        lines += [f"  sessions in which a thief used a token: {self.robbed:,}"] if runs else []
        lines += [f"  {name}: {what}" for name, what in self.broken.items()]
        lines += [
            "",
            "Honest clients signed out, thieves missed: " + (f"{len(self.broken)}" if self.broken else "none."),
        ]
        return "\n".join(lines)


async def prove(
    databases: Sequence[Database],
    migrations: Sequence[Migration],
    *,
    runs: int,
    seed: int,
    show: Callable[[], None],
) -> Proof:
    """Play what defeats other rules, then random runs.

    Args:
        databases: The started database of the installation, once for each node.
        migrations: Those that made the tables of sessions.
        runs: How many random sessions.
        seed: Of what is random.
        show: Called after each session.
    Raises:
        StorageUnavailable: The database went away; rows of the app id may be left.
    """
    logging.getLogger("watchword").addHandler(logging.NullHandler())  # thefts are expected here, and counted
    proof = Proof(f"prove-{secrets.token_hex(8)}")
    async with _nodes(databases, migrations, proof.app_id) as (clock, nodes):
        await _play(HONEST, "stays signed in", proof, clock, nodes, show)
        await _play(THEFT, "ends the session", proof, clock, nodes, show)
        for number in range(runs):
            random = Random(f"{seed} {number}")  # noqa: S311  an experiment that can be repeated, no secret
            await _play_at_random(f"random run {number} of seed {seed}", random, proof, clock, nodes)
            show()
    return proof


async def _play(
    scripts: Mapping[str, str],
    result: str,
    proof: Proof,
    clock: TrialClock,
    nodes: Sequence[SessionEngine],
    show: Callable[[], None],
) -> None:
    for name, script in scripts.items():
        trial = await Trial.begin(clock, nodes, Counter())
        try:
            await trial.play(script)
            await (trial.must_end() if trial.stolen else trial.must_go_on())
        except Broken as error:
            proof.broken[name] = str(error)
        proof.results[name] = proof.broken.get(name, result)
        show()


async def _play_at_random(
    name: str, random: Random, proof: Proof, clock: TrialClock, nodes: Sequence[SessionEngine]
) -> None:
    trial = await Trial.begin(clock, nodes, proof.answers)
    try:
        await trial.play_at_random(random, STEPS)
        if trial.thief_acted:
            await trial.must_end()
        else:
            await trial.must_go_on()
    except Broken as error:
        proof.broken[name] = str(error)
    proof.robbed += trial.thief_acted


@asynccontextmanager
async def _nodes(
    databases: Sequence[Database], migrations: Sequence[Migration], app_id: str
) -> AsyncGenerator[tuple[TrialClock, list[SessionEngine]]]:
    """A session engine on each database, all of one app that is there for this alone."""
    clock = TrialClock(time.time_ns() // 1_000_000)
    ring = SecretRing(secrets.token_bytes(32))
    nodes = [
        SessionEngine.assemble(
            db=db,
            app_id=app_id,
            clock=clock,
            ids=RandomIds(),
            secrets=ring,
            settings=SessionSettings.from_options(SETTINGS),
            issuer="https://prove.invalid/auth",
        )
        for db in databases
    ]
    try:
        for node in nodes:
            await node.keys.start()
        yield clock, nodes
    finally:
        await databases[0].write(lambda tx: _delete_all(tx, migrations, app_id))


async def _delete_all(tx: Transaction, migrations: Sequence[Migration], app_id: str) -> None:
    """Delete the rows of an app from every table that has an app."""
    for table in tables_of_apps(migrations):
        await tx.execute(Statement(f"delete from {{{table}}} where app_id = :app_id"), app_id=app_id)  # noqa: S608  our tables' names


def tables_of_apps(migrations: Sequence[Migration]) -> list[str]:
    """The tables with a column `app_id`, the latest first, as later ones point to earlier ones."""
    made: list[str] = []
    for statement in (statement for migration in migrations for statement in migration.statements):
        table = re.match(r"create table \{(\w+)\}", statement)
        if table and re.search(r"\bapp_id\b", statement):
            made.append(table[1])
        elif (dropped := re.match(r"drop table \{(\w+)\}", statement)) and dropped[1] in made:
            made.remove(dropped[1])
    return made[::-1]
