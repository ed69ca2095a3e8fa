"""`SmsDelivery`: how text messages are written and by whom they are carried; subclass it to change either."""

import logging
from collections import deque
from pathlib import Path
from typing import Protocol

from watchword.delivery.phrases import Phrases
from watchword.delivery.sms import RenderedSms, Sms
from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.setting_types import checked_settings

log = logging.getLogger(__name__)

_KEPT = 50


class SmsService(Protocol):
    """Hands text messages to a provider: `TwilioService`, `HttpSmsService`, or the application's own."""

    async def send(self, message: RenderedSms, outgoing: OutgoingClient) -> None:
        """Hand over one message; returns when it was accepted. May be called for several at once.

        Args:
            message: What the person will read.
            outgoing: The application's client, with its limits on time, size and on where a request may go.

        Raises:
            DeliveryRefused: It will never be accepted.
            DeliveryFailed: Worth another try. Any other exception counts as this one.
        """
        ...


@checked_settings("sms_delivery.")
class SmsDelivery:
    """Renders text messages and hands them to a service.

    Subclass it to change what is sent: `send_sms` is called once for each attempt, after the commit of what
    caused it and never inside a request; `render` makes the text.

    Args:
        service: Carries them, for example `TwilioService(…)`.
        templates: A folder of your own: `en.toml`, `de.toml` …, each with the phrases that replace the shipped
            ones; a new file is a new language.
        default_language: For messages whose language has no phrases.
    Raises:
        ConfigurationError: The folder does not exist, or there are no phrases in the default language.
    """

    def __init__(
        self, service: SmsService, *, templates: str | Path | None = None, default_language: str = "en"
    ) -> None:
        self.service = service
        folder = Path(templates) if templates is not None else None
        self._phrases = Phrases("sms_delivery", "sms_templates", folder, default_language)
        self._bound_to: tuple[str, OutgoingClient] | None = None

    def bind(self, app_name: str, outgoing: OutgoingClient) -> None:
        """Called once by `Watchword`.

        Raises:
            ConfigurationError: It belongs to another `Watchword`.
        """
        if self._bound_to is not None:
            raise ConfigurationError("sms_delivery", "one SmsDelivery object serves one Watchword; make another")
        self._bound_to = app_name, outgoing

    def load(self) -> None:
        """Called once, in a thread, before the first message, so that rendering it holds nobody up."""
        _ = self._phrases.text_environment

    async def send_sms(self, sms: Sms) -> None:
        """Render and send one message; an override may do otherwise for some kinds.

        Raises:
            DeliveryRefused: It will never be accepted: the outbox gives it up.
            DeliveryFailed: Worth another try, as is any other exception.
        """
        _, outgoing = self._bound()
        await self.service.send(self.render(sms), outgoing)

    def render(self, sms: Sms) -> RenderedSms:
        """What the person will read, in the message's language.

        Raises:
            LookupError: There is no phrase for this kind.
            jinja2.TemplateError: The phrase is wrong, or asks for a value that the message does not have.
        """
        app_name, _ = self._bound()
        language, phrases = self._phrases.choose(sms.kind, sms.language)
        names = {"app_name": " ".join(app_name.split()), "language": language, **sms.values}
        text = self._phrases.text_environment.from_string(phrases["text"]).render(names).strip()
        return RenderedSms(to=sms.to, text=text, sms_id=sms.id, kind=sms.kind)

    def _bound(self) -> tuple[str, OutgoingClient]:
        if self._bound_to is None:
            raise ConfigurationError("sms_delivery", "this SmsDelivery is not part of a Watchword yet")
        return self._bound_to


class ConsoleSmsService:
    """For development: writes messages to the log, codes included, and sends nothing.

    Attributes:
        sent: The last messages, the newest last; gone when the process ends.
    """

    def __init__(self) -> None:
        self.sent: deque[RenderedSms] = deque(maxlen=_KEPT)

    async def send(self, message: RenderedSms, outgoing: OutgoingClient) -> None:  # noqa: ARG002 - nothing is asked
        """Write it to the log, as a warning so that it shows where logging is not set up."""
        self.sent.append(message)
        log.warning(
            "text message to %s (not sent: development; %d to pay for)\n%s", message.to, message.segments, message.text
        )
