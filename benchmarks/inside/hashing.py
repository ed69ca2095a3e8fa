"""The Argon2id implementations there are for Python: which is the fastest, and so the bound for any sign-in.

Beside them the one that better-auth's documentation shows, which is not for Python: what it saves, no server in Python
can save.
"""

import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from benchmarks.contenders.floor.work import hash_password
from benchmarks.contenders.serving import HASH_ITERATIONS, HASH_LANES, HASH_MEMORY_KIB
from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_this_process_ms

HASHES = 8
PYNACL, NODE = "PyNaCl", "@node-rs/argon2 (Node.js)"
SALT = bytes(range(16))
PASSWORD = "correct horse"


@dataclass
class HashResults:
    """Milliseconds of CPU for one hash, one of each round, by library."""

    cpu_ms: dict[str, list[float]] = field(default_factory=dict)


def measure_hashes(form: Form, node_packages: Path | None) -> HashResults:
    """Rounds of all, one hash at a time; Node's too, where its packages are."""
    results = HashResults()
    measures = {name: partial(_cost_ms, work) for name, work in libraries().items()}
    with ExitStack() as running:
        if node_packages is not None:
            measures[NODE] = running.enter_context(_hashing_in_node(node_packages))
        for number in range(form.rounds + 1):
            for name, measure in measures.items():
                cost_ms = measure()
                if number:
                    results.cpu_ms.setdefault(name, []).append(cost_ms)
    return results


def _cost_ms(work: Callable[[], bytes]) -> float:
    started = cpu_of_this_process_ms()
    for _ in range(HASHES):
        work()
    return (cpu_of_this_process_ms() - started) / HASHES


@contextmanager
def _hashing_in_node(packages: Path) -> Generator[Callable[[], float]]:
    """A process of Node.js that hashes when asked, and tells what one hash cost."""
    cost = map(str, (HASH_MEMORY_KIB, HASH_ITERATIONS, HASH_LANES))
    command = ["node", str(packages / "hash.mjs"), *cost]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def measure() -> float:
            asked.write(f"{HASHES}\n")
            asked.flush()
            return float(answers.readline())

        yield measure
        asked.close()


def libraries() -> dict[str, Callable[[], bytes]]:
    """The same hash, by each library."""
    data = PASSWORD.encode()
    return {
        PYNACL: lambda: hash_password(PASSWORD, SALT),
        "argon2-cffi": lambda: hash_secret_raw(data, SALT, HASH_ITERATIONS, HASH_MEMORY_KIB, HASH_LANES, 32, Type.ID),
        "cryptography": lambda: Argon2id(
            salt=SALT, length=32, iterations=HASH_ITERATIONS, lanes=HASH_LANES, memory_cost=HASH_MEMORY_KIB
        ).derive(data),
    }
