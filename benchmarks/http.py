"""The one load client: HTTP/1.1 over connections that stay open, and nothing a server could be flattered by."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self

Headers = dict[str, str]


class UnexpectedAnswer(Exception):
    """A server answered otherwise than the operation promises: the run fails, for errors are cheap to serve."""


@dataclass(slots=True)
class Answer:
    """One answer. `headers` are in lower case; `cookies` are those it sets, `None` for those it removes."""

    status: int
    headers: Headers
    body: bytes
    cookies: dict[str, str | None] = field(default_factory=dict)

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def must_be(self, status: int) -> Self:
        """The answer itself, if it has the status."""
        if self.status != status:
            raise UnexpectedAnswer(f"{self.status} instead of {status}: {self.body[:300]!r}")
        return self


class Connection:
    """One client's connection to a server of this machine; opened again when the server has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, *, headers: Headers | None = None, body: Any = None) -> Answer:
        """Send a request and read its answer. `body` is text as it is, anything else as JSON."""
        lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self.port}"]
        content = b""
        if isinstance(body, str):
            content = body.encode()
        elif body is not None:
            content = json.dumps(body).encode()
            lines.append("content-type: application/json")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if method != "GET":
            lines.append(f"content-length: {len(content)}")
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
        reader, writer = await self._open()
        writer.write(request)
        answer = await _read_answer(reader)
        if answer.headers.get("connection", "").lower() == "close":
            await self.close()
        return answer

    async def close(self) -> None:
        """Let the connection go."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        return self._streams


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answer = Answer(int(head[0].split()[1]), {}, b"")
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if name == "set-cookie":
            _note_cookie(answer.cookies, value)
        else:
            answer.headers[name] = value
    if answer.headers.get("transfer-encoding") == "chunked":
        answer.body = await _read_chunks(reader)
    elif answer.status != 204:
        answer.body = await reader.readexactly(int(answer.headers.get("content-length", "0")))
    return answer


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    while size := int(await reader.readline(), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(chunks)


def _note_cookie(cookies: dict[str, str | None], value: str) -> None:
    pair, *attributes = value.split(";")
    name, _, content = pair.partition("=")
    gone = any(part.strip().lower() in ("max-age=0", "expires=thu, 01 jan 1970 00:00:00 gmt") for part in attributes)
    cookies[name.strip()] = None if gone or not content else content
