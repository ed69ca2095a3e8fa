"""The Argon2id implementations there are for Python: which is the fastest, and so the bound for any sign-in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from benchmarks.contenders.floor.work import hash_password
from benchmarks.contenders.serving import HASH_ITERATIONS, HASH_LANES, HASH_MEMORY_KIB
from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_this_process_ms

HASHES = 8
SALT = bytes(range(16))
PASSWORD = "correct horse"


@dataclass
class HashResults:
    """Milliseconds of CPU for one hash, one of each round, by library."""

    cpu_ms: dict[str, list[float]] = field(default_factory=dict)


def measure_hashes(form: Form) -> HashResults:
    """Rounds of all, one hash at a time."""
    results = HashResults()
    for number in range(form.rounds + 1):
        for name, work in libraries().items():
            started = cpu_of_this_process_ms()
            for _ in range(HASHES):
                work()
            if number:
                results.cpu_ms.setdefault(name, []).append((cpu_of_this_process_ms() - started) / HASHES)
    return results


def libraries() -> dict[str, Callable[[], bytes]]:
    """The same hash, by each library."""
    data = PASSWORD.encode()
    return {
        "PyNaCl": lambda: hash_password(PASSWORD, SALT),
        "argon2-cffi": lambda: hash_secret_raw(data, SALT, HASH_ITERATIONS, HASH_MEMORY_KIB, HASH_LANES, 32, Type.ID),
        "cryptography": lambda: Argon2id(
            salt=SALT, length=32, iterations=HASH_ITERATIONS, lanes=HASH_LANES, memory_cost=HASH_MEMORY_KIB
        ).derive(data),
    }
