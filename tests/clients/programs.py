"""The programs of other people that the tests run: the browser, the bundler and the OpenID provider."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class ProgramMissing(Exception):
    """A program that only the person at the machine can install is not there; the message names the command."""


def find_chromium() -> str:
    """The path of a Chromium: `WATCHWORD_TEST_CHROMIUM`, or what the machine has.

    Raises:
        ProgramMissing: There is none. The tests never fetch a browser.
    """
    named = os.environ.get("WATCHWORD_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise ProgramMissing("the browser tests need Chromium: apt-get install -y chromium")
    return found


def find_node() -> str:
    """The path of Node.js.

    Raises:
        ProgramMissing: It or the npm packages of the tests are not installed.
    """
    node = shutil.which("node")
    if node is None:
        raise ProgramMissing("the browser tests need Node.js 20 or newer (Debian 13: apt-get install -y nodejs npm)")
    if not (HERE / "node_modules").is_dir():
        raise ProgramMissing("the official clients are not installed: scripts/install-clients")
    return node


def bundle_pages(folder: Path) -> None:
    """Bundle the pages around the official clients into a folder."""
    subprocess.run([find_node(), "bundle.mjs", folder], cwd=HERE, check=True)


@contextmanager
def run_provider() -> Iterator[str]:
    """Run the certified OpenID provider until the block ends; gives its issuer.

    Raises:
        RuntimeError: It ended before it was ready; its own words are on standard error.
    """
    provider = subprocess.Popen(
        [find_node(), "provider.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with provider:
        assert provider.stdin is not None
        assert provider.stdout is not None
        line = provider.stdout.readline()
        if not line:
            raise RuntimeError("the OpenID provider did not start; see its message above")
        try:
            yield json.loads(line)["issuer"]
        finally:
            provider.stdin.close()
            provider.wait()
