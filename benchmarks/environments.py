"""Each peer in an environment of its own, with exactly the versions of its lock, under `.cache/bench`."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.contenders.contender import Contender

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "bench"
INSTALL_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Installed:
    """A contender's environment, or why there is none; `packages` are its lock's lines."""

    folder: Path
    packages: dict[str, str]
    problem: str = ""


def install(contender: Contender) -> Installed:
    """Make a contender's environment, unless it is there from the same lock."""
    source = ROOT / "benchmarks" / "contenders" / contender.folder
    if (source / "requirements.txt").exists():
        return _install(contender.folder, source / "requirements.txt", _install_python)
    if (source / "package-lock.json").exists():
        return _install(contender.folder, source / "package-lock.json", _install_node)
    return Installed(Path(sys.prefix), {})


def _install(name: str, lock: Path, work: Callable[[Path, Path], None]) -> Installed:
    folder = CACHE / name
    stamp = folder / ".installed-from"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            work(folder, lock)
        except (OSError, subprocess.SubprocessError) as error:
            output = (getattr(error, "stderr", None) or "").strip().splitlines()
            return Installed(folder, {}, f"could not be installed: {output[-1] if output else error}")
        stamp.write_text(wanted)
    for file in lock.parent.glob("*.mjs"):  # Node.js looks for packages beside the file
        shutil.copy(file, folder)
    return Installed(folder, _packages(folder, lock))


def _install_python(folder: Path, lock: Path) -> None:
    uv = Path(sys.prefix) / "bin" / "uv"
    _run([str(uv), "venv", "--quiet", "--python", sys.executable, str(folder)])
    _run([str(uv), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "-r", str(lock)])


def _install_node(folder: Path, lock: Path) -> None:
    folder.mkdir(parents=True)
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, folder)
    # better-sqlite3 is compiled by its install script where no binary of it can be had.
    _run(["npm", "ci", "--no-fund", "--no-audit", "--no-update-notifier", "--loglevel=error"], folder)


def _run(command: list[str], folder: Path | None = None) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": ""}
    subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )


def _packages(folder: Path, lock: Path) -> dict[str, str]:
    """The packages that were asked for by name, with the versions that are installed."""
    if lock.suffix == ".json":
        packages = json.loads(lock.read_text())["packages"]
        return {name: packages[f"node_modules/{name}"]["version"] for name in packages[""]["dependencies"]}
    asked = {line.partition("[")[0].strip() for line in lock.with_suffix(".in").read_text().splitlines()}
    found = {item.metadata["Name"].lower(): item.version for item in distributions(path=_site_packages(folder))}
    return {name: found[name] for name in sorted(asked)}


def _site_packages(folder: Path) -> list[str]:
    return [str(path) for path in folder.glob("lib/python*/site-packages")]
