"""A setting that cannot work stops the start: a person reads one sentence that names it and says what to set.

What is wrong in the code itself is raised where it stands, so that the last line of Python's traceback is the
sentence and the traceback leads to the line. What only the start can find out, such as a database that nobody
can write, comes without any traceback.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.site import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "pa55word-of-the-database"

APPLICATION = """
from fastapi import FastAPI
from watchword import AppInfo, Watchword
from watchword.frameworks.fastapi import install
from watchword.recipes import EmailPassword, Session, ThirdParty
from watchword.recipes.thirdparty.providers import GitHub, Google

settings = dict(
    app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
    database="sqlite:///watchword.db",
    secret="a secret for tests that has at least 32 bytes",
    recipe_list=[EmailPassword()],
)
settings |= dict({changed})
app = FastAPI()
install(app, Watchword(**settings))
"""


def start(folder: Path, changed: str) -> subprocess.CompletedProcess[str]:
    """Serve the application with some settings changed, until it ends by itself."""
    (folder / "application.py").write_text(APPLICATION.replace("{changed}", changed))
    command = [sys.executable, "-m", "uvicorn", "application:app", "--port", str(free_port()), "--log-level", "warning"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


FOUND_AT_START = {
    "sqlite folder missing": ('database="sqlite:///missing/watchword.db"', "does not exist; create it"),
    "sqlite file is a folder": ('database="sqlite:///."', "is not a file; set the path of a file"),
    "sqlite file is text": ('database="sqlite:///application.py"', "cannot be used as an SQLite database"),
    "sqlite folder read-only": ('database="sqlite:////proc/watchword.db"', "cannot be created"),
    "postgresql unreachable": (
        f'database="postgresql://watchword:{PASSWORD}@127.0.0.1:9/watchword"',
        "nobody answers there; start it, or correct host and port in the URL",
    ),
    "tables missing": ("migrate=False", "run `watchword migrate`"),
}


@pytest.mark.parametrize(("changed", "sentence"), FOUND_AT_START.values(), ids=list(FOUND_AT_START))
def test_what_the_start_finds_out_is_one_sentence(tmp_path: Path, changed: str, sentence: str) -> None:
    """The server does not come up; its log has the sentence, no traceback and no password."""
    done = start(tmp_path, changed)
    assert 0 != done.returncode
    lines = done.stderr.splitlines()
    assert 2 == len(lines), done.stderr
    assert lines[0].split(None, 1)[1].startswith("database: ")
    assert sentence in lines[0]
    assert "Application startup failed" in lines[1]
    assert PASSWORD not in done.stderr


def test_a_start_that_fails_in_any_way_stops_the_server(tmp_path: Path) -> None:
    """Also for what nobody foresaw, as in an override: the log has its traceback, and nothing is served."""
    done = start(tmp_path, "recipe_list=[type('Mine', (EmailPassword,), {'start': lambda self: 1 / 0})()]")
    assert 0 != done.returncode
    assert "Watchword could not start" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "Application startup failed" in done.stderr.splitlines()[-1]


def test_a_table_of_the_application_in_the_way_stops_the_server(tmp_path: Path) -> None:
    """The database may be the application's: a table of ours that it has already is one sentence."""
    with closing(sqlite3.connect(tmp_path / "watchword.db")) as connection, connection:
        connection.execute("create table Users (id integer)")
    done = start(tmp_path, "")
    assert 0 != done.returncode
    lines = done.stderr.splitlines()
    assert (2, True) == (len(lines), 'a table "users" that is not Watchword\'s is there already' in lines[0])


FOUND_AT_ONCE = {
    "short secret": ('secret="too short"', "secret: has 9 bytes, at least 32 are needed"),
    "no database": (
        'database="mysql://localhost/watchword"',
        "database: MySQL is not supported; use SQLite or PostgreSQL",
    ),
    "provider without secret": (
        'recipe_list=[ThirdParty(providers=[Google(client_id="id")])]',
        "Google.client_secret: is missing; set it",
    ),
    "two providers of one id": (
        'recipe_list=[ThirdParty(providers=[GitHub(client_id="a", client_secret="b")] * 2)]',
        "providers: ",
    ),
    "foreign cookie domain": (
        'recipe_list=[EmailPassword(), Session(cookie_domain=".example.com")]',
        "cookie_domain: .example.com does not cover the API at localhost",
    ),
    "cookies between sites over http": (
        'app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://example.com")',
        "app_info.api_domain: cookies between http://example.com and http://localhost:8000 need SameSite=None",
    ),
    "a domain with a path": (
        'app_info=AppInfo(app_name="Test", api_domain="https://a.example/api", website_domain="https://a.example")',
        "app_info.api_domain: ",
    ),
    "one recipe twice": ("recipe_list=[EmailPassword(), EmailPassword()]", "recipe_list: "),
}


@pytest.mark.parametrize(("changed", "sentence"), FOUND_AT_ONCE.values(), ids=list(FOUND_AT_ONCE))
def test_what_the_code_gets_wrong_is_raised_where_it_stands(tmp_path: Path, changed: str, sentence: str) -> None:
    """The last line is the sentence, and the traceback, which is not chained, shows the line to change."""
    done = start(tmp_path, changed)
    assert 0 != done.returncode
    last = done.stderr.splitlines()[-1]
    assert last.startswith("watchword.errors.ConfigurationError: " + sentence)
    assert 1 == done.stderr.count("Traceback")
    assert 'application.py", line' in done.stderr
