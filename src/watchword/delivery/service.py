"""What carries a mail away: the interface, the two kinds of failure of any message, and the service for development."""

import logging
from collections import deque
from typing import Protocol

from watchword.delivery.mail import RenderedMail
from watchword.errors import WatchwordError

log = logging.getLogger(__name__)

_KEPT = 50


class DeliveryRefused(WatchwordError):
    """The message will never be accepted, so it is not tried again.

    Args:
        reason: Kept in the outbox: a status code and words of ours, nothing of the message.
    """

    code = "delivery_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the message was refused: {reason}")
        self.reason = reason


class DeliveryFailed(WatchwordError):
    """The message could not be handed over now; it is tried again.

    Args:
        reason: For the log: nothing of the message.
        retry_after_ms: The pause that the service asked for; it only makes ours longer, up to an hour.
    """

    code = "delivery_failed"

    def __init__(self, reason: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(f"the message could not be sent: {reason}")
        self.reason = reason
        self.retry_after_ms = retry_after_ms


class EmailService(Protocol):
    """Hands mail to a mail system: SMTP, or an HTTP API of the application's choice."""

    async def send(self, message: RenderedMail) -> None:
        """Hand over one mail; returns when it was accepted. May be called for several at once.

        Raises:
            DeliveryRefused: It will never be accepted.
            DeliveryFailed: Worth another try. Any other exception counts as this one.
        """
        ...


class ConsoleService:
    """For development: writes mail to the log, its link included, and sends nothing.

    Attributes:
        sent: The last mails, the newest last; gone when the process ends.
    """

    def __init__(self) -> None:
        self.sent: deque[RenderedMail] = deque(maxlen=_KEPT)

    async def send(self, message: RenderedMail) -> None:
        """Write it to the log, as a warning so that it shows where logging is not set up."""
        self.sent.append(message)
        log.warning("mail to %s (not sent: development)\n%s\n\n%s", message.to, message.subject, message.text)
