"""Nodes as processes: begun, awaited, killed; all on one database, with one mail server and one set of clocks."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.clock import MovableClocks
from tests.chaos.node import NodeSettings
from tests.race.wire import Wire
from tests.services.mail import MailServer, mail_server
from tests.site import free_port

_PATIENCE_SECONDS = 60
_WIDTH = 16


@dataclass
class Node:
    """A process that serves, or did.

    Attributes:
        place: Of its clock.
        wire: The way to it.
        ready: Set when it serves.
        dead: Set when the process is gone; `code` says how.
    """

    place: int
    wire: Wire
    pid: int = 0
    code: int | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it that no program can catch or answer."""
        return self.code in (-signal.SIGKILL, -signal.SIGXFSZ)

    async def is_up(self) -> bool:
        """Wait until it serves or is gone; says which."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self.ready, self.dead)]
        done, waiting = await asyncio.wait(waits, timeout=_PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waiting:
            wait.cancel()
        assert done, "the node neither started nor ended in a minute"
        return not self.dead.is_set()

    async def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if not self.dead.is_set():
            os.kill(self.pid, signal.SIGKILL)
        await self.is_gone()

    async def is_gone(self) -> None:
        """Wait until the process is gone."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.dead.wait()
        self.wire.close()


class Nursery:
    """Begins nodes, and knows what became of them.

    Attributes:
        mail: The server that all nodes send their mail to.
        clocks: The clocks of all nodes.
        errors: What nodes logged as errors; no fault may cause any.
    """

    def __init__(self, process: asyncio.subprocess.Process, mail: MailServer, clocks: MovableClocks) -> None:
        self._process = process
        self._by_pid: dict[int, Node] = {}
        self._by_port: dict[int, Node] = {}
        self.mail = mail
        self.clocks = clocks
        self.errors: list[str] = []

    async def begin(self, database: str, place: int, **more: Any) -> Node:
        """Begin a node without waiting until it serves; `more` goes into its settings."""
        port = free_port()
        node = Node(place, Wire(port, _WIDTH))
        self._by_port[port] = node
        settings = NodeSettings(
            port=port,
            database=database,
            clocks=str(self.clocks.path),
            place=place,
            mail_port=self.mail.port,
            **more,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(settings.to_line())
        await self._process.stdin.drain()
        return node

    async def start(self, database: str, place: int, **more: Any) -> Node:
        """Begin a node and wait until it serves."""
        node = await self.begin(database, place, **more)
        assert await node.is_up(), f"the node ended with {node.code}: {self.errors}"
        return node

    async def end_all(self) -> None:
        """Kill every node that still lives."""
        for node in list(self._by_pid.values()):
            await node.kill()

    def hang_up(self) -> None:
        """Close the ways to all nodes."""
        for node in self._by_port.values():
            node.wire.close()

    async def listen(self) -> None:
        """Hear what the processes tell, until there are none."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._hear(json.loads(line))

    def _hear(self, told: dict[str, Any]) -> None:
        if "born" in told:
            node = self._by_port[told["born"]]
            node.pid = told["pid"]
            self._by_pid[node.pid] = node
        elif "ready" in told:
            self._by_pid[told["pid"]].ready.set()
        elif "error" in told:
            self.errors.append(told["error"])
        elif "died" in told:
            node = self._by_pid.pop(told["died"])
            node.code = told["code"]
            node.dead.set()


@asynccontextmanager
async def running_nursery() -> AsyncIterator[Nursery]:
    """A nursery, its mail server and its clocks; all its nodes end with it."""
    with tempfile.TemporaryDirectory(prefix="watchword-chaos-") as folder:
        async with mail_server() as mail:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.chaos.nursery",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            nursery = Nursery(process, mail, MovableClocks(Path(folder) / "clocks"))
            listening = asyncio.create_task(nursery.listen())
            try:
                yield nursery
            finally:
                assert process.stdin is not None
                process.stdin.close()
                await process.wait()
                await listening
                nursery.hang_up()
