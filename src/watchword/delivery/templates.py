"""Mails from templates: one layout in HTML and one in text, and the phrases of each kind and language.

A kind of mail is a table of phrases, `[password_reset]` in `en.toml`, `de.toml` and so on; `mail.html` and
`mail.txt` lay them out. An application's own folder replaces any of it singly:

    en.toml                    some or all phrases of a language, or a new language
    mail.html, mail.txt        the layout of all kinds
    password_reset.html        the layout of one kind
    password_reset.de.html     and in one language
"""

import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from watchword.delivery.mail import Mail, RenderedMail
from watchword.errors import ConfigurationError

if TYPE_CHECKING:  # heavy; imported with the first mail
    from jinja2 import Environment

_SHIPPED = files("watchword.delivery") / "templates"


class MailTemplates:
    """The shipped templates, with what a folder of the application replaces. Files are read with the first mail.

    Args:
        folder: The application's own templates, or `None`.
        default_language: For mails whose language has no phrases.
    Raises:
        ConfigurationError: The folder does not exist, or there are no phrases in the default language.
    """

    def __init__(self, folder: Path | None = None, default_language: str = "en") -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigurationError("email_delivery.templates", f"{folder} is not a folder; name the one that is")
        self._folder = folder
        self._default_language = default_language
        self._phrases: dict[str, dict[str, dict[str, str]]] = {}
        if self._find_text(f"{default_language}.toml") is None:
            raise ConfigurationError(
                "email_delivery.default_language",
                f"there are no phrases in {default_language!r}; put {default_language}.toml into the templates folder",
            )

    def load(self) -> None:
        """Load the template engine, which takes a tenth of a second: for a thread, before the first mail."""
        _ = self._html_environment, self._text_environment

    def render(self, mail: Mail, app_name: str) -> RenderedMail:
        """Lay out a mail in its language, that of its region's parent (`pt` for `pt-BR`), or the default.

        Values and names are escaped in HTML and never become links or markup (security ML-2).

        Raises:
            LookupError: There are no phrases for this kind of mail.
            jinja2.TemplateError: A template is wrong, or asks for a value that the mail does not have.
        """
        language, phrases = self._choose(mail)
        names = {"app_name": " ".join(app_name.split()), "language": language, **mail.values}
        return RenderedMail(
            to=mail.to,
            subject=" ".join(self._text_environment.from_string(phrases["subject"]).render(names).split()),
            text=self._lay_out(self._text_environment, mail.kind, language, phrases, names, "txt"),
            html=self._lay_out(self._html_environment, mail.kind, language, phrases, names, "html"),
            mail_id=mail.id,
            kind=mail.kind,
        )

    def _choose(self, mail: Mail) -> tuple[str, dict[str, str]]:
        wanted = mail.language.replace("_", "-")
        for language in (wanted, wanted.split("-")[0].lower(), self._default_language, "en"):
            phrases = self._phrases_in(language).get(mail.kind)
            if phrases is not None:
                return language, phrases
        raise LookupError(f"no phrases for mails of the kind {mail.kind}; add [{mail.kind}] to en.toml")

    def _phrases_in(self, language: str) -> dict[str, dict[str, str]]:
        """Kind → name → phrase; the folder's over the shipped ones, phrase by phrase."""
        if not language.replace("-", "").isalnum():  # it comes from a request, and becomes the name of a file
            return {}
        found = self._phrases.get(language)
        if found is None:
            name = f"{language}.toml"
            found = _read_phrases(self._find_shipped(name))
            for kind, phrases in _read_phrases(self._find_own(name)).items():
                found[kind] = {**found.get(kind, {}), **phrases}
            if found:  # only languages that exist, so that made-up ones do not pile up
                self._phrases[language] = found
        return found

    def _lay_out(
        self,
        environment: "Environment",
        kind: str,
        language: str,
        phrases: dict[str, str],
        names: dict[str, str],
        ending: str,
    ) -> str:
        say = {name: environment.from_string(phrase).render(names) for name, phrase in phrases.items()}
        if ending == "html":  # rendered with escaping just now, so it is safe as it stands
            from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, at first use

            say = {name: Markup(phrase) for name, phrase in say.items()}  # noqa: S704 - see above
        layouts = (f"{kind}.{language}.{ending}", f"{kind}.{ending}", f"mail.{ending}")
        return environment.select_template(layouts).render(**names, say=say)

    def _find_text(self, name: str) -> str | None:
        own = self._find_own(name)
        return own if own is not None else self._find_shipped(name)

    def _find_own(self, name: str) -> str | None:
        path = None if self._folder is None else self._folder / name
        return path.read_text("utf-8") if path is not None and path.is_file() else None

    def _find_shipped(self, name: str) -> str | None:
        path = _SHIPPED / name
        return path.read_text("utf-8") if path.is_file() else None

    @cached_property
    def _html_environment(self) -> "Environment":
        return self._environment(escaping=True)

    @cached_property
    def _text_environment(self) -> "Environment":
        return self._environment(escaping=False)

    def _environment(self, *, escaping: bool) -> "Environment":
        # Imported at first use: 40 ms, and most processes never send a mail.
        from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - see above

        return Environment(
            autoescape=escaping,  # noqa: S701 - plain text has nothing to escape
            loader=FunctionLoader(self._find_text),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def _read_phrases(text: str | None) -> dict[str, dict[str, str]]:
    return {} if text is None else cast("dict[str, dict[str, Any]]", tomllib.loads(text))
