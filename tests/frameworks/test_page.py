"""The page on frameworks keeps its word: every piece of it runs as it stands, and lets in whoever has a session."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.frameworks.sites.shared import WEBSITE
from tests.site import SECRET, free_port, serving
from watchword import AppInfo, SessionContainer, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import EmailPassword

PAGE = (Path(__file__).parents[2] / "docs" / "frameworks.md").read_text()


def pieces_of(title: str) -> list[str]:
    """The Python pieces under a heading."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
    return re.findall(r"^```python\n(.*?)^```", sections[title], re.DOTALL | re.MULTILINE)


def make_auth(database_url: str) -> Watchword:
    """The `auth` of the page."""
    return Watchword(
        app_info=AppInfo(app_name="Page", api_domain="http://localhost:8000", website_domain=WEBSITE),
        database=database_url,
        secret=SECRET,
        recipe_list=[EmailPassword()],
        passwords=PasswordHasher(workers=1),
    )


def run_pieces(title: str, auth: Watchword) -> dict[str, Any]:
    """The names that they make."""
    names: dict[str, Any] = {"__name__": __name__, "auth": auth}
    for piece in pieces_of(title):
        exec(compile(piece, "docs/frameworks.md", "exec"), names)  # noqa: S102 - it is our own document
    return names


@pytest.mark.parametrize("title", ["Starlette", "Litestar"])
async def test_asgi(title: str, sqlite_url: str) -> None:
    """401 without a session, and its user with one."""
    auth, port = make_auth(sqlite_url), free_port()
    app = run_pieces(title, auth)["app"]
    async with serving(app, port), httpx2.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False) as client:
        assert 401 == (await client.get("/me")).status_code
        token = (await auth.sessions.create("ada")).access_token
        answer = await client.get("/me", headers={"authorization": f"Bearer {token}"})
        assert {"user": "ada", "data": {}} == answer.json()


def test_flask_and_a_script(sqlite_url: str) -> None:
    """The same, by Flask's test client, as an application's own tests would."""
    auth = make_auth(sqlite_url)
    run_pieces("Programs without an event loop", auth)
    names = run_pieces("Flask", auth)

    @names["app"].get("/async")
    @names["verify_session"](auth)
    async def view(session: SessionContainer) -> dict[str, Any]:
        return auth.run(session.get_session_data())

    client = names["app"].test_client()
    token = auth.run(auth.sessions.create("ada")).access_token
    assert 401 == client.get("/me").status_code
    bearer = {"authorization": f"Bearer {token}"}
    assert {"user": "ada", "data": {}} == client.get("/me", headers=bearer).json
    assert {} == client.get("/async", headers=bearer).json
    answer = client.post("/theme", headers=bearer, json={"theme": "dark"})
    assert {"theme": "dark"} == answer.json
    assert answer.headers["st-access-token"]
    auth.run(auth.stop())


_VISIT = """
import django, mysite.asgi
from django.test import Client
from mysite.sign_in import auth
client = Client(headers={"host": "localhost"})
assert 401 == client.get("/me").status_code
token = auth.run(auth.sessions.create("ada")).access_token
bearer = {"authorization": "Bearer " + token}
assert {"user": "ada", "data": {}} == client.get("/me", headers=bearer).json()
assert 200 == client.post("/leave", headers=bearer).status_code
assert 401 == client.get("/me", headers=bearer).status_code
fields = [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": "correct horse 1"}]
by_cookie = {"st-auth-mode": "cookie"}
body = {"formFields": fields}
signed_up = client.post("/auth/signup", body, content_type="application/json", headers=by_cookie)
assert "OK" == signed_up.json()["status"]
assert 200 == client.get("/me").status_code
"""


async def test_django(tmp_path: Path) -> None:
    """The files of the page make a project, and Django's own test client visits it, cookies and all."""
    (tmp_path / "mysite").mkdir()
    for piece in pieces_of("Django"):
        name = piece.partition("\n")[0].removeprefix("# mysite/")
        extra = 'SECRET_KEY = "x"\nALLOWED_HOSTS = ["*"]\n' if name == "settings.py" else ""
        (tmp_path / "mysite" / name).write_text(piece + extra)
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
        "WATCHWORD_SECRET": SECRET,
        "PYTHONPATH": str(tmp_path),
    }
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _VISIT], env=environment, cwd=tmp_path, check=True, timeout=60
    )
