"""Mails from templates: one layout in HTML and one in text, and the phrases of each kind and language.

A kind of mail is a table of phrases, `[password_reset]` in `en.toml`, `de.toml` and so on; `mail.html` and
`mail.txt` lay them out. An application's own folder replaces any of it singly:

    en.toml                    some or all phrases of a language, or a new language
    mail.html, mail.txt        the layout of all kinds
    password_reset.html        the layout of one kind
    password_reset.de.html     and in one language
"""

from pathlib import Path
from typing import TYPE_CHECKING

from watchword.delivery.mail import Mail, RenderedMail
from watchword.delivery.phrases import Phrase, Phrases

if TYPE_CHECKING:  # heavy; imported with the first mail
    from jinja2 import Environment


class MailTemplates:
    """The shipped templates, with what a folder of the application replaces. Files are read with the first mail.

    Args:
        folder: The application's own templates, or `None`.
        default_language: For mails whose language has no phrases.
    Raises:
        ConfigurationError: The folder does not exist, or there are no phrases in the default language.
    """

    def __init__(self, folder: Path | None = None, default_language: str = "en") -> None:
        self._phrases = Phrases("email_delivery", "templates", folder, default_language)

    def load(self) -> None:
        """Load the template engine, which takes a tenth of a second: for a thread, before the first mail."""
        _ = self._phrases.html_environment, self._phrases.text_environment

    def render(self, mail: Mail, app_name: str) -> RenderedMail:
        """Lay out a mail in its language, that of its region's parent (`pt` for `pt-BR`), or the default.

        Values and names are escaped in HTML and never become links or markup (security ML-2).

        Raises:
            LookupError: There are no phrases for this kind of mail.
            jinja2.TemplateError: A template is wrong, or asks for a value that the mail does not have.
        """
        language, phrases = self._phrases.choose(mail.kind, mail.language)
        html, text = self._phrases.html_environment, self._phrases.text_environment
        names = {"app_name": " ".join(app_name.split()), "language": language, **mail.values}
        return RenderedMail(
            to=mail.to,
            subject=" ".join(text.from_string(phrases["subject"]).render(names).split()),
            text=_lay_out(text, mail.kind, language, phrases, names, "txt"),
            html=_lay_out(html, mail.kind, language, phrases, names, "html"),
            mail_id=mail.id,
            kind=mail.kind,
        )


def _lay_out(
    environment: "Environment", kind: str, language: str, phrases: Phrase, names: dict[str, str], ending: str
) -> str:
    say = {name: environment.from_string(phrase).render(names) for name, phrase in phrases.items()}
    if ending == "html":  # rendered with escaping just now, so it is safe as it stands
        from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, at first use

        say = {name: Markup(phrase) for name, phrase in say.items()}  # noqa: S704 - see above
    layouts = (f"{kind}.{language}.{ending}", f"{kind}.{ending}", f"mail.{ending}")
    return environment.select_template(layouts).render(**names, say=say)
