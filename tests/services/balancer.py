"""A balancer before the nodes of a site: each connection goes to the next node, until a node is taken out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.services.programs import free_port


class Balancer:
    """Forwards connections in turn.

    Attributes:
        under_way: How many connections each node, by its port, has now.
        served: How many it has had.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.under_way: Counter[int] = Counter()
        self.served: Counter[int] = Counter()
        self._nodes: list[int] = []
        self._changed = asyncio.Condition()

    @property
    def origin(self) -> str:
        """For browsers."""
        return f"http://localhost:{self.port}"

    def add(self, port: int) -> None:
        """Send a share of the connections there from now on."""
        self._nodes.append(port)

    def take_out(self, port: int) -> None:
        """Send no new connection there; those that are under way go on."""
        self._nodes.remove(port)

    async def until_busy(self, port: int) -> None:
        """Wait until a node has a connection."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.under_way[port] > 0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it forwards."""
        server = await asyncio.start_server(self._forward, "localhost", self.port)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        node = self._nodes.pop(0)
        self._nodes.append(node)
        self.served[node] += 1
        up, down = await asyncio.open_connection("127.0.0.1", node)
        await self._count(node, 1)
        await asyncio.gather(_carry(reader, down), _carry(up, writer), return_exceptions=True)
        await self._count(node, -1)

    async def _count(self, node: int, by: int) -> None:
        async with self._changed:
            self.under_way[node] += by
            self._changed.notify_all()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    finally:
        target.close()
