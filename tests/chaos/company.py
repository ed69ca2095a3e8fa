"""The people of one run, what they go through, and the questions they are asked afterwards."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count

from tests.chaos.checker import check_database, check_mail, latest
from tests.chaos.cluster import Node, Nursery
from tests.chaos.inbox import Inbox
from tests.chaos.person import GaveUp, Person, Way
from tests.chaos.record import Account, Book, Session, Violation
from tests.race.wire import Wire
from tests.site import PASSWORD
from watchword.crypto.hashes import sha256
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import WatchwordError

#: Older than this a refresh token is of age (security 4.3: the settle age, and some).
OF_AGE_MS = 140_000
#: After this long no dead node holds a mail any more.
LEASES_ARE_OVER_MS = 600_000
_FIND_TOKEN = Statement("select email from {password_reset_tokens} where app_id = 'public' and token_hash = :hash")
_numbers = count(1)


class Company:
    """People who share a database, and the nodes that serve them.

    Args:
        nursery: Where nodes come from.
        database: The URL of a database that is theirs.
        book: Where all is noted; a new one unless several companies share it.
    """

    def __init__(self, nursery: Nursery, database: str, book: Book | None = None) -> None:
        self.nursery = nursery
        self.database = database
        self.inbox = Inbox(nursery.mail)
        self.book = book or Book()
        self.people: list[Person] = []
        self._errors_seen = len(nursery.errors)

    def invite(self, way: Way) -> Person:
        """Somebody new."""
        account = Account(f"person-{next(_numbers)}@example.com", PASSWORD)
        person = Person(account, way, self.inbox, self.book, self._is_link_good)
        self.people.append(person)
        return person

    def forget(self) -> None:
        """These people leave; what was counted stays."""
        self.book.accounts.clear()

    async def check(self, node: Node) -> int:
        """In calm: ask the database, every client, every client's old tokens, and the mailboxes.

        Args:
            node: One that serves.

        Returns:
            How many mails came more than once.
        """
        self.nursery.clocks.advance(LEASES_ARE_OVER_MS)
        db = open_database(self.database)
        await db.start()
        try:
            await check_database(db, self.book)
            await self._must_be_signed_in(node)
            await self._must_be_signed_out(node)
            doubled = await check_mail(db, self.inbox, self.book)
        finally:
            await db.stop()
        for error in self.nursery.errors[self._errors_seen :]:
            self.book.fail(Violation.ANSWER, error)
        self._errors_seen = len(self.nursery.errors)
        return doubled

    async def _is_link_good(self, token: str) -> bool | None:
        """Whether the token of a link is in the database; `None` while that cannot be asked."""
        db = open_database(self.database)
        try:
            await db.start()
            return await db.find(_FIND_TOKEN, hash=sha256(token)) is not None
        except WatchwordError:
            return None
        finally:
            await db.stop()

    async def _must_be_signed_in(self, node: Node) -> None:
        """Every session can be verified, and refreshed by two generations."""
        for _ in range(2):
            self.nursery.clocks.advance(OF_AGE_MS)
            await _all(self._ask(person, node) for person in self.people if person.account.sessions)

    async def _ask(self, person: Person, node: Node) -> None:
        person.way = steady(node)
        with suppress(GaveUp):
            if not await person.refresh():
                self.book.fail(Violation.SIGNED_OUT, "a refresh of age brought no new refresh token")
            await person.verify(exactly=True)

    async def _must_be_signed_out(self, node: Node) -> None:
        ended = [session for person in self.people for session in latest(person.account)]
        await _all(self._ask_ended(session, node) for session in ended)

    async def _ask_ended(self, session: Session, node: Node) -> None:
        for method, path, token in (
            ("POST", "/auth/session/refresh", session.refresh_token),
            ("GET", "/exact", session.access_token),
        ):
            headers = {"authorization": f"Bearer {token}", "st-auth-mode": "header", "rid": "anti-csrf"}
            async with node.wire.lane:
                reply = await node.wire.ask(method, path, headers)
            if reply.status != 401:
                self.book.fail(Violation.REVIVED, f"{path} of {session.handle}: {reply.status}")


def steady(node: Node) -> Way:
    """Always to one node."""
    return lambda: (node.wire, {})


def once(node: Node, headers: Mapping[str, str], then: Node) -> Way:
    """The next request to one node, with headers; whatever follows to another."""
    first = iter([(node.wire, headers)])
    rest: tuple[Wire, Mapping[str, str]] = (then.wire, {})
    return lambda: next(first, rest)


async def _all(questions: Iterable[object]) -> None:
    await asyncio.gather(*questions)  # type: ignore[arg-type]
