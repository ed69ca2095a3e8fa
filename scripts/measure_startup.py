"""What importing and starting Watchword costs in CPU time, beyond Python and FastAPI: `scripts/measure-startup`."""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5

BARE = """
import asyncio
import uvicorn
from fastapi import FastAPI
from uvicorn.lifespan.on import LifespanOn

app = FastAPI()
"""

INSTALL = """
from watchword import AppInfo, Watchword
from watchword.frameworks.fastapi import install
from watchword.recipes import SessionFeature, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import GitHub, Google

origin = "http://localhost:8000"
auth = Watchword(
    app_info=AppInfo(app_name="Measured", api_domain=origin, website_domain=origin),
    database="sqlite:///measured.db",
    secret="a secret for measuring, at least 32 bytes long",
    recipe_list=[
        ThirdPartyEmailPassword(
            providers=[Google(client_id="a", client_secret="b"), GitHub(client_id="a", client_secret="b")],
            session_feature=SessionFeature(set_jwt_payload=lambda *_: {"role": "member"}),
        )
    ],
)
install(app, auth)
"""

START = """
async def start_and_stop():
    config = uvicorn.Config(app, lifespan="on", log_level="error")
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    await lifespan.shutdown()

asyncio.run(start_and_stop())
"""


def main() -> None:
    """Print the figures, each the difference of two medians, in milliseconds of user and system time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(BARE + INSTALL + START, folder)  # makes the tables and the signing key, and compiles all modules
        importing = measure("import watchword", folder) - measure("", folder)
        beside = measure("import fastapi, watchword", folder) - measure("import fastapi", folder)
        starting = measure(BARE + INSTALL + START, folder) - measure(BARE + START, folder)
    print(f"import watchword                             {importing:5.0f} ms of CPU")
    print(f"import watchword, FastAPI imported already   {beside:5.0f} ms of CPU")
    print(f"FastAPI with Watchword started, minus FastAPI{starting:5.0f} ms of CPU, on SQLite with tables and keys")


def measure(program: str, folder: Path) -> float:
    """The CPU time of a program in its own process: the median of five, in milliseconds."""
    return statistics.median(run(program, folder) for _ in range(RUNS))


def run(program: str, folder: Path) -> float:
    """The CPU time of one run, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)  # noqa: S603 - our own program
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    main()
