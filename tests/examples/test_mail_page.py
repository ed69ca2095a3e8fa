"""The example's page of sent mail."""

import runpy

import httpx2
import pytest

from tests.examples.demo import ROOT, Demo
from watchword import ConsoleSmsService, OutgoingClient, SmsDelivery
from watchword.delivery.mail import RenderedMail

PAGE = runpy.run_path(str(ROOT / "examples/fastapi_demo/mail_page.py"))


def texts_of(app_name: str) -> SmsDelivery:
    """What writes text messages."""
    delivery = SmsDelivery(ConsoleSmsService())
    delivery.bind(app_name, OutgoingClient())
    return delivery


def test_text_messages_can_be_looked_at() -> None:
    """In each language, with what they cost; no recipe sends one yet."""
    page = PAGE["sent_mail"]([], texts_of("<b>Shop</b>"))
    assert 18 == page.count("(1 to pay for)")
    assert "481516 ist Ihr Code für &lt;b&gt;Shop&lt;/b&gt;." in page


def test_sent_mail_is_shown_with_its_link_and_nothing_of_it_runs() -> None:
    """Attack: a subject and a body with scripts in them, in a page that shows everybody's mail."""
    link = "http://localhost:8000/auth/reset-password?token=a&rid=emailpassword"
    evil = '"><script>alert(1)</script>'
    page = PAGE["sent_mail"](
        [RenderedMail(to="ada@example.com", subject=evil, text=f"Hello\n\n{link}\n", html=f"<p>{evil}</p>")],
        texts_of("Test"),
    )
    assert 'href="http://localhost:8000/auth/reset-password?token=a&amp;rid=emailpassword"' in page
    assert "ada@example.com" in page
    assert "<script" not in page
    assert "<iframe sandbox " in page


@pytest.mark.parametrize("kind", PAGE["KINDS"])
@pytest.mark.parametrize("language", PAGE["LANGUAGES"])
def test_each_kind_of_mail_can_be_looked_at_in_each_language(demo: Demo, kind: str, language: str) -> None:
    """The preview shows what a person would get; the page of sent mail links to it."""
    assert f"/mail/sample/{kind}/{language}" in httpx2.get(f"{demo.origin}/mail").text
    answer = httpx2.get(f"{demo.origin}/mail/sample/{kind}/{language}")
    assert 200 == answer.status_code
    assert f"&lt;html lang=&quot;{language}&quot;&gt;" in answer.text


def test_an_unknown_kind_of_mail_is_not_found(demo: Demo) -> None:
    """A 404, and no error page."""
    assert 404 == httpx2.get(f"{demo.origin}/mail/sample/welcome/en").status_code
