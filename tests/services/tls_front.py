"""A TLS front before a PostgreSQL server, as clouds have it: the servers that tests run on are built without TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)  # PostgreSQL, message formats: SSLRequest


@asynccontextmanager
async def tls_front(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Listen on a free port of 127.0.0.1, insist on TLS, and pass everything on to `port`; yields the free port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            if SSL_REQUEST == await reader.readexactly(len(SSL_REQUEST)):
                writer.write(b"S")
                await writer.start_tls(context)
                await _join(reader, writer, port)
        except (OSError, asyncio.IncompleteReadError):  # the client did not like our certificate, and went
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass_on(reader, downstream), _pass_on(upstream, writer))


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
    finally:
        target.close()
