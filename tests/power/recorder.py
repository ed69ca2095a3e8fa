"""Records what the worker writes, by a small library that is loaded before libc."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.power.disk import Record, read_recording

NAME = "power.db"
_SOURCE = Path(__file__).with_name("recorder.c")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a worker wrote, and what it told meanwhile.

    Attributes:
        records: All it wrote, and when it synced.
        told: Its lines; `at` of each says which records were before it.
    """

    records: list[Record]
    told: list[dict[str, Any]]


def record_worker(folder: Path) -> Recording:
    """Run the worker on an empty database until it has stopped.

    Args:
        folder: An empty one, for the library, the recording and the database.
    """
    library, recording, disk = folder / "recorder.so", folder / "recording", folder / "disk"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler is not None, "a C compiler is needed to record what is written"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl", "-lpthread"], check=True)
    disk.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.power.worker", f"sqlite:///{disk / NAME}", recording],
        cwd=_ROOT,
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "RECORDED_FOLDER": str(disk),
            "RECORDING": str(recording),
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return Recording(list(read_recording(recording)), told)
