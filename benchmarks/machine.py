"""What the figures were measured on."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

SERVING = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "asyncpg", "cryptography", "joserfc", "pynacl")


def describe_machine() -> dict[str, Any]:
    """Processor, memory, operating system, and the versions that count for all."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "node": _first_line("node", "--version"),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in SERVING},
        "commit": _first_line("git", "describe", "--always", "--dirty"),
    }


def load_average() -> float:
    """Processes that want a processor, averaged over the last minute."""
    return round(os.getloadavg()[0], 1)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return done.stdout.strip()
