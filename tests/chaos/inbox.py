"""The mail that the nodes have sent, as the people who get it see it."""

import asyncio
import email
import re
from collections import Counter, defaultdict
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

from tests.services.mail import MailServer

_LINK = re.compile(r"reset-password\?token=([\w-]+)")


class Inbox:
    """Everybody's mailbox.

    Attributes:
        notices: Of each address: how often each notice of a changed password came, by its `Message-ID`.
        links: Of each address: how often each mail with a link came, likewise.
    """

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._read = len(server.envelopes)  # what came before was for others
        self._tokens: dict[str, list[str]] = defaultdict(list)
        self.notices: dict[str, Counter[str]] = defaultdict(Counter)
        self.links: dict[str, Counter[str]] = defaultdict(Counter)

    async def next_token(self, address: str, seconds: float) -> str | None:
        """The token of a link that was not taken yet; `None` when none comes in time."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        while True:
            self.read()
            if self._tokens[address]:
                return self._tokens[address].pop()
            if loop.time() > give_up_at:
                return None
            await asyncio.sleep(0.01)

    def read(self) -> None:
        """Look at what has come."""
        for envelope in self._server.envelopes[self._read :]:
            message = cast("EmailMessage", email.message_from_bytes(cast("bytes", envelope.content), policy=SMTP))
            body = message.get_body(("plain",))
            assert body is not None
            found = _LINK.search(body.get_content())
            (address,) = envelope.rcpt_tos
            (self.notices if found is None else self.links)[address][message["Message-ID"]] += 1
            if found is not None and self.links[address][message["Message-ID"]] == 1:
                self._tokens[address].append(found[1])
        self._read = len(self._server.envelopes)
