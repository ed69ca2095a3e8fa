"""What the browser tests share: one browser, one provider and one set of bundles a run; a site for each shape."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.clients.certificates import make_certificate
from tests.clients.chromium import Chromium
from tests.clients.programs import bundle_pages, run_provider
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.visitors import Client, Transfer, Visit, Visitor
from tests.conftest import Postgres

_PATIENCE_MS = 30_000  # until something counts as missing, on a machine that is busy with the other tests


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """The bundles, the certificate and the provider of this run."""
    folder = tmp_path_factory.mktemp("clients")
    bundle_pages(folder / "bundles")
    with run_provider() as issuer:
        yield Surroundings(bundles=folder / "bundles", certificate=make_certificate(folder), issuer=issuer)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(surroundings: Surroundings) -> AsyncIterator[Chromium]:
    """A headless Chromium that knows the tests' domains and the run's certificate, and reaches nothing else."""
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright, Chromium(playwright.chromium, surroundings.certificate) as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Chromium, tmp_path: Path) -> AsyncIterator[Visit]:
    """A new visitor, by `visit(site, client, transfer)`. Afterwards no page may have had an uncaught error."""
    visitors: list[Visitor] = []

    async def new_visitor(site: Site, client: Client, transfer: Transfer, **settings: str) -> Visitor:
        if site.third_party_cookies:
            context = await chromium.new_profile(tmp_path / f"profile-{len(visitors)}")
        else:
            context = await chromium.new_context()
        context.set_default_timeout(_PATIENCE_MS)
        about_site = {"apiDomain": site.api, "tokenTransferMethod": transfer, "client": client, **settings}
        await context.add_init_script(f"window.site = {json.dumps(about_site)};")
        visitors.append(Visitor(context, site))
        visitors[-1].watch()
        return visitors[-1]

    yield new_visitor
    for visitor in visitors:
        await visitor.context.close()
    assert [] == [fault for visitor in visitors for fault in visitor.faults]


@pytest.fixture(scope="session", params=["one origin", "two ports", "two sub-domains"])
def site(
    request: pytest.FixtureRequest,
    surroundings: Surroundings,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
) -> Iterator[Site]:
    """A website and its API, once in each shape; the one on two ports keeps its tables in PostgreSQL."""
    on_postgres = request.param == "two ports"
    database = postgres.create_database() if on_postgres else new_sqlite_url(tmp_path_factory.mktemp("site"))
    with run_site(request.param, surroundings, database) as site:
        yield site
    if on_postgres:
        postgres.drop_database(database)


@pytest.fixture(scope="session", params=["two sub-domains", "two sites"])
def https_site(
    request: pytest.FixtureRequest, surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site over https with a sibling and a stranger beside it; its cookies are SameSite=Lax, and then None."""
    database = new_sqlite_url(tmp_path_factory.mktemp("https"))
    with run_site(request.param, surroundings, database) as site:
        yield site


@pytest.fixture(scope="session")
def short_lived_site(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose access tokens live two seconds, and whose refresh tokens are replaced at every refresh."""
    settings = {"access_token_validity_ms": 2_000, "settle_ms": 0, "soft_window_ms": 0}
    with run_site("two ports", surroundings, new_sqlite_url(tmp_path_factory.mktemp("short")), settings) as site:
        yield site


@pytest.fixture
def email() -> str:
    """An address that nobody has used yet."""
    return f"{uuid.uuid4().hex}@example.com"


def new_sqlite_url(folder: Path) -> str:
    """The URL of a new SQLite database."""
    return f"sqlite:///{folder / 'site.db'}"
