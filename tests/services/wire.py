"""A wire to a server that can go dead: bytes are swallowed, and neither end is told, as firewalls do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Wire:
    """Forwards TCP connections to a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._dead_mark: bytes | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def cut(self, mark: bytes) -> None:
        """From now on swallow all bytes of connections whose first message has this in it."""
        self._dead_mark = mark

    def black_hole(self) -> None:
        """From now on swallow all that is sent, new connections included."""
        self.cut(b"")

    def mend(self) -> None:
        """Let new connections through; the dead ones stay dead."""
        self._dead_mark = None

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[None]:
        """While the wire is there; `url` leads through it."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._parts._replace(netloc=f"{self._parts.username}@127.0.0.1:{port}").geturl()
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        marks: list[bytes] = []
        ends = [writer]
        try:
            up, down = await asyncio.open_connection(self._parts.hostname, self._parts.port)
            ends.append(down)
            await asyncio.gather(self._carry(reader, down, marks), self._carry(up, writer, marks))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in ends:
                end.close()
            self._tasks.discard(task)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, marks: list[bytes]) -> None:
        is_dead = False
        while data := await source.read(65_536):
            if not marks or b"user" in data:
                marks.append(data)
            is_dead = is_dead or self._is_cut(marks)
            if not is_dead:
                target.write(data)
                await target.drain()
        if not (is_dead or self._is_cut(marks)):
            target.close()

    def _is_cut(self, marks: list[bytes]) -> bool:
        return any(self._dead_mark is not None and self._dead_mark in mark for mark in marks)
