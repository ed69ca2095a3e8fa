"""What a sign-in still has to write: in the transaction that stores its session, not in one more of its own."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from watchword.database.database import Database, Transaction
from watchword.errors import Overloaded, StorageUnavailable
from watchword.recipes.user_context import UserContext

log = logging.getLogger(__name__)

Step = Callable[[Transaction], Awaitable[None]]
"""Part of a transaction; like every body, it may run again, and changes nothing outside but what it was read from."""

_KEY = "watchword.with_session"


class WithSession:
    """Steps that wait for a session to be stored; where none is, they are done in a transaction of their own.

    It travels in the `UserContext` of a request, from the recipe function that knows what is to be written to the one
    that stores the session. An override that leaves the context behind loses nothing but the saving.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        #: The session in whose transaction they were done.
        self.handle: str | None = None

    @classmethod
    def of(cls, user_context: UserContext) -> Self | None:
        """What travels in a context."""
        found = user_context.get(_KEY)
        return found if isinstance(found, cls) else None

    @asynccontextmanager
    async def until_stored(self, user_context: UserContext, db: Database) -> AsyncGenerator[None]:
        """Travel in a context; what no session has taken along by the end is written then."""
        user_context[_KEY] = self
        try:
            yield
        finally:
            user_context.pop(_KEY, None)
            await self._finish(db)

    def add(self, step: Step) -> None:
        """Do this, too."""
        self._steps.append(step)

    async def write(self, tx: Transaction) -> None:
        """Do all of it, last in a transaction."""
        for step in self._steps:
            await step(tx)

    def note_stored(self, handle: str) -> None:
        """The transaction was committed, and this session with it."""
        self._steps.clear()
        self.handle = handle

    async def _finish(self, db: Database) -> None:
        """Do what was not done with a session; while the database is away, it is not."""
        if not self._steps:
            return
        try:
            await db.write(self.write)
        except (StorageUnavailable, Overloaded) as error:
            log.warning("what was to be stored after a sign-in is not: %s", error)
        self._steps.clear()
