"""The example application, driven by plain HTTP on both databases, as its welcome text tells people to."""

import base64
import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.examples.demo import ROOT, Demo, free_port, running_demo, spawn_demo
from watchword.database.open import open_database
from watchword.database.statements import Statement

FORM = {"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": "correct horse 1"}]}
ROUTES = [
    ("GET", "/api/session"),
    ("PUT", "/api/session/payload"),
    ("PATCH", "/api/session/payload"),
    ("PUT", "/api/session/data"),
    ("PATCH", "/api/session/data"),
]


def front_token(answer: httpx2.Response) -> dict[str, Any]:
    """What the page reads out of the `front-token` header."""
    return json.loads(base64.b64decode(answer.headers["front-token"]))


def custom(payload: dict[str, Any]) -> dict[str, Any]:
    """The application's own part of a payload in the front token."""
    return {name: payload[name] for name in ("role", "joined_by", "theme") if name in payload}


def cookie_names(answer: httpx2.Response) -> list[str]:
    """The names of the cookies that an answer sets."""
    return [line.split("=")[0] for line in answer.headers.get_list("set-cookie")]


async def stored(database_url: str, handle: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """JWT payload and session data as they stand in the database."""
    db = open_database(database_url)
    await db.start()
    try:
        row = await db.find(
            Statement("select jwt_payload, session_data from {sessions} where handle = :handle"), handle=handle
        )
    finally:
        await db.stop()
    assert row is not None
    return json.loads(row["jwt_payload"]), json.loads(row["session_data"])


async def test_the_walk_of_the_seed(tmp_path: Path, database_url: str) -> None:
    """Sign up, read, change both kinds of data, see them in the token and in the database, refresh, sign out."""
    with running_demo(tmp_path, DATABASE_URL=database_url) as demo, demo.visitor() as visitor:
        signed_up = visitor.post("/auth/signup", json=FORM)
        assert (200, "OK") == (signed_up.status_code, signed_up.json()["status"])
        assert ["sAccessToken", "sRefreshToken", "sKnownDevice"] == cookie_names(signed_up)
        user_id = signed_up.json()["user"]["id"]

        session = visitor.get("/api/session").json()
        assert {
            "handle": front_token(signed_up)["up"]["sessionHandle"],
            "userId": user_id,
            "payload": {"role": "member", "joined_by": "emailpassword"},
            "data": {"first_seen": True},
        } == session
        handle = session["handle"]

        replaced = visitor.put("/api/session/payload", json={"role": "editor"})
        assert (200, {"role": "editor"}) == (replaced.status_code, replaced.json())
        assert {"role": "editor"} == custom(front_token(replaced)["up"])
        merged = visitor.patch("/api/session/payload", json={"theme": "dark", "role": None})
        assert (200, {"theme": "dark"}) == (merged.status_code, merged.json())
        assert {"theme": "dark"} == custom(front_token(merged)["up"])

        answer = visitor.put("/api/session/data", json={"basket": ["tea"]})
        assert (200, {"basket": ["tea"]}, []) == (answer.status_code, answer.json(), cookie_names(answer))
        answer = visitor.patch("/api/session/data", json={"basket": None, "note": "ring twice"})
        assert (200, {"note": "ring twice"}) == (answer.status_code, answer.json())

        jwt_payload, session_data = await stored(database_url, handle)
        assert ({"theme": "dark"}, {"note": "ring twice"}) == (custom(jwt_payload), session_data)

        refreshed = visitor.post("/auth/session/refresh")
        assert (200, ["sAccessToken"]) == (refreshed.status_code, cookie_names(refreshed))
        assert {"theme": "dark"} == custom(front_token(refreshed)["up"])
        session = visitor.get("/api/session").json()
        assert (handle, {"theme": "dark"}, {"note": "ring twice"}) == (
            session["handle"], session["payload"], session["data"],
        )  # fmt: skip

        signed_out = visitor.post("/auth/signout")
        assert (200, "remove") == (signed_out.status_code, signed_out.headers["front-token"])
        assert [401, 401] == [visitor.request(method, path, json={}).status_code for method, path in ROUTES[:2]]

        signed_in = visitor.post("/auth/signin", json=FORM)
        session = visitor.get("/api/session").json()
        assert (user_id, {"first_seen": False}) == (signed_in.json()["user"]["id"], session["data"])
        assert session["handle"] != handle


def test_continue_with_the_local_provider(demo: Demo) -> None:
    """The provider beside the example signs a person in, and the hooks know which way they came."""
    with demo.visitor() as visitor:
        callback = f"{demo.origin}/auth/callback/demo-provider"

        begin = visitor.get(
            "/auth/authorisationurl",
            params={"thirdPartyId": "demo-provider", "redirectURIOnProviderDashboard": callback},
        ).json()
        there = httpx2.post(
            begin["urlWithQueryParams"] + "&state=s1", data={"sub": "katherine@example.com"}, trust_env=False
        )
        back = urlsplit(there.headers["location"])
        assert callback == f"{back.scheme}://{back.netloc}{back.path}"

        signed_in = visitor.post(
            "/auth/signinup",
            json={
                "thirdPartyId": "demo-provider",
                "redirectURIInfo": {
                    "redirectURIOnProviderDashboard": callback,
                    "redirectURIQueryParams": {name: values[0] for name, values in parse_qs(back.query).items()},
                    "pkceCodeVerifier": begin.get("pkceCodeVerifier"),
                },
            },
        ).json()
        assert ("OK", True, ["katherine@example.com"]) == (
            signed_in["status"], signed_in["createdNewRecipeUser"], signed_in["user"]["emails"],
        )  # fmt: skip
        session = visitor.get("/api/session").json()
        assert {"role": "member", "joined_by": "thirdparty"} == session["payload"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_of_the_example_wants_a_session(demo: Demo, method: str, path: str) -> None:
    """Without a session each route answers 401."""
    answer = httpx2.request(method, demo.origin + path, json={} if method != "GET" else None, trust_env=False)
    assert (401, {"message": "unauthorised"}) == (answer.status_code, answer.json())


@pytest.mark.parametrize("path", ["/", "/auth/callback/demo-provider?code=c&state=s"])
def test_one_page_serves_the_sign_in_and_the_way_back(demo: Demo, path: str) -> None:
    """The page is at the root and where the provider sends people back to; it loads nothing from elsewhere."""
    answer = httpx2.get(demo.origin + path, trust_env=False)
    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    assert [] == re.findall(r"""(?:src|href)=["'](?!data:,|/mail")""", answer.text)
    assert "is for trying out" in answer.text


@pytest.mark.parametrize("field", ["payload", "data"])
@pytest.mark.parametrize("body", ["[1]", "7", '"text"', "{", "null"])
def test_only_json_objects_are_stored(signed_in: httpx2.Client, field: str, body: str) -> None:
    """What is not a JSON object is refused with a 4xx, and nothing changes."""
    before = signed_in.get("/api/session").json()
    answer = signed_in.put(f"/api/session/{field}", content=body, headers={"content-type": "application/json"})
    assert 422 == answer.status_code
    assert before == signed_in.get("/api/session").json()


def test_a_reserved_name_is_refused_by_name(signed_in: httpx2.Client) -> None:
    """Setting a claim of ours is a 400 that names it."""
    answer = signed_in.patch("/api/session/payload", json={"sub": "somebody else"})
    assert 400 == answer.status_code
    assert "sub" in answer.json()["message"]


def test_a_second_start_keeps_users_and_sessions(tmp_path: Path) -> None:
    """Users, sessions and the secret live in `.demo`; the secret is for its owner only."""
    port = str(free_port())
    with running_demo(tmp_path, PORT=port) as demo, demo.visitor() as visitor:
        visitor.post("/auth/signup", json=FORM)
        before, cookies = visitor.get("/api/session").json(), visitor.cookies
    with running_demo(tmp_path, PORT=port) as demo, demo.visitor() as visitor:
        visitor.cookies.update(cookies)
        assert before == visitor.get("/api/session").json()
        visitor.cookies.clear()
        assert "OK" == visitor.post("/auth/signin", json=FORM).json()["status"]
    assert 0o600 == stat.S_IMODE((tmp_path / ".demo" / "secret").stat().st_mode)
    assert 0o700 == stat.S_IMODE((tmp_path / ".demo").stat().st_mode)


def test_the_welcome_names_the_address_and_what_to_try(demo: Demo) -> None:
    """The first words give the address and commands to copy; they hold no secret."""
    assert f"Watchword demo: {demo.origin}" in demo.words
    assert f"curl -c jar -b jar {demo.origin}/api/session" in demo.words
    assert f"{demo.origin}/auth/signin" in demo.words
    (described_in,) = re.findall(r"in (docs/\S+\.yaml)\.", demo.words)
    assert (ROOT / described_in).is_file()
    assert (demo.folder / ".demo" / "secret").read_text() not in demo.words


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.db"}, "database"),
        ({"DATABASE_URL": "mysql://localhost/app"}, "database"),
        ({"WATCHWORD_SECRET": "short"}, "secret"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    """A setting that cannot work stops the start with its name and no stack trace."""
    process = spawn_demo(tmp_path, stderr=subprocess.PIPE, PORT=str(free_port()), **environment)
    _, complaint = process.communicate()
    assert 0 != process.returncode
    assert sentence in complaint
    assert "Traceback" not in complaint


def test_a_taken_port_is_named_with_the_way_out(demo: Demo, tmp_path: Path) -> None:
    """When the port is in use, the message says how to choose another."""
    port = demo.origin.rsplit(":", 1)[1]
    process = spawn_demo(tmp_path, stderr=subprocess.PIPE, PORT=port)
    _, complaint = process.communicate()
    assert 1 == process.returncode
    assert f"Port {port} cannot be used" in complaint
    assert "make demo" in complaint


@pytest.fixture(scope="module")
def signed_in(demo: Demo) -> Iterator[httpx2.Client]:
    """A visitor with a session."""
    with demo.visitor() as visitor:
        form = {"formFields": [{**FORM["formFields"][0], "value": "grace@example.com"}, FORM["formFields"][1]]}
        assert "OK" == visitor.post("/auth/signup", json=form).json()["status"]
        yield visitor
