"""The figures of one run, as they are kept: every round, so that whoever doubts a median can look."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.load import Cost

LATEST = ROOT / "benchmarks" / "results" / "latest.json"


@dataclass
class Results:
    """A run.

    Attributes:
        about: The form, the day, the machine, its load before and after, versions.
        contenders: By name: folder, packages, what it lacks and spares, whether it was there.
        http: By "contender|database|operation": costs of each round, see `Cost`.
        hash_cpu_ms: By database: the bare hash in the same rounds.
        hashes: By library: milliseconds of CPU for one hash.
        verify: See `VerifyResults`.
        refresh: By database, see `RefreshResults`.
        growth: By database, see `GrowthResults`.
        waiting: By contender, see `Waiting`.
        memory: See `Memory`.
    """

    about: dict[str, Any] = field(default_factory=dict)
    contenders: dict[str, dict[str, Any]] = field(default_factory=dict)
    http: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    hash_cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    hashes: dict[str, list[float]] = field(default_factory=dict)
    verify: dict[str, list[float]] = field(default_factory=dict)
    refresh: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    growth: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    waiting: dict[str, dict[str, float]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    def add_http(self, contender: str, database: str, operation: str, costs: list[Cost]) -> None:
        """Note the rounds of one operation."""
        names = ("cpu_ms", "database_cpu_ms", "latency_ms")
        self.http[f"{contender}|{database}|{operation}"] = {
            name: [getattr(cost, name) for cost in costs] for name in names
        }

    def find(self, contender: str, database: str, operation: str, what: str = "cpu_ms") -> list[float] | None:
        """The rounds of one operation, or `None` where it was not measured."""
        found = self.http.get(f"{contender}|{database}|{operation}")
        return None if found is None else found[what]

    def write(self, path: Path) -> None:
        """Keep them, with six digits."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_rounded(asdict(self)), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Those of an earlier run."""
        return cls(**json.loads(path.read_text()))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
