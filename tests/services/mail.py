"""A real mail server in process, with the moods that mail servers have."""

import asyncio
import email
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailServer:
    """What a server got, and how it behaves.

    Attributes:
        port: Where it listens, on localhost.
        envelopes: Each accepted mail: sender, recipients, content.
        logins: User name and password of each login.
        over_tls: Of each accepted mail, whether the connection was encrypted.
        refuse: Recipient → the answer to its RCPT, for example `550 no such user`.
        at_data: Awaited when the content has come; its text is the answer, `None` hangs up.
        hold: Awaited at the first line of each connection.
        before_answer: Called when a mail is accepted, before the sender hears of it.
    """

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    at_data: list[str | None] = field(default_factory=list)
    hold: asyncio.Event | None = None
    before_answer: Callable[[], None] | None = None

    @property
    def mails(self) -> list[EmailMessage]:
        """The accepted mails, parsed."""
        return [
            cast("EmailMessage", email.message_from_bytes(cast("bytes", envelope.content), policy=SMTP_POLICY))
            for envelope in self.envelopes
        ]

    async def handle_EHLO(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        if self.hold is not None:
            await self.hold.wait()
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library calls it so
        answer = self.at_data.pop(0) if self.at_data else "250 OK"
        if answer is None or answer.startswith("250"):
            self.envelopes.append(envelope)
            assert server.transport is not None
            self.over_tls.append(server.transport.get_extra_info("ssl_object") is not None)
            if self.before_answer is not None:
                self.before_answer()
        if answer is None:  # it has the mail, and the sender never hears of it
            assert server.transport is not None
            server.transport.abort()
            return "421 gone"
        return answer

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Let one user in."""
        login = cast("LoginPassword", data)
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=login.password == b"right", handled=False)


@asynccontextmanager
async def mail_server(
    context: ssl.SSLContext | None = None, *, from_first_byte: bool = False, with_login: bool = False
) -> AsyncIterator[MailServer]:
    """Serve on a free port of localhost; with a context it insists on STARTTLS, or is TLS from the first byte."""
    loop = asyncio.get_running_loop()
    state = MailServer()
    starttls = context is not None and not from_first_byte
    connections: list[SMTP] = []

    def accept() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of passwords without TLS; here that is the point
            smtp = SMTP(
                state,
                hostname="mail.test",
                loop=loop,
                enable_SMTPUTF8=False,
                tls_context=context if starttls else None,
                require_starttls=starttls,
                authenticator=state.log_in if with_login else None,
                auth_required=with_login,
                auth_require_tls=starttls,
            )
        connections.append(smtp)
        return smtp

    server = await loop.create_server(accept, "127.0.0.1", 0, ssl=context if from_first_byte else None)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        await server.wait_closed()
