"""What every framework does alike: one site in each, in a process of its own, behind the server its users run."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.frameworks.sites.shared import WEBSITE
from tests.site import Browser, free_port

_UVICORN = ["uvicorn", "--log-level", "warning", "--host", "127.0.0.1", "--port"]
_GUNICORN = ["gunicorn", "--log-level", "warning", "--workers", "2", "--threads", "2", "--no-control-socket", "--bind"]
SITES = {
    "fastapi": [*_UVICORN, "{port}", "tests.frameworks.sites.fastapi_site:app"],
    "starlette": [*_UVICORN, "{port}", "tests.frameworks.sites.starlette_site:app"],
    "litestar": [*_UVICORN, "{port}", "tests.frameworks.sites.litestar_site:app"],
    "django-asgi": [*_UVICORN, "{port}", "tests.frameworks.sites.django_site:asgi"],
    "flask": [*_GUNICORN, "127.0.0.1:{port}", "tests.frameworks.sites.flask_site:app"],
    "flask-gevent": [*_GUNICORN, "127.0.0.1:{port}", "-k", "gevent", "tests.frameworks.sites.flask_site:app"],
    "django-wsgi": [*_GUNICORN, "127.0.0.1:{port}", "tests.frameworks.sites.django_site:wsgi"],
}
SECONDS = 60


@dataclass
class Served:
    """A site that runs."""

    port: int
    database: Path
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module", params=SITES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each site once for the tests of this file that a process runs."""
    port, database = free_port(), tmp_path_factory.mktemp("site") / "site.db"
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{database}", "TEST_API_DOMAIN": f"http://localhost:{port}"}
    command = [word.format(port=port) for word in SITES[request.param]]
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment)
    try:
        _wait_until_it_answers(port, process)
        yield Served(port, database, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the server ended; its words are above"
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
        else:
            return


@pytest.fixture
async def browser(served: Served) -> AsyncIterator[Browser]:
    """A browser that keeps cookies, on a page of the website."""
    async with httpx2.AsyncClient(
        base_url=f"http://localhost:{served.port}", headers={"origin": WEBSITE}, timeout=30, trust_env=False
    ) as client:
        yield Browser(client, "cookies")


def assert_readable(answer: httpx2.Response) -> None:
    """A page of the website may read it: each cross-origin header stands there once."""
    assert [WEBSITE] == answer.headers.get_list("access-control-allow-origin")
    assert ["true"] == answer.headers.get_list("access-control-allow-credentials")


async def test_signing_in_and_what_a_session_holds(browser: Browser) -> None:
    """From sign-up to sign-out: both kinds of data are changed in a view, and the answer carries the new token."""
    assert "OK" == (await browser.sign_up("ada@example.com")).json()["status"]
    me = await browser.get("/me")
    assert {} == me.json()["payload"]
    assert "set-cookie" not in me.headers
    changed = await browser.call("POST", "/change", json={"theme": "dark"})
    assert {"payload": {"theme": "dark"}, "data": {"theme": "dark"}} == changed.json()
    assert "dark" == browser.front_token["up"]["theme"]
    assert {"theme": "dark"} == (await browser.get("/me")).json()["payload"]
    assert 200 == (await browser.refresh()).status_code
    assert me.json()["userId"] == (await browser.get("/me")).json()["userId"]
    out = await browser.call("POST", "/auth/signout")
    assert "OK" == out.json()["status"]
    assert 2 == len([cookie for cookie in out.headers.get_list("set-cookie") if "1970" in cookie])
    assert 401 == (await browser.get("/me")).status_code


async def test_tokens_in_headers(served: Served) -> None:
    """A client without cookies."""
    async with httpx2.AsyncClient(base_url=f"http://localhost:{served.port}", timeout=30, trust_env=False) as client:
        phone = Browser(client, "headers")
        assert "OK" == (await phone.sign_up("grace@example.com")).json()["status"]
        assert 200 == (await phone.get("/me")).status_code
        assert {"n": 1} == (await phone.call("POST", "/change", json={"n": 1})).json()["data"]
        assert 200 == (await phone.refresh()).status_code


async def test_without_a_session(browser: Browser) -> None:
    """The answer of the contract, which the website's page may read; where none is needed the view is told."""
    answer = await browser.get("/me")
    assert (401, {"message": "unauthorised"}) == (answer.status_code, answer.json())
    assert_readable(answer)
    assert {"userId": None} == (await browser.get("/maybe")).json()


async def test_errors_of_ours_from_a_view(browser: Browser) -> None:
    """What `create_session` refuses is answered in words, though the view did not ask for that."""
    answer = await browser.call("POST", "/login", json={"user_id": "ada", "jwt_payload": {"sub": "somebody else"}})
    assert 400 == answer.status_code
    assert "sub" in answer.json()["message"]
    assert_readable(answer)


async def test_a_session_by_the_applications_own_means(browser: Browser) -> None:
    """`create_session`: the tokens go on the view's answer."""
    assert 200 == (await browser.call("POST", "/login", json={"user_id": "legacy 7"})).status_code
    assert "legacy 7" == (await browser.get("/me")).json()["userId"]


async def test_another_site_does_nothing(browser: Browser) -> None:
    """Attack: a page of another site posts with the person's cookies, to a view and to an API of ours."""
    await browser.sign_up("eve@example.com")
    attack = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    for path in ("/change", "/login", "/auth/signout"):
        answer = await browser.call("POST", path, json={"user_id": "mallory"}, headers=attack)
        assert 403 == answer.status_code, path
        assert "access-control-allow-origin" not in answer.headers
    assert {} == (await browser.get("/me")).json()["payload"]


async def test_what_is_not_ours(browser: Browser) -> None:
    """Pages that the application does not have stay its own, readable for the website; preflights are answered."""
    missing = await browser.get("/nowhere")
    assert 404 == missing.status_code
    assert_readable(missing)
    preflight = await browser.call(
        "OPTIONS", "/change", headers={"access-control-request-method": "POST", "access-control-request-headers": "rid"}
    )
    assert 204 == preflight.status_code
    assert_readable(preflight)


async def test_bodies_that_are_no_good(browser: Browser) -> None:
    """Too long, declared or in pieces, or no JSON: refused in words, and the server goes on."""
    json = {"content-type": "application/json"}

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    for content, status in ((b"{" * 70_000, 413), (in_pieces(), 413), (b"not json", 400), (b"\xff\xfe", 400)):
        answer = await browser.call("POST", "/auth/signup", content=content, headers=json)
        assert status == answer.status_code
        assert answer.json()["message"]
    assert 200 == (await browser.get("/auth/jwt/jwks.json")).status_code


@pytest.mark.parametrize("served", ["flask", "flask-gevent", "django-wsgi", "fastapi"], indirect=True)
async def test_a_server_that_stops_has_stored_every_event(served: Served, browser: Browser) -> None:
    """Workers that were forked and are told to stop: what they recorded of sign-ups is in the database."""
    for number in range(4):
        await browser.sign_up(f"person{number}@example.com")
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(SECONDS) in (0, -signal.SIGTERM)  # as each server tells that it was told to
    with sqlite3.connect(served.database) as database:
        (events,) = database.execute("select count(*) from audit_events where kind = 'sign_up'").fetchone()
        (people,) = database.execute("select count(*) from emailpassword_users").fetchone()
    assert people == events
