"""The id of a request: one that came along if it is a short word, on every answer of ours and in every line."""

import asyncio
import logging

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.site import SECRET, example_app, running_site
from watchword import AppInfo, Watchword
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import RenderedMail
from watchword.recipes import EmailPassword, EmailVerification
from watchword.telemetry.request_ids import current_request, find_request_id, get_correlation_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def id_of(*headers: tuple[bytes, bytes]) -> str:
    """The id that a request with these headers goes by."""
    token = current_request.set({"type": "http", "headers": list(headers)})
    try:
        found = find_request_id()
        assert found is not None
        assert found == find_request_id()
        assert found == get_correlation_id()
        return found
    finally:
        current_request.reset(token)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"x-request-id", b"req-12345")], "req-12345"),
        ([(b"X-Request-ID", b"3f2c8a10-6a7e-4f3e-9b51-1d9f0b6f2a11")], "3f2c8a10-6a7e-4f3e-9b51-1d9f0b6f2a11"),
        ([(b"traceparent", PARENT.encode())], TRACE),
        ([(b"traceparent", PARENT.encode()), (b"x-request-id", b"req-12345")], "req-12345"),
        ([(b"traceparent", PARENT.encode()), (b"x-request-id", b"no word!")], TRACE),
    ],
)
def test_a_request_keeps_the_id_it_came_with(headers: list[tuple[bytes, bytes]], expected: str) -> None:
    """`X-Request-ID` counts first, then the trace id of `traceparent`."""
    assert expected == id_of(*headers)


@pytest.mark.parametrize(
    "header",
    [
        (b"x-request-id", b"short"),
        (b"x-request-id", b"a" * 129),
        (b"x-request-id", b"forged-1\nERROR watchword: all keys leaked"),
        (b"x-request-id", b"forged-1\x1b[2K"),
        (b"x-request-id", "größer-12".encode()),
        (b"traceparent", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"),
        (b"traceparent", b"00-XYZ-00f067aa0ba902b7-01"),
        (b"traceparent", PARENT.encode() + b"-more"),
    ],
)
def test_what_is_no_id_is_replaced(header: tuple[bytes, bytes]) -> None:
    """Attack: an id of several lines, or of a megabyte, that every line of the log would repeat."""
    made = id_of(header)
    assert 16 == len(made)
    assert made != id_of(header)


@given(st.binary(max_size=200))
def test_an_id_is_a_short_word_whatever_came(value: bytes) -> None:
    """No header makes an id that could end a line, open a tag, or fill a log."""
    found = id_of((b"x-request-id", value), (b"traceparent", value))
    assert 8 <= len(found) <= 128
    assert found.isascii()
    assert not set(found) & set(" \"'<>\\{}\r\n\t\0")


def test_outside_of_a_request_there_is_none() -> None:
    """Work in the background has no request, and an error there an id of its own."""
    assert find_request_id() is None
    assert get_correlation_id() != get_correlation_id()


async def test_every_answer_of_ours_carries_it_and_no_other(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Our routes name the request in a header; the application's own answers are left as they are."""
    async with running_site(sqlite_url) as site:
        browser = site.browser()
        brought = await browser.sign_up()
        named = await browser.call("GET", "/auth/jwt/jwks.json", headers={"X-Request-ID": "req-12345"})
        refused = await site.browser().get("/me", headers={"X-Request-ID": "req-67890"})
        application = await browser.get("/me", headers={"X-Request-ID": "req-12345"})
    assert 16 == len(brought.headers["x-request-id"])
    assert "req-12345" == named.headers["x-request-id"]
    assert (401, "req-67890") == (refused.status_code, refused.headers["x-request-id"])
    assert (200, False) == (application.status_code, "x-request-id" in application.headers)


class Postman:
    """Remembers to which request the sending of each mail belonged."""

    def __init__(self) -> None:
        self.requests: list[str | None] = []
        self.sent = asyncio.Event()

    async def send(self, message: RenderedMail) -> None:
        self.requests.append(find_request_id())
        self.sent.set()


async def test_work_in_the_background_belongs_to_no_request(sqlite_url: str) -> None:
    """A server without a lifespan starts us in its first request, whose id must not stick to all that follows."""
    postman = Postman()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost", website_domain="http://localhost"),
        database=sqlite_url,
        secret=SECRET,
        recipe_list=[EmailPassword(), EmailVerification(mode="OPTIONAL")],
        email_delivery=EmailDelivery(postman),
    )
    transport = httpx2.ASGITransport(app=example_app(auth))
    headers = {"x-request-id": "req-12345", "st-auth-mode": "header"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        fields = [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": "correct horse 1"}]
        token = (await client.post("/auth/signup", json={"formFields": fields})).headers["st-access-token"]
        await client.post("/auth/user/email/verify/token", headers={"authorization": f"Bearer {token}"})
        async with asyncio.timeout(20):
            await postman.sent.wait()
    await auth.stop()
    assert [None] == postman.requests


async def test_an_error_and_its_line_in_the_log_have_one_id(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """LG-5: whoever reports an error can name the id, and the log is searched for it."""

    class Broken(EmailPassword):
        async def does_email_exist(self, email: str, **_: object) -> bool:
            raise RuntimeError("the application's own mistake")

    with caplog.at_level(logging.ERROR):
        async with running_site(sqlite_url, recipes=[Broken()]) as site:
            path = "/auth/emailpassword/email/exists?email=ada@example.com"
            answer = await site.browser().get(path, headers={"X-Request-ID": "req-12345"})
    assert {"message": "internal server error", "code": "internal", "correlationId": "req-12345"} == answer.json()
    assert "req-12345" == answer.headers["x-request-id"]
    assert "correlation id req-12345" in caplog.text
