"""A node is killed at every point of an operation, one after the other, until the operation meets none any more."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from tests.chaos.cluster import Node, Nursery
from tests.chaos.company import Company, once, steady
from tests.chaos.operations import Operation
from tests.chaos.proxy import PostgresProxy, running_proxy
from tests.chaos.record import Book
from tests.chaos.table import Databases, Row

#: A frame of SQLite's log is a header of 24 bytes and a page of 4096: these end in the page of the first, in that of
#: the second, and so on, each time elsewhere.
_TORN_FIRST_BYTE = 1_000
_TORN_EVERY_BYTES = 3_000
#: More transactions than any operation has.
_MOST_TRANSACTIONS = 8
_SURVIVOR, _VICTIM = 1, 2
_ENOUGH = 200


@dataclass
class Stage:
    """Two nodes on one database: one that lives, and one that is killed and begun anew."""

    company: Company
    survivor: Node
    proxy: PostgresProxy | None
    _victim: Node | None = None

    @property
    def book(self) -> Book:
        """What is noted."""
        return self.company.book

    async def victim(self) -> Node:
        """The node that is to be killed, alive."""
        if self._victim is None or self._victim.dead.is_set():
            url = self.company.database if self.proxy is None else self.proxy.url
            self._victim = await self.company.nursery.start(url, _VICTIM, dies_of_limit=True)
        return self._victim

    async def has_died(self) -> bool:
        """Whether the kill came: a node that does not answer any more is waited for."""
        assert self._victim is not None
        try:
            await self._victim.wire.ask("GET", "/ready", {})
        except OSError:
            await self._victim.is_gone()
            assert self._victim.was_killed, f"the node ended with {self._victim.code}"
            self.book.injected += 1
            return True
        return False


@asynccontextmanager
async def stage(nursery: Nursery, database: str) -> AsyncIterator[Stage]:
    """A stage on an empty database."""
    survivor = await nursery.start(database, _SURVIVOR)
    company = Company(nursery, database)
    try:
        if database.startswith("sqlite"):
            yield Stage(company, survivor, None)
        else:
            async with running_proxy(database) as proxy:
                here = Stage(company, survivor, proxy)
                yield here
                await (await here.victim()).kill()  # before the way to its database is gone, which it would log
    finally:
        await nursery.end_all()


async def kill_at_each_point(nursery: Nursery, databases: Databases, operation: Operation, *, every: int = 1) -> Row:
    """Kill at each point of an operation, and in the midst of each of its commits.

    Args:
        nursery: Where nodes come from.
        databases: Where an empty one comes from.
        operation: What is interrupted.
        every: Of the points, try each first, `every`-th one after it; 1 tries all.
    """
    async with stage(nursery, databases.create()) as here:
        for at in count(1, every):
            if not await _try(here, operation, {"x-chaos-at": str(at)}):
                break
            assert at < _ENOUGH, "an operation without an end"
        if here.proxy is None:
            await _tear_commits(here, operation, every)
        else:
            await _kill_in_commits(here, here.proxy, operation)
        doubled = await here.company.check(here.survivor)
    return Row.of(f"killed in: {operation.name}", databases.kind, here.book, doubled)


async def _try(here: Stage, operation: Operation, headers: Mapping[str, str]) -> bool:
    """Do the operation once, with a kill somewhere in it; says whether it came."""
    people = here.company.people
    is_new = not people or operation.name == "sign-up"
    person = here.company.invite(steady(here.survivor)) if is_new else people[-1]
    person.way = steady(here.survivor)
    victim = await here.victim()
    await operation.prepare(person, here.company.nursery.clocks.advance)
    person.way = once(victim, headers, here.survivor)
    await operation.act(person, here.company.nursery.clocks.advance)
    return await here.has_died()


async def _tear_commits(here: Stage, operation: Operation, every: int) -> None:
    """SQLite: the process dies within what a commit writes, after so and so many bytes."""
    unharmed = 0
    for transaction in range(1, _MOST_TRANSACTIONS):
        for after in count(_TORN_FIRST_BYTE, _TORN_EVERY_BYTES * every):
            if not await _try(here, operation, {"x-chaos-torn": f"{transaction} {after}"}):
                break
        unharmed = unharmed + 1 if after == _TORN_FIRST_BYTE else 0
        if unharmed == 2:  # one that changes nothing has nothing to write; after two there are no more
            break


async def _kill_in_commits(here: Stage, proxy: PostgresProxy, operation: Operation) -> None:
    """PostgreSQL: the process dies when its commit is on the way to the server."""
    for which in range(1, _MOST_TRANSACTIONS):
        victim = await here.victim()
        left = which

        def kill(victim: Node = victim) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(victim.pid, signal.SIGKILL)

        proxy.after_sending = kill
        died = await _try(here, operation, {})
        proxy.after_sending = lambda: None
        if not died:
            break


async def kill_at_each_point_of_start(nursery: Nursery, databases: Databases, *, every: int = 1) -> Row:
    """Kill a node at each point of its first start on an empty database: migrations, the first key, and the rest."""
    book = Book()
    for at in count(1, every):
        database = databases.create()
        victim = await nursery.begin(database, _VICTIM, dies_at=at)
        is_up = await victim.is_up()
        successor = await nursery.start(database, _SURVIVOR)
        company = Company(nursery, database, book=book)
        person = company.invite(steady(successor))
        await person.sign_up()
        await company.check(successor)
        company.forget()
        await nursery.end_all()
        databases.drop(database)
        if is_up:
            break
        book.injected += 1
    return Row.of("killed in: first start, migrations", databases.kind, book, 0)
