"""The document on front ends keeps its word: each of its pages, as it stands, signs somebody up in a browser."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.clients.conftest import new_sqlite_url
from tests.clients.programs import HERE
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")
DOCUMENT = (HERE.parents[1] / "docs" / "front-ends.md").read_text()
BUNDLED = '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script src="/bundle/page.js"></script>'


def piece(kind: str, title: str) -> str:
    """The code of this kind under a heading of the document."""
    section = DOCUMENT.split(f"## {title}")[1].partition("\n## ")[0]
    (code,) = re.findall(rf"^```{kind}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return code


def write_website(folder: Path, kind: str, title: str) -> None:
    """The website that the document describes: a page and its scripts."""
    (folder / "bundle").mkdir(parents=True)
    if kind == "html":
        (folder / "page.html").write_text(piece(kind, title))
        for file in (HERE / "node_modules" / "supertokens-web-js" / "bundle").iterdir():
            (folder / "bundle" / f"{file.name.partition('.')[0]}.js").write_bytes(file.read_bytes())
        return
    (folder / "page.html").write_text(BUNDLED)
    (folder / f"page.{kind}").write_text(piece(kind, title))
    subprocess.run(
        [
            HERE / "node_modules" / ".bin" / "esbuild",
            f"page.{kind}",
            "--bundle",
            "--jsx=automatic",
            "--log-level=warning",
            "--outfile=bundle/page.js",
            '--define:process.env.NODE_ENV="production"',
            "--define:global=window",
        ],
        cwd=folder,
        env={**os.environ, "NODE_PATH": str(HERE / "node_modules")},
        check=True,
    )


@pytest.fixture(params=["jsx React", "js Vue", "html Script tags"])
def site(request: pytest.FixtureRequest, surroundings: Surroundings, tmp_path: Path) -> Iterator[Site]:
    """A site with that website, on another port than its API."""
    kind, _, title = request.param.partition(" ")
    folder = tmp_path / "website"
    write_website(folder, kind, title)

    async def page(_: object) -> FileResponse:
        return FileResponse(folder / "page.html")

    website = Starlette(
        routes=[Mount("/bundle", StaticFiles(directory=folder / "bundle")), Route("/{path:path}", page)]
    )
    with run_site("two ports", surroundings, new_sqlite_url(tmp_path), website=website) as running:
        for file in (folder / "page.html", folder / "bundle" / "page.js"):
            if file.exists():
                file.write_text(file.read_text().replace("https://api.example.com", running.api))
        yield running


async def test_a_page_of_the_document_signs_somebody_up(visit: Visit, site: Site, email: str) -> None:
    """The API is told, nothing else is changed; without an access token the person is still known after a reload."""
    visitor = await visit(site, "website", "cookie")
    page = await visitor.context.new_page()
    await page.goto(f"{site.website}/auth/?show=signup")
    await page.locator('input[name="email"]').fill(email)
    await page.locator('input[name="password"]').fill(PASSWORD)
    await page.get_by_role("button", name=re.compile("sign up", re.IGNORECASE)).click()
    await expect(page.get_by_role("heading", name="You are ")).to_be_visible()
    await visitor.forget_access_token()
    await page.goto(site.website)
    await expect(page.get_by_role("heading", name="You are ")).to_be_visible()
