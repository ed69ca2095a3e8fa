"""Text messages: through the outbox that mail goes through, to a real HTTP server that behaves as Twilio's API does."""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.delivery.post import Letterbox, Post, reset_mail
from tests.recipes.thirdparty.double import quickly_serving
from tests.services.programs import free_port
from tests.site import SECRET
from watchword import AppInfo, HttpSmsService, RenderedSms, Sms, SmsDelivery, SmsService, TwilioService, Watchword
from watchword.database.statements import Statement
from watchword.delivery.outbox import Outbox
from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.delivery.sms import count_segments
from watchword.delivery.sms_delivery import ConsoleSmsService
from watchword.errors import BadInput, ConfigurationError
from watchword.http.client import OutgoingClient

ACCOUNT, KEY, SERVICE = "AC" + "0" * 32, "SK" + "1" * 32, "MG" + "2" * 32
TOKEN = "the token of the account"
ADA, NOBODY = "+4915112345678", "+4915199999999"
CODE = "481516"
EVERYTHING = Statement("select * from {mail_outbox} where app_id = :app_id")


def code_sms(to: str = ADA, language: str = "en") -> Sms:
    """A message as a recipe will write it."""
    values = {"code": CODE, "minutes": "10"}
    return Sms(kind="sign_in_code", to=to, user_id="ada", tenant_id="public", values=values, language=language)


@dataclass
class TwilioDouble:
    """What Twilio's API answers; `answer` makes it answer otherwise."""

    url: str
    sent: list[dict[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, str]], Response] | None = None

    async def messages(self, request: Request) -> Response:
        """`POST /2010-04-01/Accounts/{AccountSid}/Messages.json`."""
        login = request.headers.get("authorization", "")
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        self.requests.append((request.url.path, login, request.headers.get("content-type", "")))
        if self.answer is not None:
            return self.answer(form)
        if login not in (basic(ACCOUNT, TOKEN), basic(KEY, "the secret of the key")):
            return error(401, 20003, "Authenticate")
        if form["To"] == NOBODY:
            return error(400, 21211, f"The 'To' number {NOBODY} is not a valid phone number.")
        if form.get("From") == "+15005550001":
            return error(400, 21212, "The 'From' number +15005550001 is not a valid phone number.")
        self.sent.append(form)
        return JSONResponse({"sid": "SM" + "3" * 32, "status": "queued", "error_code": None}, 201)


def basic(name: str, password: str) -> str:
    """The header, made apart from the code under test."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def error(status: int, code: int, message: str, **headers: str) -> Response:
    """An error as Twilio's API words it."""
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return JSONResponse({**body, "status": status}, status, headers=headers)


@asynccontextmanager
async def serving_one(path: str, answer: Any) -> AsyncIterator[str]:
    """A server with one address."""
    port = free_port()
    async with quickly_serving(Starlette(routes=[Route(path, answer, methods=["POST"])]), port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioDouble]:
    """A double of Twilio's API, on a real socket."""
    double = TwilioDouble("")
    async with serving_one("/2010-04-01/Accounts/{sid}/Messages.json", double.messages) as url:
        double.url = url
        yield double


@pytest.fixture
async def outgoing() -> AsyncIterator[OutgoingClient]:
    """The outgoing client, as in development."""
    client = OutgoingClient(allow_loopback=True, total_timeout_seconds=5)
    yield client
    await client.stop()


def service_of(twilio: TwilioDouble, **settings: Any) -> TwilioService:
    """Twilio as an application sets it; `...` leaves a setting out."""
    chosen = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006", "base_url": twilio.url, **settings}
    return TwilioService(**{name: value for name, value in chosen.items() if value is not ...})


def node(post: Post, outgoing: OutgoingClient, service: SmsService, mail: Letterbox | None = None) -> Outbox:
    """A process that sends text messages, and mail if there is a letterbox."""
    delivery = SmsDelivery(service)
    delivery.bind("Test & Co", outgoing)
    return post.node(mail, sms_delivery=delivery)


async def dump(post: Post) -> str:
    """All that the table holds, bytes as they are."""
    rows = await post.db.list(EVERYTHING, app_id="public")
    return "\n".join(repr(tuple(row)) for row in rows)  # type: ignore[arg-type]  # rows of both drivers iterate


async def test_a_message_reaches_twilio_once(post: Post, outgoing: OutgoingClient, twilio: TwilioDouble) -> None:
    """If and only if its transaction commits; sealed while it waits, gone when it is sent; mail goes its own way."""
    box = Letterbox()
    sender = node(post, outgoing, service_of(twilio), box)

    async def body(tx: Any) -> None:
        await sender.enqueue(tx, code_sms())
        raise RuntimeError("the sign-in failed after all")

    with pytest.raises(RuntimeError):
        await post.db.write(body)
    await post.enqueue(sender, code_sms(), reset_mail())
    waiting = await dump(post)
    assert "sign_in_code" in waiting
    assert ADA not in waiting
    assert CODE not in waiting

    assert [2, 0] == [await sender.send_due(), await sender.send_due()]
    text = f"{CODE} is your code for Test & Co. It is valid for 10 minutes. Tell it to nobody."
    assert [{"To": ADA, "From": "+15005550006", "Body": text}] == twilio.sent
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert [(path, basic(ACCOUNT, TOKEN), "application/x-www-form-urlencoded")] == twilio.requests
    assert (["ada@example.com"], "") == ([mail.to for mail in box.mails], await dump(post))


async def test_an_api_key_and_a_messaging_service(post: Post, outgoing: OutgoingClient, twilio: TwilioDouble) -> None:
    """The other way to sign in, and the other kind of sender."""
    settings = {"api_key_sid": KEY, "api_key_secret": "the secret of the key", "messaging_service_sid": SERVICE}
    sender = node(post, outgoing, service_of(twilio, auth_token=..., sender=..., **settings))
    await post.enqueue(sender, code_sms())
    assert 1 == await sender.send_due()
    assert [(SERVICE, None)] == [(form["MessagingServiceSid"], form.get("From")) for form in twilio.sent]


async def test_a_process_sends_what_it_can(post: Post, outgoing: OutgoingClient, twilio: TwilioDouble) -> None:
    """One that has no service for text messages leaves them to one that has, and is held up by none."""
    box = Letterbox()
    mail_only, both = post.node(box), node(post, outgoing, service_of(twilio), box)
    await post.enqueue(mail_only, code_sms(), code_sms(), reset_mail())
    assert 1 == await mail_only.send_due()
    assert 2 == await both.send_due()
    sms_only = node(post, outgoing, service_of(twilio))
    await post.enqueue(sms_only, reset_mail(), code_sms())
    assert (1, 1) == (await sms_only.send_due(), await both.send_due())
    with pytest.raises(ConfigurationError, match="TwilioService"):
        mail_only.check_sms_configured("Passwordless")
    assert not sms_only.is_configured
    both.check_sms_configured("Passwordless")


async def test_a_number_that_is_refused_is_given_up(
    post: Post, outgoing: OutgoingClient, twilio: TwilioDouble, caplog: pytest.LogCaptureFixture
) -> None:
    """With Twilio's code for it, and neither the number nor the text, and it holds up nobody."""
    sender = node(post, outgoing, service_of(twilio))
    await post.enqueue(sender, code_sms(NOBODY), code_sms())
    assert 1 == await sender.send_due()
    (dead,) = await sender.list_dead()
    assert ("sign_in_code", "Twilio answered 400, error 21211") == (dead.kind, dead.reason)
    for text in (caplog.text, await dump(post)):
        assert NOBODY not in text
        assert CODE not in text
    assert "sign_in_code sms" in caplog.text


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"auth_token": "another"}, "Twilio answered 401, error 20003"),
        ({"sender": "+15005550001"}, "Twilio answered 400, error 21212"),
    ],
)
async def test_our_own_mistake_loses_no_message(
    post: Post,
    outgoing: OutgoingClient,
    twilio: TwilioDouble,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    reason: str,
) -> None:
    """Wrong credentials, or a sender that is not ours: it waits until that is set right."""
    wrong = node(post, outgoing, service_of(twilio, **settings))
    await post.enqueue(wrong, code_sms())
    assert 0 == await wrong.send_due()
    assert reason in caplog.text
    assert settings.get("auth_token", "+15005550001") not in caplog.text
    post.clock.advance(5_000)
    assert 1 == await node(post, outgoing, service_of(twilio)).send_due()


@pytest.mark.parametrize(
    ("answer", "pause_ms"),
    [
        (lambda _: error(429, 20429, "Too Many Requests", **{"retry-after": "42"}), 42_000),
        (lambda _: error(503, 20500, "Down", **{"retry-after": "1"}), 5_000),
        (lambda _: error(503, 20500, "Down", **{"retry-after": "999999"}), 3_600_000),
        (lambda _: error(503, 20500, "Down", **{"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}), 5_000),
        (lambda _: PlainTextResponse("<html>bad gateway</html>", 502), 5_000),
        (lambda _: Response(status_code=302, headers={"location": "https://evil.example"}), 5_000),
    ],
)
async def test_what_may_pass_is_tried_again_when_asked(
    post: Post,
    outgoing: OutgoingClient,
    twilio: TwilioDouble,
    answer: Callable[[dict[str, str]], Response],
    pause_ms: int,
) -> None:
    """After our pause or the one that the service asks for, an hour at most, whichever is longer."""
    sender = node(post, outgoing, service_of(twilio))
    await post.enqueue(sender, code_sms())
    twilio.answer = answer
    assert 0 == await sender.send_due()
    twilio.answer = None
    post.clock.advance(pause_ms - 1)
    assert 0 == await sender.send_due()
    post.clock.advance(1)
    assert 1 == await sender.send_due()
    assert 2 == len(twilio.requests)


async def test_a_service_that_never_answers_is_left() -> None:
    """Slow, or unreachable: a failure like any other, with words of ours for the log."""
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client has gone
        writer.close()
        await writer.wait_closed()
        left.set()

    outgoing = OutgoingClient(allow_loopback=True, total_timeout_seconds=0.2)
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    service = HttpSmsService(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/sms")
    try:
        async with server:
            with pytest.raises(DeliveryFailed, match="no complete answer in time"):
                await service.send(RenderedSms(to=ADA, text="x"), outgoing)
            await left.wait()
        with pytest.raises(DeliveryFailed, match="cannot be reached"):
            await service.send(RenderedSms(to=ADA, text="x"), outgoing)
    finally:
        await outgoing.stop()


@pytest.mark.parametrize("encoding", ["json", "form"])
async def test_any_service_that_takes_a_post(outgoing: OutgoingClient, encoding: Any) -> None:
    """Fields, headers and form of one's own; it may answer with anything, and a text cannot become a field."""
    seen: list[tuple[dict[str, Any], str | None, str | None]] = []

    async def take(request: Request) -> Response:
        content = (await request.body()).decode()
        told = json.loads(content) if encoding == "json" else dict(parse_qsl(content, strict_parsing=True))
        seen.append((told, request.headers.get("x-key"), request.headers.get("idempotency-key")))
        return PlainTextResponse("queued, thank you", 202)

    body = {"number": "{to}", "message": "{text}", "from": "Example"}
    async with serving_one("/sms", take) as url:
        service = HttpSmsService(url + "/sms?a=b", headers={"X-Key": "k"}, body=body, encoding=encoding)
        text = "{to} & number=1 {id} é"
        await service.send(RenderedSms(to=ADA, text=text, sms_id="the-id"), outgoing)
    assert [({"number": ADA, "message": text, "from": "Example"}, "k", "the-id")] == seen
    assert "a=b" not in repr(service)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, DeliveryRefused),
        (422, DeliveryRefused),
        (402, DeliveryFailed),
        (404, DeliveryFailed),
        (500, DeliveryFailed),
    ],
)
async def test_what_a_status_says(outgoing: OutgoingClient, status: int, outcome: type[Exception]) -> None:
    """About the message, for good; about us or the service, for now. An application may know better."""

    async def answer(_: Request) -> Response:
        return PlainTextResponse("no", status)

    async with serving_one("/sms", answer) as url:
        with pytest.raises(outcome, match=str(status)):
            await HttpSmsService(url + "/sms").send(RenderedSms(to=ADA, text="x"), outgoing)
        with pytest.raises(DeliveryRefused):
            await HttpSmsService(url + "/sms", refused=[402, 404, 500]).send(RenderedSms(to=ADA, text="x"), outgoing)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"account_sid": "AC12"}, "twilio.account_sid"),
        ({"account_sid": None}, "twilio.account_sid"),
        ({"auth_token": None}, "twilio.auth_token"),
        ({"auth_token": ""}, "twilio.auth_token"),
        ({"api_key_sid": KEY}, "twilio.auth_token"),
        ({"auth_token": None, "api_key_sid": KEY}, "twilio.api_key_secret"),
        ({"sender": None}, "twilio.sender"),
        ({"messaging_service_sid": SERVICE}, "twilio.sender"),
        ({"sender": None, "messaging_service_sid": "x"}, "twilio.messaging_service_sid"),
        ({"base_url": "http://api.twilio.com"}, "twilio.base_url"),
        ({"base_url": "https://user@api.twilio.com"}, "twilio.base_url"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], named: str) -> None:
    """The setting is named where it stands, and no secret with it."""
    with pytest.raises(ConfigurationError) as refused:
        TwilioService(**{"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006", **settings})
    assert named == refused.value.setting
    assert TOKEN not in str(refused.value)


def test_other_settings_that_cannot_work(tmp_path: Path) -> None:
    """The same for any service, and for the delivery."""
    for make, named in (
        (lambda: HttpSmsService("http://sms.example.com"), "sms_service.url"),
        (lambda: HttpSmsService("https://sms.example.com", body={"to": "{to}"}), "sms_service.body"),
        (lambda: SmsDelivery(ConsoleSmsService(), templates=tmp_path / "none"), "sms_delivery.templates"),
        (lambda: SmsDelivery(ConsoleSmsService(), default_language="xx"), "sms_delivery.default_language"),
        (lambda: SmsDelivery(ConsoleSmsService()).render(code_sms()), "sms_delivery"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            make()
        assert named == refused.value.setting
    for number in ("", "0151123", "+0151123456", "+49 151", "+4915112345678\n", "tel:+491511234567", "+49" + "1" * 14):
        with pytest.raises(BadInput):
            code_sms(number)
    assert TOKEN not in repr(TwilioService(account_sid=ACCOUNT, auth_token=TOKEN, sender="Example"))
    assert CODE not in repr(code_sms())


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt"])
def test_a_message_in_each_language_costs_one(outgoing: OutgoingClient, language: str) -> None:
    """All letters are in the phones' own alphabet, so that it is not sent, and charged, as two."""
    delivery = SmsDelivery(ConsoleSmsService())
    delivery.bind("Example Shop", outgoing)
    for kind in ("sign_in_code", "sign_in_link", "sign_in_code_and_link"):
        values = {"code": "481516", "minutes": "15", "link": "https://example.com/l/0123456789abcdef0123"}
        sms = Sms(kind=kind, to=ADA, user_id="a", tenant_id="public", values=values, language=language)
        rendered = delivery.render(sms)
        assert 1 == rendered.segments, rendered.text
        assert "Example Shop" in rendered.text


def test_each_phrase_is_replaced_singly(tmp_path: Path, outgoing: OutgoingClient) -> None:
    """One file of one's own; the others stay, a region takes its parent's, an unknown language the default."""
    (tmp_path / "de.toml").write_text('[sign_in_code]\ntext = "Code: {{ code }}"\n')
    delivery = SmsDelivery(ConsoleSmsService(), templates=tmp_path)
    delivery.bind("Shop", outgoing)
    texts = [delivery.render(code_sms(language=tag)).text for tag in ("de-AT", "en", "xx")]
    assert [f"Code: {CODE}", f"{CODE} is your code for Shop. It is valid for 10 minutes. Tell it to nobody."] == texts[
        :2
    ]
    assert texts[1] == texts[2]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ó" * 70, 1),
        ("ó" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ó" * 135, 3),
    ],
)
def test_how_many_messages_a_text_is(text: str, segments: int) -> None:
    """160 letters of the phones' alphabet, 70 with any other; fewer in each of several."""
    assert segments == count_segments(text)


@given(st.text(max_size=400))
def test_a_longer_text_is_never_less(text: str) -> None:
    """Nothing that is added makes it cheaper."""
    assert 1 <= count_segments(text) <= count_segments(text + "a") <= count_segments(text + "a漢")


async def test_an_override_decides_for_each_message(post: Post, outgoing: OutgoingClient) -> None:
    """`send_sms` may do otherwise, and the worker calls it."""
    console = ConsoleSmsService()

    class Chosen(SmsDelivery):
        """No message leaves the country."""

        async def send_sms(self, sms: Sms) -> None:
            """Those abroad are refused."""
            if not sms.to.startswith("+49"):
                raise DeliveryRefused("abroad")
            await super().send_sms(sms)

    delivery = Chosen(console)
    delivery.bind("Test", outgoing)
    sender = post.node(None, sms_delivery=delivery)
    await post.enqueue(sender, code_sms("+12025550123"), code_sms())
    assert 1 == await sender.send_due()
    assert [ADA] == [message.to for message in console.sent]
    assert ["abroad"] == [dead.reason for dead in await sender.list_dead()]


async def test_on_a_developers_machine_it_goes_to_the_log(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """With its code, and what it would cost; elsewhere nothing is set unless it is set."""
    caplog.set_level(logging.WARNING)

    def watchword(domain: str, **more: Any) -> Watchword:
        app_info = AppInfo(app_name="Shop", api_domain=domain, website_domain=domain)
        return Watchword(app_info=app_info, database=sqlite_url, secret=SECRET, recipe_list=[], **more)

    local = watchword("http://localhost:1").sms_delivery
    assert local is not None
    await local.send_sms(code_sms())
    assert f"text message to {ADA} (not sent: development; 1 to pay for)" in caplog.text
    assert CODE in caplog.text
    assert watchword("https://api.example.com").sms_delivery is None
    delivery = SmsDelivery(ConsoleSmsService())
    watchword("https://api.example.com", sms_delivery=delivery).outbox.check_sms_configured("Passwordless")
    with pytest.raises(ConfigurationError, match="make another"):
        watchword("https://api.example.com", sms_delivery=delivery)
