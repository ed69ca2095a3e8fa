"""Programs that tests start, and that end with them, whatever happens to the process that runs the tests."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

# The shell ends the program at the word of `end_program`, and when this process dies: then its files go too.
_SCRIPT = """
"$@" & program=$!; read word || dead=1; kill -${word:-QUIT} $program; wait $program
if [ "$dead" ]; then rm -rf "$0"; fi
"""


def start_program(command: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in its folder, as `nobody` where we are root; its words go into `log`, of this start alone."""
    with log.open("wb") as words:
        return subprocess.Popen(
            ["sh", "-c", _SCRIPT, str(folder), *command],
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=words,
            **as_nobody(folder),
        )


def end_program(process: subprocess.Popen[bytes], word: str, seconds: float) -> None:
    """Send a signal, such as `INT`, and wait for the end."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n".encode())
    process.stdin.close()
    process.wait(seconds)


def as_nobody(folder: Path) -> dict[str, Any]:
    """How to run a program that refuses to run as root: in its folder, as its owner."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    shutil.chown(folder, "nobody", "nogroup")
    return {"cwd": folder, "user": "nobody", "group": "nogroup", "extra_groups": []}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
