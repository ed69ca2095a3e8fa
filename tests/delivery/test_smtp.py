"""SMTP against a real server: encrypted, checked, bounded, and honest about what went wrong."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.delivery.post import LINK, TOKEN, Post, reset_mail
from tests.http.outside import Authority
from tests.services.mail import MailServer, mail_server
from tests.services.programs import free_port
from watchword.delivery.mail import RenderedMail
from watchword.delivery.outbox import Patience
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.delivery.smtp import SmtpService, server_address
from watchword.errors import ConfigurationError

SENDER = "Test & Co <no-reply@example.com>"
MAIL = RenderedMail(to="ada@example.com", subject="Hallo Ada – schön", text="Text: ✓\n", html="<p>HTML: ✓</p>")


def plain(server: MailServer, **more: float) -> SmtpService:
    """A service for a server of this machine, without TLS."""
    return SmtpService(host="localhost", port=server.port, sender=SENDER, tls="none", timeout_seconds=10, **more)  # type: ignore[arg-type]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs the servers' certificates."""
    return Authority(tmp_path)


async def test_a_mail_arrives_whole() -> None:
    """Sender, recipient, subject, text and HTML are those of the message; marked as no person's mail."""
    async with mail_server() as server:
        await plain(server).send(MAIL)
    (envelope,), (mail,) = server.envelopes, server.mails
    assert ("no-reply@example.com", ["ada@example.com"]) == (envelope.mail_from, envelope.rcpt_tos)
    assert "Test & Co <no-reply@example.com>" == mail["From"]
    assert ("ada@example.com", "Hallo Ada – schön", "auto-generated") == (
        mail["To"],
        mail["Subject"],
        mail["Auto-Submitted"],
    )
    assert f"<{MAIL.mail_id}@example.com>" == mail["Message-ID"]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Text: ✓\n" == text.get_content().replace("\r\n", "\n")
    assert "<p>HTML: ✓</p>" == html.get_content().strip()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_tls_with_a_checked_certificate(authority: Authority, tls: str) -> None:
    """Both ways to encrypt work, and the password travels only inside."""
    context = authority.server_context("localhost")
    trusting = ssl.create_default_context(cafile=authority.ca_file)
    async with mail_server(context, from_first_byte=tls == "tls", with_login=True) as server:
        service = SmtpService(
            host="localhost",
            port=server.port,
            sender=SENDER,
            username="watchword",
            password="right",
            tls=tls,  # type: ignore[arg-type]  # one of the two
            tls_context=trusting,
        )
        await service.send(MAIL)
    assert [("watchword", "right")] == server.logins
    assert [True] == server.over_tls
    assert "right" not in repr(service)


@pytest.mark.parametrize("name", ["localhost", "mail.example.com"])
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_does_not_hold_sends_nothing(authority: Authority, name: str, tls: str) -> None:
    """Attack: sit between us and the mail server, with a certificate of our own or of another name."""
    context = authority.server_context(name)
    trusting = ssl.create_default_context(cafile=authority.ca_file) if name != "localhost" else None
    async with mail_server(context, from_first_byte=tls == "tls") as server:
        service = SmtpService(
            host="localhost",
            port=server.port,
            sender=SENDER,
            tls=tls,  # type: ignore[arg-type]  # one of the two
            tls_context=trusting,
        )
        with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
            await service.send(MAIL)
    assert [] == server.envelopes


async def test_a_server_without_starttls_gets_nothing() -> None:
    """Attack: take STARTTLS out of the server's answer, so that mail and password go in the clear."""
    async with mail_server(with_login=True) as server:
        service = SmtpService(host="localhost", port=server.port, sender=SENDER, username="watchword", password="right")
        with pytest.raises(DeliveryFailed):
            await service.send(MAIL)
    assert ([], []) == (server.logins, server.envelopes)


async def test_a_wrong_password_is_worth_another_try() -> None:
    """It is the configuration's fault, and no mail is given up for it."""
    async with mail_server(with_login=True) as server:
        service = SmtpService(
            host="localhost", port=server.port, sender=SENDER, username="watchword", password="wrong", tls="none"
        )
        with pytest.raises(DeliveryFailed, match="535 before any mail") as failure:
            await service.send(MAIL)
    assert "wrong" not in str(failure.value)


async def test_a_server_that_is_down() -> None:
    """Nobody listens: another try, and the message says where."""
    port = free_port()
    service = SmtpService(host="localhost", port=port, sender=SENDER, tls="none")
    with pytest.raises(DeliveryFailed, match=f"no connection to localhost:{port}"):
        await service.send(MAIL)


async def test_a_server_that_never_answers_is_left() -> None:
    """Every step has its limit."""
    async with mail_server() as server:
        server.hold = asyncio.Event()
        service = SmtpService(host="localhost", port=server.port, sender=SENDER, tls="none", timeout_seconds=0.05)
        with pytest.raises(DeliveryFailed):
            await service.send(MAIL)
        server.hold.set()
    assert [] == server.envelopes


@pytest.mark.parametrize(("answer", "error"), [("550 no such user", DeliveryRefused), ("450 later", DeliveryFailed)])
async def test_a_refused_recipient(answer: str, error: type[Exception]) -> None:
    """5xx is for good, 4xx for now; the server's words, which quote the address, are kept out."""
    async with mail_server() as server:
        server.refuse["ada@example.com"] = f"{answer}: ada@example.com"
        with pytest.raises(error, match=f"{answer[:3]} at the recipient") as failure:
            await plain(server).send(MAIL)
    assert "ada@" not in str(failure.value)


@pytest.mark.parametrize(("answer", "error"), [("554 spam", DeliveryRefused), ("451 later", DeliveryFailed)])
async def test_a_refused_message(answer: str, error: type[Exception]) -> None:
    """The same after the content."""
    async with mail_server() as server:
        server.at_data = [answer]
        with pytest.raises(error, match=f"{answer[:3]} at the message"):
            await plain(server).send(MAIL)


async def test_an_internationalised_domain_is_written_in_ascii() -> None:
    """Any mail server can deliver to it; an address whose first part is beyond ASCII needs one that says so."""
    async with mail_server() as server:
        await plain(server).send(RenderedMail(to="ada@bücher.example", subject="s", text="t"))
        with pytest.raises(DeliveryRefused, match="beyond ASCII"):
            await plain(server).send(RenderedMail(to="jürgen@example.com", subject="s", text="t"))
    assert ["ada@xn--bcher-kva.example"] == server.envelopes[0].rcpt_tos


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "ada@example.com;eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com eve@example.com",
        "ada@example.com(comment)",
        '"ada eve"@example.com',
        "=?utf-8?q?ada?=@example.com",
        "ada@eve@example.com",
        "ada\uff0ceve@example.com",
        "ada@example.com\u2028eve",
        "ada@example.com\x00",
        "ada",
        "@example.com",
        "",
    ],
)
def test_more_than_one_plain_address_is_refused(address: str) -> None:
    """Attack: an address that a mail system reads as two, or as another header (TK-5, ML-1)."""
    with pytest.raises(DeliveryRefused):
        server_address(address)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
async def test_no_subject_becomes_another_header(ending: str) -> None:
    """Attack: a subject with a line end and a Bcc behind it."""
    async with mail_server() as server:
        with pytest.raises(DeliveryRefused, match="header"):
            await plain(server).send(
                RenderedMail(to="ada@example.com", subject=f"Hi{ending}Bcc: eve@example.com", text="t")
            )
    assert [] == server.envelopes


def test_settings_that_cannot_work_are_refused_at_once() -> None:
    """A password in the clear, a sender that is none, a word that is no way to encrypt."""
    with pytest.raises(ConfigurationError, match="in the clear"):
        SmtpService(host="mail.example.com", sender=SENDER, username="a", password="b", tls="none")
    with pytest.raises(ConfigurationError, match=r"^sender: "):
        SmtpService(host="mail.example.com", sender="Example\r\nBcc: eve@example.com <no-reply@example.com>")
    with pytest.raises(ConfigurationError, match=r"^sender: "):
        SmtpService(host="mail.example.com", sender="no-reply")
    with pytest.raises(ConfigurationError, match=r"^sender: "):
        SmtpService(host="mail.example.com", sender="a@example.com, b@example.com")
    with pytest.raises(ConfigurationError, match=r"^tls: "):
        SmtpService(host="mail.example.com", sender=SENDER, tls="ssl")  # type: ignore[arg-type]  # a mistake


# With the outbox (fault F-13)


async def test_mail_survives_a_server_that_is_down(post: Post) -> None:
    """Down at the first try, up at the second: one mail arrives."""
    async with mail_server() as server:
        node = post.node(SmtpService(host="localhost", port=free_port(), sender=SENDER, tls="none"))
        await post.enqueue(node, reset_mail())
        assert 0 == await node.send_due()

        post.clock.advance(60_000)
        assert 1 == await post.node(plain(server)).send_due()
    body = server.mails[0].get_body(("plain",))
    assert body is not None
    assert LINK in body.get_content()


async def test_one_refused_address_holds_up_nobody(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """The others' mail arrives, the refused one is given up with the server's code, without any of its values."""
    async with mail_server() as server:
        server.refuse["bob@example.com"] = "550 5.1.1 bob@example.com unknown"
        node = post.node(plain(server))
        await post.enqueue(node, reset_mail("bob@example.com", "bob"), reset_mail(), reset_mail("eve@example.com"))
        assert 2 == await node.send_due()
    assert {"ada@example.com", "eve@example.com"} == {envelope.rcpt_tos[0] for envelope in server.envelopes}
    assert ["550 at the recipient"] == [dead.reason for dead in await node.list_dead()]
    assert TOKEN not in caplog.text
    assert "bob@" not in caplog.text


async def test_a_connection_dropped_after_the_content_means_at_least_once(post: Post) -> None:
    """Nobody knows whether it was accepted, so it is sent again, with the same `Message-ID`; never lost silently."""
    async with mail_server() as server:
        server.at_data = [None]
        node = post.node(plain(server))
        await post.enqueue(node, reset_mail())
        assert 0 == await node.send_due()
        post.clock.advance(60_000)
        assert 1 == await node.send_due()
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert 0 == (await node.get_progress()).waiting


async def test_a_slow_server_holds_no_request_and_no_transaction(post: Post) -> None:
    """While the server sleeps, the next mail is written and committed at once (ML-3)."""
    async with mail_server() as server:
        server.hold = asyncio.Event()
        node = post.node(plain(server), Patience(stop_seconds=5))
        await post.enqueue(node, reset_mail())
        await node.start()
        await post.enqueue(node, reset_mail("eve@example.com"))
        assert 2 == (await node.get_progress()).waiting
        server.hold.set()
        await node.stop()
        await node.send_due()
