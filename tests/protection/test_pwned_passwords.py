"""The look-up of leaked passwords, against a real server that speaks the protocol of Have I Been Pwned."""

import hashlib
import logging

import pytest

from tests.http.outside import Answer, Outside, hang, response, serve
from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.protection.pwned_passwords import PwnedPasswords

PASSWORD = "correct horse 1"
DIGEST = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()  # noqa: S324 - the service's key
OTHERS = "".join(f"{number:035X}:{number}\r\n" for number in range(1, 40))


def listing(times: int) -> bytes:
    """An answer of the service that has our password among others."""
    return response(f"{OTHERS}{DIGEST[5:]}:{times}\r\n", content_type="text/plain")


async def ask(answer: Answer, timeout_seconds: float = 2) -> tuple[bool, Outside]:
    """What the look-up says, and what the server saw of it."""
    async with serve(answer, None) as outside:
        outgoing = OutgoingClient(allow_loopback=True)
        lookup = PwnedPasswords(f"http://localhost:{outside.port}/range/", timeout_seconds)
        try:
            return await lookup.is_breached(PASSWORD, outgoing), outside
        finally:
            await outgoing.stop()


async def test_a_leaked_password_is_found_and_never_sent() -> None:
    """Attack: read at the service, or on the way to it, which password was asked for: five digits of 40 tell nobody."""
    found, outside = await ask(listing(12))
    assert found
    request = outside.requests[0]
    assert request.startswith(f"GET /range/{DIGEST[:5]} HTTP/1.1\r\n")
    assert "add-padding: true" in request.lower()
    assert DIGEST[5:] not in request
    assert PASSWORD not in request


@pytest.mark.parametrize("answer", [response(OTHERS, content_type="text/plain"), listing(0), response("")])
async def test_others_are_not_found(answer: bytes) -> None:
    """Neither what is not listed nor what is listed as padding."""
    assert not (await ask(answer))[0]


@pytest.mark.parametrize(
    "answer",
    [response("busy", status="503 Unavailable"), response("gone", status="302 Found", headers="Location: /\r\n"), hang],
)
async def test_trouble_there_is_no_trouble_here(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """A service that fails, sends us on or hangs lets the password through, and one line says so without it."""
    found, _ = await ask(answer, timeout_seconds=0.2)
    assert not found
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert 1 == len(lines)
    assert lines[0].startswith("a new password was not looked up among the leaked ones: ")
    assert not [line for line in lines if DIGEST[:5] in line or PASSWORD in line]


@pytest.mark.parametrize("settings", [{"url": "api.example.com"}, {"url": "https://a.example"}, {"timeout_seconds": 0}])
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, object]) -> None:
    """Each names the setting and what to write."""
    with pytest.raises(ConfigurationError, match=rf"^breached\.{next(iter(settings))}"):
        PwnedPasswords(**settings)  # type: ignore[arg-type] - that is the point
