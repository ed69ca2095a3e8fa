"""Mails from templates: six languages, each file replaceable singly, nothing of a person's becomes markup."""

from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from tests.delivery.post import LINK, Letterbox, Post, reset_mail
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail, RenderedMail
from watchword.delivery.service import ConsoleService
from watchword.errors import BadInput, ConfigurationError

LANGUAGES = {"en": "Reset", "de": "Passwort", "fr": "mot de passe", "es": "contraseña", "it": "password", "pt": "senha"}
KINDS = (
    "password_reset",
    "email_verification",
    "password_changed",
    "email_changed",
    "email_change",
    "email_change_requested",
    "login_method_removed",
)


def render(
    mail: Mail, templates: Path | None = None, app_name: str = "Test & Co", language: str = "en"
) -> RenderedMail:
    """A mail as the delivery writes it."""
    delivery = EmailDelivery(Letterbox(), templates=templates, default_language=language)
    delivery.bind(app_name)
    return delivery.render(mail)


def mail(kind: str = "password_reset", language: str = "en", **values: str) -> Mail:
    """A mail to Ada."""
    return Mail(
        kind=kind,
        to="ada@example.com",
        user_id="ada",
        tenant_id="public",
        values={"link": LINK} | values,
        language=language,
    )


class Page(HTMLParser):
    """The links of a page, and its text."""

    def __init__(self, html: str | None) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.language = ""
        self.feed(html or "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "a":
            self.links.append(named["href"] or "")
        if tag == "html":
            self.language = named["lang"] or ""
        assert "src" not in named, "a mail that loads something tells when it is read"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_in_every_language(kind: str, language: str) -> None:
    """Subject, text and HTML are complete, in that language, with the link and the application's name."""
    rendered = render(mail(kind, language))
    page = Page(rendered.html)
    assert "Test & Co" in rendered.subject
    assert LINK in rendered.text
    assert [LINK, LINK] == page.links
    assert language == page.language
    assert "{{" not in rendered.subject + rendered.text + page.text
    assert "Test & Co" in page.text


@pytest.mark.parametrize(("language", "word"), LANGUAGES.items())
def test_languages_differ(language: str, word: str) -> None:
    """Each language has phrases of its own."""
    rendered = render(mail(language=language))
    assert word in rendered.subject + rendered.text


@pytest.mark.parametrize(
    ("wanted", "word"),
    [("pt-BR", "Redefina"), ("de_AT", "zurücksetzen"), ("DE", "zurücksetzen"), ("xx", "Réinitialisez"), ("", "Réinit")],
)
def test_a_language_falls_back_to_its_parent_and_then_to_the_default(wanted: str, word: str) -> None:
    """A region without phrases of its own reads its language; one that is unknown reads the default."""
    assert word in render(mail(language=wanted), language="fr").text


@pytest.mark.parametrize("language", ["../../secret", "en/../de", "..", "a\x00b", "/etc/passwd"])
def test_a_language_names_no_other_file(tmp_path: Path, language: str) -> None:
    """Attack: ask for a language that is a path."""
    (tmp_path / "own").mkdir()
    (tmp_path / "secret.toml").write_text('[password_reset]\nsubject = "leaked"\n')
    assert "Reset your password" in render(mail(language=language), tmp_path / "own").subject


def test_values_and_names_never_become_markup_or_links() -> None:
    """Attack: a name full of HTML and an address of the attacker's, in somebody else's mail (ML-2)."""
    evil = '<a href="https://evil.example">click</a><img src=x onerror=alert(1)>'
    rendered = render(mail(link=f'{LINK}"><script>alert(1)</script>'), app_name=evil)
    page = Page(rendered.html)
    assert ["https://evil.example"] != page.links[:1]
    assert all(link.startswith(LINK) for link in page.links)
    assert "<script" not in (rendered.html or "")
    assert evil in page.text


def test_a_subject_is_one_line() -> None:
    """Attack: a line end in the application's name or a phrase would start another header (ML-1)."""
    assert "Bcc" in render(mail(), app_name="Test\r\nBcc: eve@example.com").subject
    assert "\n" not in render(mail(), app_name="Test\r\nBcc: eve@example.com").subject


def test_one_phrase_is_replaced_and_all_else_stays(tmp_path: Path) -> None:
    """A file of the application's own holds only what differs."""
    (tmp_path / "en.toml").write_text('[password_reset]\nsubject = "New password, {{ link }}"\n')
    rendered = render(mail(), tmp_path)
    assert f"New password, {LINK}" == rendered.subject
    assert "Reset your password" in rendered.text
    assert "zurücksetzen" in render(mail(language="de"), tmp_path).text


def test_a_language_and_a_kind_of_the_applications_own(tmp_path: Path) -> None:
    """New languages and new kinds of mail are files, no code."""
    phrases = '[password_reset]\nsubject = "s"\nheading = "Nieuw wachtwoord"\nbody = "b"\nbutton = "k"\n'
    (tmp_path / "nl.toml").write_text(phrases + 'fallback = "f"\nignore = "i"\n')
    (tmp_path / "en.toml").write_text('[welcome]\nsubject = "Welcome, {{ name }}"\n')
    (tmp_path / "welcome.txt").write_text("Hello {{ name }}")
    (tmp_path / "welcome.html").write_text("<p>Hello {{ name }}</p>")
    assert "Nieuw wachtwoord" in render(mail(language="nl"), tmp_path).text
    welcome = render(mail("welcome", name="A & B"), tmp_path)
    assert ("Welcome, A & B", "Hello A & B", "<p>Hello A &amp; B</p>") == (welcome.subject, welcome.text, welcome.html)


@pytest.mark.parametrize("name", ["password_reset.html", "password_reset.de.html", "mail.html"])
def test_a_layout_is_replaced_by_kind_by_language_or_for_all(tmp_path: Path, name: str) -> None:
    """The most particular file wins; the text stays as shipped."""
    (tmp_path / name).write_text("<p>{{ say.heading }} {{ app_name }}</p>")
    rendered = render(mail(language="de"), tmp_path)
    assert "<p>Passwort zurücksetzen Test &amp; Co</p>" == rendered.html
    assert LINK in rendered.text


def test_a_template_that_asks_for_a_missing_value_says_so(tmp_path: Path) -> None:
    """No mail goes out with a hole in it."""
    (tmp_path / "password_reset.txt").write_text("{{ nickname }}")
    with pytest.raises(jinja2.UndefinedError, match="nickname"):
        render(mail(), tmp_path)


def test_a_kind_without_phrases_is_told(tmp_path: Path) -> None:
    """The message names the file and the table to write."""
    with pytest.raises(LookupError, match=r"add \[welcome\] to en.toml"):
        render(mail("welcome"), tmp_path)


def test_settings_that_cannot_work_are_refused_at_once(tmp_path: Path) -> None:
    """A folder that is none, a default language without phrases, one delivery for two applications."""
    with pytest.raises(ConfigurationError, match=r"^email_delivery.templates: "):
        EmailDelivery(Letterbox(), templates=tmp_path / "missing")
    with pytest.raises(ConfigurationError, match=r"^email_delivery.default_language: "):
        EmailDelivery(Letterbox(), default_language="xx")
    delivery = EmailDelivery(Letterbox())
    with pytest.raises(ConfigurationError, match="not part of a Watchword yet"):
        delivery.render(mail())
    delivery.bind("Test")
    with pytest.raises(ConfigurationError, match="one EmailDelivery object serves one Watchword"):
        delivery.bind("Other")


async def test_the_sending_is_overridden_with_super(post: Post) -> None:
    """A subclass decides for each mail: change it, send it elsewhere, or let it be (V039)."""
    seen: list[str] = []

    class Own(EmailDelivery):
        """Notes, and adds a line."""

        async def send_email(self, mail: Mail) -> None:
            seen.append(f"{mail.kind} for {mail.user_id}")
            await super().send_email(mail)

        def render(self, mail: Mail) -> RenderedMail:
            rendered = super().render(mail)
            return RenderedMail(to=rendered.to, subject="Own subject", text=rendered.text, mail_id=rendered.mail_id)

    box = Letterbox()
    node = post.node(Own(box))
    await post.enqueue(node, reset_mail())
    assert 1 == await node.send_due()
    assert ["password_reset for ada"] == seen
    assert ["Own subject"] == [rendered.subject for rendered in box.mails]


async def test_without_a_service_development_reads_mail_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing needs to be set up to try out a reset: address, subject and link are in the log."""
    console = ConsoleService()
    delivery = EmailDelivery(console)
    delivery.bind("Test")
    await delivery.send_email(mail())
    assert "ada@example.com" in caplog.text
    assert LINK in caplog.text
    assert ["Reset your password for Test"] == [rendered.subject for rendered in console.sent]


def test_no_object_shows_its_secrets() -> None:
    """Attack: read links and addresses in an error report that prints objects."""
    for shown in (repr(mail()), repr(render(mail()))):
        assert LINK not in shown
        assert "ada@example.com" not in shown


def test_a_mail_is_to_one_address() -> None:
    """The last check before the outbox (TK-5)."""
    with pytest.raises(BadInput):
        Mail(kind="password_reset", to="a@example.com,b@example.com", user_id="a", tenant_id="public", values={})
