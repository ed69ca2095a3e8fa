"""The example as people start it: its own process, its own folder, a free port."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    """A running example: where it is, what it printed, and the folder it keeps things in."""

    origin: str
    words: str
    folder: Path

    def visitor(self) -> httpx2.Client:
        """Somebody with an empty cookie jar, who asks for cookies as a browser does; to be closed."""
        return httpx2.Client(base_url=self.origin, headers={"st-auth-mode": "cookie"}, trust_env=False)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn_demo(folder: Path, *, stderr: int | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start the example's process in a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "WATCHWORD_SECRET")}
    return subprocess.Popen(
        [sys.executable, "-m", "examples.fastapi_demo"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@contextmanager
def running_demo(folder: Path, **environment: str) -> Iterator[Demo]:
    """Start the example, wait for its last word of welcome, and stop it as Ctrl-C does."""
    port = environment.setdefault("PORT", str(free_port()))
    with spawn_demo(folder, **environment) as process:
        assert process.stdout is not None
        words = ""
        for line in process.stdout:
            words += line
            if "Ctrl-C" in line:
                break
        try:
            assert "Ctrl-C" in words, f"the example did not start; it said: {words!r}"
            yield Demo(f"http://localhost:{port}", words, folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
