"""`watchword new`: what it writes runs at once, for a person in a browser and for programs. Mission D006, D145."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from playwright.sync_api import expect, sync_playwright

from tests.cli.test_main import call
from tests.clients.programs import find_chromium
from tests.examples.demo import free_port
from tests.examples.example import PASSWORD, Example, post_form, reading_lines
from watchword.cli.new import TEMPLATES, name_of, new

FRAMEWORKS = sorted({folder.name for folder in TEMPLATES.iterdir()} - {"common"})


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_new_application_runs_at_once(tmp_path: Path, framework: str) -> None:
    """As its README says: sign up, be known, reset by the mail in the log, sign in; with FastAPI in a browser."""
    folder = tmp_path / "our-shop"
    made = call("new", str(folder), "--framework", framework)
    assert (0, True) == (made.returncode, "Our shop is in" in made.stdout), made.stderr
    assert "0o600" == oct(stat.S_IMODE((folder / ".secret").stat().st_mode))
    assert {".secret", "*.db"} <= set((folder / ".gitignore").read_text().split())

    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "WATCHWORD_SECRET")}
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        env={**kept, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    example = Example(f"http://localhost:{port}")
    with process, reading_lines(process, example.lines):
        try:
            example.take_line("Uvicorn running|Press CTRL")
            (walk if framework == "fastapi" else walk_without_browser)(example)
        finally:
            process.send_signal(signal.SIGINT)


def walk_without_browser(example: Example) -> None:
    """The same by plain HTTP: the page is that of the other framework."""
    with example.visitor() as ada:
        page = ada.get("/")
        assert ("text/html", True) == (page.headers["content-type"].split(";")[0], "<h1>Our shop</h1>" in page.text)
        assert 401 == ada.get("/api/me").status_code
        assert "OK" == post_form(ada, "/auth/signup", email="ada@example.com", password=PASSWORD)["status"]
        me = {"email": "ada@example.com", "payload": {"role": "member"}, "data": {"first_visit": True}}
        assert me == ada.get("/api/me").json()
        assert 200 == ada.post("/auth/session/refresh").status_code
        post_form(ada, "/auth/user/password/reset/token", email="ada@example.com")
        link = urlsplit(example.take_line("http://localhost\\S+token=\\S+")[0])
        assert page.text == ada.get(link.path).text
        token = parse_qs(link.query)["token"][0]
        form = [{"id": "password", "value": "correct horse 2"}]
        body = {"method": "token", "token": token, "formFields": form}
        assert "OK" == ada.post("/auth/user/password/reset", json=body).json()["status"]
        assert "OK" == post_form(ada, "/auth/signin", email="ada@example.com", password="correct horse 2")["status"]


def walk(example: Example) -> None:
    """What a person does on the page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--disable-gpu"])
        page = browser.new_page(base_url=example.origin)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        status = page.get_by_role("status")

        def enter(password: str, button: str) -> None:
            page.get_by_label("E-mail").fill("ada@example.com")
            page.get_by_label("Password", exact=True).fill(password)
            page.get_by_role("button", name=button).click()

        page.goto("/")
        enter("short", "Sign up")
        expect(status).to_contain_text("at least 8 characters")
        enter(PASSWORD, "Sign up")
        expect(status).to_have_text("You are signed in.")
        expect(page.locator("#me")).to_contain_text('"role": "member"')
        page.context.clear_cookies(name="sAccessToken")
        page.reload()
        expect(status).to_have_text("You are signed in.")  # by a refresh
        page.get_by_role("button", name="Sign out").click()
        expect(status).to_have_text("Signed out.")
        enter("wrong horse 1", "Sign in")
        expect(status).to_have_text("The address or the password is wrong.")
        page.get_by_role("button", name="I forgot my password").click()
        expect(status).to_contain_text("a mail with a link is on its way")
        page.goto(example.take_line("http://localhost\\S+token=\\S+")[0])
        page.get_by_label("New password").fill("correct horse 2")
        page.get_by_role("button", name="Set it").click()
        expect(status).to_contain_text("Please sign in.")
        enter("correct horse 2", "Sign in")
        expect(page.locator("#me")).to_contain_text('"first_visit": false')
        assert [] == errors
        browser.close()


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A folder with something in it and a framework that is not there are refused, and nothing is written."""
    (tmp_path / "mine.txt").write_text("mine")
    refused = call("new", str(tmp_path))
    assert (1, "mine") == (refused.returncode, (tmp_path / "mine.txt").read_text())
    assert "is there and not empty; name another folder" in refused.stderr
    refused = call("new", str(tmp_path / "new"), "--framework", "cobol")
    assert (1, False) == (refused.returncode, (tmp_path / "new").exists())
    assert (
        "there is no application for 'cobol' yet; --framework can be django, fastapi, flask, litestar" in refused.stderr
    )


def test_what_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has only the command line is told what to install before the application starts."""
    monkeypatch.setitem(sys.modules, "flask", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    new(tmp_path / "shop", "flask")
    assert "  pip install flask\n" in capsys.readouterr().out
    new(tmp_path / "other", "django")
    assert "  pip install uvicorn\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "name"), [("our_shop", "Our shop"), ('x"""+(1)', "X 1"), ("<b>", "B"), ("Über-App 2.0", "Über App 2.0")]
)
def test_a_name_stays_a_text(tmp_path: Path, folder: str, name: str) -> None:
    """Whatever the folder is called, the program and the page can be read."""
    assert name == name_of(tmp_path / folder)
    new(tmp_path / folder)
    program = (tmp_path / folder / "sign_in.py").read_text()
    compile(program, "sign_in.py", "exec")
    compile((tmp_path / folder / "app.py").read_text(), "app.py", "exec")
    assert f'AppInfo(app_name="{name}"' in program
    assert f"<h1>{name}</h1>" in (tmp_path / folder / "index.html").read_text()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_containers_are_told_what_the_application_reads(tmp_path: Path, framework: str) -> None:
    """Each variable that is set for a container is read by the program; no secret is written into an image."""
    new(tmp_path / "app", framework)
    program = "".join(file.read_text() for file in (tmp_path / "app").glob("*.py"))
    services = yaml.safe_load((tmp_path / "app" / "compose.yaml").read_text())["services"]
    dockerfile = (tmp_path / "app" / "Dockerfile").read_text()
    of_image = " ".join(re.findall("^ENV (.*)$", dockerfile, re.MULTILINE))
    told = {*services["app"]["environment"], *re.findall(r"(\w+)=", of_image)}
    read = set(re.findall(r'environ\.get\("(\w+)"', program))
    assert read - {"HOST", "PORT"} == told - {"HOST", "PORT"}
    assert re.search(r"0\.0\.0\.0", dockerfile)
    assert ".secret" in (tmp_path / "app" / ".dockerignore").read_text().split()
