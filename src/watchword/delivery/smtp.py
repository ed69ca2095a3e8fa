"""SMTP: TLS with certificates checked, every step with a time limit, one connection for each mail."""

import logging
import ssl
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal

from watchword.clock import Clock, SystemClock
from watchword.delivery.mail import RenderedMail, check_one_address
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.errors import BadInput, ConfigurationError
from watchword.setting_types import checked_settings
from watchword.settings import is_local

if TYPE_CHECKING:  # imported with the first mail
    from aiosmtplib import SMTP

log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 2.0


@checked_settings()
class SmtpService:
    """Hands mail to a mail server.

    Args:
        host: The server's name, as in its certificate.
        sender: The `From` of every mail: `no-reply@example.com` or `Example <no-reply@example.com>`.
        port: 587 for `starttls`, 465 for `tls`, 25 for `none` when left out.
        username: For servers that want one.
        password: Never sent without TLS to another machine.
        tls: `starttls` begins plain and insists on TLS before anything else; `tls` is TLS from the first
            byte; `none` is for a server on this machine or behind a tunnel, and says so in the log.
        tls_context: For a certificate authority of your own; the system's are trusted without it.
        timeout_seconds: One step at most; the whole is bounded by the outbox.
        clock: For the `Date` of mails.
    Raises:
        ConfigurationError: The sender is not an address, or a password would travel in the clear.
    Source: security ML-1, ML-3; RFC 5321, RFC 3207, RFC 8314.
    """

    def __init__(
        self,
        *,
        host: str,
        sender: str,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        tls: Literal["starttls", "tls", "none"] = "starttls",
        tls_context: ssl.SSLContext | None = None,
        timeout_seconds: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        if tls == "none" and not is_local(host):
            if password is not None:
                raise ConfigurationError(
                    "tls", f'the password would travel to {host} in the clear; use "starttls" or "tls"'
                )
            log.warning("mail to %s is not encrypted on the way, links with tokens included", host)
        self.sender = read_sender(sender)
        self._host = host
        self._port = port or {"starttls": 587, "tls": 465, "none": 25}[tls]
        self._username = username
        self._password = password
        self._tls = tls
        self._tls_context = tls_context
        self._timeout_seconds = timeout_seconds
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"SmtpService(host={self._host!r}, port={self._port}, tls={self._tls!r})"

    async def send(self, message: RenderedMail) -> None:
        """Hand over one mail.

        Raises:
            DeliveryRefused: The server refused the address or the message for good, or they cannot be written
                as a mail.
            DeliveryFailed: Everything else: no connection, no TLS, a wrong certificate or password, slow, busy.
        """
        to = server_address(message.to)
        mail = write_mail(message, to, self.sender, datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC))
        client = await self._connect()
        try:
            await _hand_over(client, mail, self.sender.addr_spec, to)
            with suppress(Exception):  # it is accepted: how the server says goodbye is its own affair
                await client.quit(timeout=_GOODBYE_SECONDS)
        finally:
            client.close()

    async def _connect(self) -> "SMTP":
        # Imported at first use: most processes never send a mail.
        from aiosmtplib import SMTP, SMTPException, SMTPResponseException  # noqa: PLC0415 - see above

        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            local_hostname=self.sender.domain,  # without it the library asks the DNS who we are, and blocks
            timeout=self._timeout_seconds,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._tls_context,
        )
        try:
            await client.connect()
        except SMTPResponseException as error:  # a wrong password too: that is our configuration, not this mail
            raise DeliveryFailed(f"{self._host} said {error.code} before any mail") from None
        except (SMTPException, OSError, ValueError) as error:
            cause = error.__cause__ or error
            raise DeliveryFailed(f"no connection to {self._host}:{self._port}: {type(cause).__name__}") from None
        return client


async def _hand_over(client: "SMTP", mail: EmailMessage, sender: str, to: str) -> None:
    """MAIL, RCPT, DATA. The server's words are left out of errors: they often quote the address."""
    from aiosmtplib import (  # noqa: PLC0415 - as above
        SMTPDataError,
        SMTPException,
        SMTPNotSupported,
        SMTPRecipientsRefused,
        SMTPResponseException,
    )

    try:
        await client.send_message(mail, sender=sender, recipients=[to])
    except SMTPRecipientsRefused as error:
        code = error.recipients[0].code
        raise _failure(code, f"{code} at the recipient") from None
    except SMTPDataError as error:
        raise _failure(error.code, f"{error.code} at the message") from None
    except SMTPNotSupported:
        raise DeliveryRefused("the mail server does not take addresses beyond ASCII") from None
    except SMTPResponseException as error:  # at the sender, mostly: configuration, so it is worth waiting for
        raise DeliveryFailed(f"{error.code} before the recipient") from None
    except (SMTPException, OSError) as error:
        raise DeliveryFailed(f"the connection broke: {type(error).__name__}") from None


def _failure(code: int, reason: str) -> DeliveryFailed | DeliveryRefused:
    """5xx is for good, the rest is for now. Source: RFC 5321, section 4.2.1."""
    return DeliveryRefused(reason) if 500 <= code < 600 else DeliveryFailed(reason)


def _plain(text: str) -> str:
    """Text for a header that means just itself.

    Python's typed headers read encoded words (RFC 2047) in what they are given, and what comes out of
    `=?utf-8?q?=0D=0ABcc=3A?=` is written as two headers. So nothing may look like one.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("a control character")
    return text.replace("=?", "= ?")


def read_sender(sender: str) -> Address:
    """The `From` of all mails, checked.

    Raises:
        ConfigurationError: It is not one address, with or without a name in front.
    """
    try:
        header = HeaderRegistry()("From", sender) if sender.isprintable() and "=?" not in sender else None
        addresses: list[Address] = [*getattr(header, "addresses", ())]
        only = ",".join(address.addr_spec for address in addresses)  # none and several are refused as such
        local, _, domain = server_address(only).rpartition("@")
        return Address(addresses[0].display_name, local, domain)
    except (DeliveryRefused, ValueError, MessageError):
        raise ConfigurationError(
            "sender", f"{sender!r} is not an address; write it like Example <no-reply@example.com>"
        ) from None


def server_address(address: str) -> str:
    """The address with its domain in ASCII, as mail servers know it; the part before the @ stays as it is.

    Raises:
        DeliveryRefused: The domain cannot be written so, or it is not one plain address.
    """
    try:
        check_one_address(address)
    except BadInput:
        raise DeliveryRefused("it is not one plain address") from None
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    import idna  # noqa: PLC0415 - its tables are big, and few domains need them

    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError:
        raise DeliveryRefused("its domain cannot be written in ASCII") from None


def write_mail(message: RenderedMail, to: str, sender: Address, now: datetime) -> EmailMessage:
    """The mail as bytes will tell it: typed headers, so that no value can become another header (security ML-1).

    Raises:
        DeliveryRefused: A header would be broken.
    """
    local, _, domain = to.rpartition("@")
    mail = EmailMessage(policy=SMTP_POLICY)
    try:
        mail["From"] = sender
        mail["To"] = Address(username=local, domain=domain)
        mail["Subject"] = _plain(message.subject)
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message.mail_id}@{sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice comes back
    except (ValueError, MessageError):
        raise DeliveryRefused("a header of the mail would be broken") from None
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return mail
