"""The small examples as people start them: uvicorn in a process of its own, in a folder of its own, on a free port."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.examples.demo import ROOT, free_port

SECRET = "a secret of the tests that has at least 32 bytes"
PASSWORD = "correct horse 1"


@dataclass(frozen=True)
class Example:
    """A running example: where it is, and the lines that it has written and nobody has read yet."""

    origin: str
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def visitor(self) -> httpx2.Client:
        """Somebody with an empty cookie jar, to be closed."""
        return httpx2.Client(base_url=self.origin, headers={"st-auth-mode": "cookie"}, timeout=30, trust_env=False)

    def take_line(self, pattern: str) -> re.Match[str]:
        """The next line with this in it; waits for it."""
        while True:
            line = self.lines.get(timeout=60)
            found = re.search(pattern, line)
            if found is not None:
                return found


@contextmanager
def running_example(app: str, folder: Path, *, import_from: Path = ROOT, **environment: str) -> Iterator[Example]:
    """Serve `module:app` until the block ends.

    Args:
        app: What uvicorn is told.
        folder: Where its files go.
        import_from: Where its modules are.
        environment: Beside what every example wants.
    """
    port = free_port()
    known = {"WATCHWORD_SECRET": SECRET, "PORT": str(port), "PYTHONPATH": str(import_from), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", app, "--port", str(port)],
        cwd=folder,
        env={**os.environ, **known, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    example = Example(f"http://localhost:{port}")
    with process, reading_lines(process, example.lines):
        try:
            example.take_line("Uvicorn running")
            yield example
        finally:
            process.send_signal(signal.SIGINT)


@contextmanager
def reading_lines(process: subprocess.Popen[str], lines: "queue.Queue[str]") -> Iterator[None]:
    """Put what a program writes into a queue, as it comes, until it ends."""
    written = process.stdout
    assert written is not None
    reader = threading.Thread(target=lambda: [lines.put(line) for line in written])
    reader.start()
    try:
        yield
    finally:
        reader.join()


def post_form(visitor: httpx2.Client, path: str, **fields: Any) -> dict[str, Any]:
    """Send a form as the official clients do; the body of the answer."""
    body = {"formFields": [{"id": id, "value": value} for id, value in fields.items()]}
    answer = visitor.post(path, json=body)
    assert 200 == answer.status_code, answer.text
    return answer.json()
