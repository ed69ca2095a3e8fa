"""One nursery for the tests of a module: it takes a second to import everything, and then none."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.chaos.cluster import Nursery, running_nursery


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    """Where nodes come from; whoever begins some ends them."""
    async with running_nursery() as shared:
        yield shared
