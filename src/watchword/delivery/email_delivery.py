"""`EmailDelivery`: how mail is written and by whom it is carried; subclass it to change either."""

from pathlib import Path

from watchword.delivery.mail import Mail, RenderedMail
from watchword.delivery.service import EmailService
from watchword.delivery.templates import MailTemplates
from watchword.errors import ConfigurationError
from watchword.setting_types import checked_settings


@checked_settings("email_delivery.")
class EmailDelivery:
    """Renders mail from templates and hands it to a service.

    Subclass it to change what is sent: `send_email` is called once for each attempt at a mail, after the
    commit of what caused it and never inside a request; `render` makes subject, text and HTML.

    Args:
        service: Carries the mail, for example `SmtpService(…)`.
        templates: A folder of your own; each file in it replaces the shipped one of its name, all others
            stay. See `MailTemplates`.
        default_language: For mails whose language has no phrases.
    Raises:
        ConfigurationError: The folder does not exist, or there are no phrases in the default language.
    """

    def __init__(
        self, service: EmailService, *, templates: str | Path | None = None, default_language: str = "en"
    ) -> None:
        self.service = service
        self._templates = MailTemplates(Path(templates) if templates is not None else None, default_language)
        self._app_name: str | None = None

    def bind(self, app_name: str) -> None:
        """Called once by `Watchword`.

        Raises:
            ConfigurationError: It belongs to another `Watchword`.
        """
        if self._app_name is not None:
            raise ConfigurationError("email_delivery", "one EmailDelivery object serves one Watchword; make another")
        self._app_name = app_name

    @property
    def app_name(self) -> str:
        """The name that people know the application by. Raises `ConfigurationError` before `Watchword` has it."""
        if self._app_name is None:
            raise ConfigurationError("email_delivery", "this EmailDelivery is not part of a Watchword yet")
        return self._app_name

    def load(self) -> None:
        """Called once, in a thread, before the first mail, so that rendering it holds nobody up."""
        self._templates.load()

    async def send_email(self, mail: Mail) -> None:
        """Render and send one mail; an override may do otherwise for some kinds.

        Raises:
            DeliveryRefused: It will never be accepted: the outbox gives it up.
            DeliveryFailed: Worth another try, as is any other exception.
        """
        await self.service.send(self.render(mail))

    def render(self, mail: Mail) -> RenderedMail:
        """What the person will read, in the mail's language."""
        return self._templates.render(mail, self.app_name)
