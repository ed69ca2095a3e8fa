"""What importing and starting must not do. What it costs is measured by `scripts/measure-startup`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Loaded at first use, if ever: each takes longer than many of our start-ups may.
HEAVY = {
    "aiosmtplib",
    "asyncpg",
    "dns",
    "email_validator",
    "fastapi",
    "httpcore2",
    "httpx2",
    "jinja2",
    "opentelemetry",
    "pydantic",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
}

#: Notes what a program does to the outside world, beyond reading Python's own modules.
WATCHED = """
import json, sys

seen = []

def watch(event, arguments):
    if event == "open":
        path = str(arguments[0])
        if not path.endswith((".py", ".pyc", ".so", ".toml")) and "__pycache__" not in path:
            seen.append(["open", path])
    elif event.split(".")[0] in ("socket", "subprocess", "sqlite3") or event == "_thread.start_new_thread":
        seen.append([event, repr(arguments)[:80]])

sys.addaudithook(watch)
{program}
print(json.dumps({"seen": seen, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""

MADE = """
from watchword import AppInfo, Watchword
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.service import ConsoleService
from watchword.recipes import ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import Google

auth = Watchword(
    app_info=AppInfo(app_name="Test", api_domain="https://example.com", website_domain="https://example.com"),
    database="sqlite:///watchword.db",
    secret="a secret for tests that has at least 32 bytes",
    recipe_list=[ThirdPartyEmailPassword(providers=[Google(client_id="a", client_secret="b")])],
    email_delivery=EmailDelivery(ConsoleService()),
)
"""

STARTED = """
import asyncio

async def start_and_stop():
    await auth.start()
    await auth.stop()

asyncio.run(start_and_stop())
"""


def run(program: str, folder: Path) -> Any:
    """What a program of its own process did, and which packages it ended up with."""
    command = [sys.executable, "-c", WATCHED.replace("{program}", program)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No file, socket, thread, process or database is opened, and nothing heavy comes along."""
    done = run("import watchword", tmp_path)
    assert [] == done["seen"]
    assert set() == HEAVY & set(done["modules"])


def test_an_application_is_put_together_without_touching_anything(tmp_path: Path) -> None:
    """Making a `Watchword` checks its settings, the phrases of mails among them: the database is opened by `start`."""
    done = run(MADE, tmp_path)
    assert [] == done["seen"]
    assert set() == HEAVY & set(done["modules"])
    assert [] == list(tmp_path.iterdir())


def test_a_start_on_sqlite_loads_nothing_it_does_not_need(tmp_path: Path) -> None:
    """No PostgreSQL driver, no HTTP client, no address checker, and no socket to anywhere."""
    done = run(MADE + STARTED, tmp_path)
    assert set() == HEAVY & set(done["modules"])
    assert not [event for event, _ in done["seen"] if event in ("socket.connect", "socket.bind", "subprocess.Popen")]
    assert (tmp_path / "watchword.db").exists()
