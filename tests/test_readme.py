"""The documents keep their word: the example runs as it stands, versions, tests, commands and links are real."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from tests.examples.demo import free_port
from watchword.cli.main import command, database_command
from watchword.database.sqlite import OLDEST_SQLITE
from watchword.recipes import EmailPassword
from watchword.recipes.session.programmatic import Sessions

ROOT = Path(__file__).parents[1]
STATES = ("not yet", "not applicable yet")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]


def python_blocks(text: str) -> list[str]:
    """The Python examples of a document."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def secret_of_the_readme() -> str:
    """What the command of the README for a secret prints."""
    (program,) = re.findall("^python -c '(.*?)'", (ROOT / "README.md").read_text(), re.MULTILINE)
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """Copied into a file and served, it signs a person up and answers both kinds of data."""
    (example,) = python_blocks((ROOT / "README.md").read_text())
    (tmp_path / "app.py").write_text(example)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    environment = {"WATCHWORD_SECRET": secret_of_the_readme(), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any("Application startup complete" in line for line in process.stderr)
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as visitor:
                form = [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": "correct horse 1"}]
                signed_up = visitor.post("/auth/signup", json={"formFields": form}, headers={"st-auth-mode": "cookie"})
                assert "OK" == signed_up.json()["status"]
                me = visitor.get("/me").json()
                assert {"role": "member", "joined_by": "emailpassword"} == me["payload"]
                assert {"first_seen": True} == me["data"]
                visitor.cookies.clear()
                assert 401 == visitor.get("/me").status_code
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_documents_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file that is there."""
    targets = re.findall(r"""(?:\]\(|src=")([^)#:"]+)[)#"]""", document.read_text())
    assert [] == [target for target in targets if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_a_heading_find_it(document: Path) -> None:
    """Behind the # of a link stands a heading of that document, as GitHub makes an anchor of it."""
    targets = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text())
    places = [((document.parent / file) if file else document, anchor) for file, anchor in targets]
    assert [] == [anchor for file, anchor in places if file.suffix == ".md" and anchor not in anchors_of(file)]


def anchors_of(document: Path) -> set[str]:
    """Its headings in small letters, without marks, with - for a blank; what stands in code is none."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_clients_of_the_readme_are_the_tested_ones() -> None:
    """The versions of the official packages in the README are those that the browser tests install."""
    installed = json.loads((ROOT / "tests" / "clients" / "package.json").read_text())["dependencies"]
    told = dict(
        re.findall(r"^\| `(supertokens-[a-z-]+)`.*\| ([0-9.]+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    assert {name: version for name, version in installed.items() if name.startswith("supertokens-")} == told


def test_it_is_said_what_tells_who_has_an_account() -> None:
    """EN-5: that sign-up and `email/exists` tell it is said where people look for it, with what can be switched off."""
    said = " ".join((ROOT / "SECURITY.md").read_text().split())
    assert "Sign-up over the frontend protocol tells that an address is taken" in said
    assert "email_exists_get" in said
    assert "email_exists_get" in {route.name for route in EmailPassword().routes()}


@pytest.mark.parametrize("page", ["coverage.md", "security/README.md"])
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    """A line of the pages on features and on security is ticked by a test that exists."""
    text = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`([a-z_/0-9]+\.py)::(?:Test\w+::)?(test_\w+)`", text))
    assert text.count(".py::") == len(re.findall(r"`[a-z_/0-9]+\.py::(?:Test\w+::)?test_\w+`", text))
    assert named
    assert [] == [
        f"{file}::{test}" for file, test in sorted(named) if f"def {test}(" not in read(ROOT / "tests" / file)
    ]


def test_the_page_on_security_counts_its_lines() -> None:
    """Its head says how many requirements are shown, in part, not yet, and not applicable."""
    text = (ROOT / "docs" / "security" / "README.md").read_text()
    lines = [line.rsplit(" | ", 1)[1] for line in text.splitlines() if re.match(r"\| .+ \| [CHN-] \| ", line)]
    part = sum("; *not yet:* " in line for line in lines)
    not_yet, not_applicable = (sum(line.startswith(f"*{word}*: ") for line in lines) for word in STATES)
    shown = len(lines) - part - not_yet - not_applicable
    assert f"**{shown} shown, {part} shown in part, {not_yet} not yet, {not_applicable} not applicable yet.**" in text


def test_every_command_is_in_the_readme() -> None:
    """Each command of the command line stands in the README."""
    readme = (ROOT / "README.md").read_text()
    commands = [f"watchword db {known.name}" for known in database_command.registered_commands]
    commands += [f"watchword {known.name}" for known in command.registered_commands]
    commands += [f"watchword {known.name} " for known in command.registered_groups]
    assert [] == [name for name in commands if name not in readme]


def test_the_functions_of_sessions_in_the_readme_are_there() -> None:
    """Each name that the README gives for `auth.sessions` can be called."""
    (told,) = re.findall(r"`auth.sessions`, with (.*?) and the four", (ROOT / "README.md").read_text(), re.DOTALL)
    names = re.findall(r"`(\w+)`", told)
    assert names
    assert [] == [name for name in names if not callable(getattr(Sessions, name, None))]


def test_the_oldest_versions_in_the_readme_are_those_of_the_package() -> None:
    """Python, FastAPI and SQLite: the README says what the package demands."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = dict(re.findall(r"^\| (\w+), ([0-9.]+) or newer ", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert f">={told['Python']}" == project["requires-python"]
    assert [f"fastapi>={told['FastAPI']}"] == project["optional-dependencies"]["fastapi"]
    assert ".".join(map(str, OLDEST_SQLITE)).startswith(told["SQLite"])


def read(file: Path) -> str:
    """The text of a file; nothing when it is not there."""
    return file.read_text() if file.exists() else ""
