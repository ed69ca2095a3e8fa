"""Stands between a node and PostgreSQL: counts commits, cuts connections, lets bytes vanish."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto
from urllib.parse import urlsplit

from tests.site import free_port

#: How the driver asks for a commit: a simple query. Source: PostgreSQL, message formats.
_COMMIT = b"Q" + (4 + len(b"commit\x00")).to_bytes(4) + b"commit\x00"
_CHUNK = 65_536


class AtCommit(Enum):
    """What happens to a commit on its way."""

    PASS = auto()
    CUT_BEFORE = auto()
    """The server never hears of it."""
    CUT_AFTER = auto()
    """The server commits, and nobody hears of that."""


class PostgresProxy:
    """Passes everything on, except for what it is told.

    Attributes:
        url: The database, by way of this proxy.
        at_commit: Asked at each commit before it is passed on.
        after_sending: Called when a commit is on its way to the server, before any answer.
        open: Cleared, no byte comes through in either direction, and nobody is told.
    """

    def __init__(self, database: str) -> None:
        parts = urlsplit(database)
        assert parts.port is not None
        self._server_port = parts.port
        self._port = free_port()
        self.url = database.replace(f":{parts.port}/", f":{self._port}/")
        self.at_commit: Callable[[], AtCommit] = lambda: AtCommit.PASS
        self.after_sending: Callable[[], None] = lambda: None
        self.open = asyncio.Event()
        self.open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_all(self) -> int:
        """Cut every connection at once; returns how many there were."""
        writers = [writer for writer in self._writers if not writer.is_closing()]
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def serve(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self._meet, "127.0.0.1", self._port)

    async def close(self) -> None:
        """End all that runs."""
        self.open.set()
        self.cut_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        way_back = asyncio.create_task(self._pass_answers(server_reader, writer))
        try:
            await self._pass_requests(reader, server_writer, way_back)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            way_back.cancel()
            self._writers.discard(writer)
            writer.transport.abort()
            server_writer.close()  # what was sent still arrives; then the server sees the end

    async def _pass_requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, way_back: asyncio.Task[None]
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            await self.open.wait()
            if _COMMIT not in chunk:
                server.write(chunk)
                continue
            fate = self.at_commit()
            if fate is AtCommit.CUT_BEFORE:
                return
            if fate is AtCommit.CUT_AFTER:
                way_back.cancel()
            server.write(chunk)
            await server.drain()
            self.after_sending()
            if fate is AtCommit.CUT_AFTER:
                return

    async def _pass_answers(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await server.read(_CHUNK):
                await self.open.wait()
                writer.write(chunk)
        except OSError:
            pass
        writer.close()


@asynccontextmanager
async def running_proxy(database: str) -> AsyncIterator[PostgresProxy]:
    """A proxy before the server of a database."""
    proxy = PostgresProxy(database)
    server = await proxy.serve()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
