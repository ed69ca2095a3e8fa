"""A new version is brought in behind a balancer, one node after the other, while people use the site."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import httpx2
import pytest

from tests.services.balancer import Balancer
from tests.services.node import Node
from tests.site import Browser

PEOPLE = 3
LONG_ENOUGH_SECONDS = 120


class Traffic:
    """People who sign in, look, refresh and leave, each request at another node; all of it must succeed."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._end = False
        self.rounds = 0

    async def person(self, number: int) -> None:
        """Come and go until told to end."""
        address = f"person{number}@example.com"
        limits = httpx2.Limits(max_keepalive_connections=0)  # a new connection for each request, so another node
        async with httpx2.AsyncClient(base_url=self._origin, limits=limits, timeout=60, trust_env=False) as client:
            browser = Browser(client, "headers")
            await self.succeed(browser.sign_up(address))
            while not self._end:
                await self.succeed(browser.sign_in(address))
                await self.succeed(browser.get("/me"))
                await self.succeed(browser.refresh())
                await self.succeed(browser.get("/exact"))
                await self.succeed(browser.call("PUT", "/payload", json={"number": number}))
                await self.succeed(browser.call("POST", "/auth/signout"))
                self.rounds += 1

    async def succeed(self, answering: Awaitable[httpx2.Response]) -> None:
        """No refusal, no 5xx, no connection that is cut off."""
        answer = await answering
        assert (200, answer.json().get("status", "OK")) == (answer.status_code, "OK"), answer.text

    async def until(self, more: int) -> None:
        """Wait for so many more rounds."""
        goal = self.rounds + more
        async with asyncio.timeout(LONG_ENOUGH_SECONDS):
            while self.rounds < goal:  # noqa: ASYNC110  they count, and do not call
                await asyncio.sleep(0.01)

    def end(self) -> None:
        """Let everybody finish the round."""
        self._end = True


@pytest.fixture
async def balancer() -> AsyncIterator[Balancer]:
    """A balancer that runs."""
    balancer = Balancer()
    async with balancer.running():
        yield balancer


async def stop(balancer: Balancer, node: Node) -> None:
    """Take a node out while it has requests under way, and stop it."""
    await balancer.until_busy(node.port)
    balancer.take_out(node.port)
    assert 0 < balancer.under_way[node.port]
    assert await asyncio.to_thread(node.terminate) in (0, -15)  # newer servers end by the signal


async def test_nodes_are_replaced_one_by_one_under_traffic(balancer: Balancer, postgres_url: str) -> None:
    """F-26: each request goes to another node; nodes are taken out and stopped with requests under way.

    Those requests finish, nobody gets a 401 or an error, and a session that was begun at a node that is gone goes on.
    """
    nodes = [await asyncio.to_thread(Node, postgres_url, balancer.origin) for _ in range(2)]
    try:
        for node in nodes:
            balancer.add(node.port)
        traffic = Traffic(balancer.origin)
        async with asyncio.TaskGroup() as people:
            for number in range(PEOPLE):
                people.create_task(traffic.person(number))
            await traffic.until(PEOPLE)
            await stop(balancer, nodes[0])
            nodes.append(await asyncio.to_thread(Node, postgres_url, balancer.origin))
            balancer.add(nodes[2].port)
            await stop(balancer, nodes[1])
            await traffic.until(PEOPLE)
            traffic.end()
        assert all(balancer.served[node.port] for node in nodes)
    finally:
        for node in nodes:
            node.remove()
