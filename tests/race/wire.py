"""A small HTTP client over plain sockets: it costs little, and it can hang up in the middle of an answer."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a node. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """What the body says went wrong, or nothing."""
        found: Any = json.loads(self.body or b"{}")
        return found.get("message", "")


class Wire:
    """The way to one node: connections that are used again, at most `width` requests at a time."""

    def __init__(self, port: int, width: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._lane = asyncio.Semaphore(width)

    @property
    def lane(self) -> asyncio.Semaphore:
        """Held by the caller around `ask`, so that a request does not grow old in a queue."""
        return self._lane

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """One request and its answer.

        Raises:
            OSError: The node went away, or answered nothing in a minute.
        """
        reader, writer = await self._connect()
        try:
            writer.write(self._encode(method, path, headers, body))
            async with asyncio.timeout(_PATIENCE_SECONDS):
                reply = await _read(reader)
        except BaseException as error:
            writer.close()
            if isinstance(error, asyncio.IncompleteReadError):
                raise ConnectionError("the node hung up") from None
            raise
        self._idle.append((reader, writer))
        return reply

    async def ask_and_hang_up(self, path: str, headers: Mapping[str, str], after_seconds: float) -> None:
        """POST, and be gone before the answer can be read."""
        _, writer = await self._connect()
        writer.write(self._encode("POST", path, headers, b""))
        await writer.drain()
        await asyncio.sleep(after_seconds)
        writer.transport.abort()

    async def send_part(self, path: str, headers: Mapping[str, str], part: float) -> None:
        """POST a part of a request, from 0 to 1, and be gone."""
        _, writer = await self._connect()
        content = self._encode("POST", path, headers, b"")
        writer.write(content[: int(part * len(content))])
        await writer.drain()
        writer.transport.abort()

    def close(self) -> None:
        """Hang up everywhere."""
        for _, writer in self._idle:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._idle:
            return self._idle.pop()
        return await asyncio.open_connection("127.0.0.1", self._port)

    def _encode(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Reply(int(head[0].split()[1]), headers, body)
