"""Phrases by language and kind, and what lays them out: the shipped files, with the application's over them."""

import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from watchword.errors import ConfigurationError

if TYPE_CHECKING:  # heavy; imported with the first message
    from jinja2 import Environment

Phrase = dict[str, str]


class Phrases:
    """The files of one kind of delivery. They are read with the first message.

    Args:
        setting: What the application sets them by, for errors.
        shipped: The folder in this package.
        folder: The application's own, or `None`.
        default_language: For messages whose language has no phrases.
    Raises:
        ConfigurationError: The folder does not exist, or there are no phrases in the default language.
    """

    def __init__(self, setting: str, shipped: str, folder: Path | None, default_language: str) -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigurationError(f"{setting}.templates", f"{folder} is not a folder; name the one that is")
        self._folder = folder
        self._shipped = files("watchword.delivery") / shipped
        self._default_language = default_language
        self._known: dict[str, dict[str, Phrase]] = {}
        if self.find_text(f"{default_language}.toml") is None:
            raise ConfigurationError(
                f"{setting}.default_language",
                f"there are no phrases in {default_language!r}; put {default_language}.toml into the templates folder",
            )

    def choose(self, kind: str, language: str) -> tuple[str, Phrase]:
        """The phrases of a kind in a language, that of its region's parent (`pt` for `pt-BR`), or the default.

        Returns:
            The language that was chosen, and the phrases by name.

        Raises:
            LookupError: There are none for this kind.
        """
        wanted = language.replace("_", "-")
        for tag in (wanted, wanted.split("-")[0].lower(), self._default_language, "en"):
            phrases = self._in(tag).get(kind)
            if phrases is not None:
                return tag, phrases
        raise LookupError(f"no phrases for messages of the kind {kind}; add [{kind}] to en.toml")

    def find_text(self, name: str) -> str | None:
        """A file of the application's, or the shipped one of its name."""
        own = self._find_own(name)
        return own if own is not None else self._find_shipped(name)

    @cached_property
    def html_environment(self) -> "Environment":
        """What lays out HTML: every value is escaped."""
        return self._environment(escaping=True)

    @cached_property
    def text_environment(self) -> "Environment":
        """What lays out plain text."""
        return self._environment(escaping=False)

    def _in(self, language: str) -> dict[str, Phrase]:
        """Kind → name → phrase; the folder's over the shipped ones, phrase by phrase."""
        if not language.replace("-", "").isalnum():  # it comes from a request, and becomes the name of a file
            return {}
        found = self._known.get(language)
        if found is None:
            name = f"{language}.toml"
            found = _read(self._find_shipped(name))
            for kind, phrases in _read(self._find_own(name)).items():
                found[kind] = {**found.get(kind, {}), **phrases}
            if found:  # only languages that exist, so that made-up ones do not pile up
                self._known[language] = found
        return found

    def _find_own(self, name: str) -> str | None:
        path = None if self._folder is None else self._folder / name
        return path.read_text("utf-8") if path is not None and path.is_file() else None

    def _find_shipped(self, name: str) -> str | None:
        path = self._shipped / name
        return path.read_text("utf-8") if path.is_file() else None

    def _environment(self, *, escaping: bool) -> "Environment":
        # Imported at first use: 40 ms, and most processes never send a message.
        from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - see above

        return Environment(
            autoescape=escaping,  # noqa: S701 - plain text has nothing to escape
            loader=FunctionLoader(self.find_text),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def _read(text: str | None) -> dict[str, Phrase]:
    return {} if text is None else cast("dict[str, dict[str, Any]]", tomllib.loads(text))
