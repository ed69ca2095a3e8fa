"""No text, whatever it is, becomes a header, a second recipient or a second body."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP

from hypothesis import example, given
from hypothesis import strategies as st

from watchword.delivery.mail import RenderedMail
from watchword.delivery.service import DeliveryRefused
from watchword.delivery.smtp import server_address, write_mail

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version"]
SENDER = Address("Test", "no-reply", "example.com")
NOW = datetime(2026, 11, 24, tzinfo=UTC)

NASTY = st.text(st.sampled_from("aA@.,;:<>()[]\"'\\ =?\r\n\t\x00\x0b\x85\u2028\u202e\uff0c\uff20é✓")) | st.text()


@given(local=NASTY, domain=NASTY, subject=NASTY, text=st.text(st.characters(codec="utf-8")))
@example(local="ada", domain="example.com", subject="=?utf-8?q?=0D=0ABcc=3A?= eve@example.com", text="t")
@example(
    local="ada", domain="example.com", subject="a\r\n\r\n<h1>body</h1>", text="\r\n.\r\nMAIL FROM:<eve@example.com>"
)
@example(local="ada", domain="example.com", subject="long " * 100, text="x" * 2000)
@example(local="=?utf-8?q?ada?=", domain="example.com", subject="s", text="t")
def test_a_mail_is_refused_or_has_exactly_our_headers(local: str, domain: str, subject: str, text: str) -> None:
    """Attack: put line ends, encoded words, look-alikes and anything else into address and subject (ML-1, TK-5)."""
    message = RenderedMail(to=f"{local}@{domain}", subject=subject, text=text, html=f"<p>{len(text)}</p>")
    try:
        to = server_address(message.to)
        written = write_mail(message, to, SENDER, NOW).as_bytes(policy=SMTP.clone(utf8=True))
    except DeliveryRefused:
        return
    read = message_from_bytes(written, policy=SMTP)
    assert sorted(HEADERS) == sorted(read.keys())
    assert 1 == len(read["To"].addresses)
    assert [b"no-reply@example.com"] == [address.addr_spec.encode() for address in read["From"].addresses]
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in read.iter_parts()]
