"""One site for all fuzz runs: on a real socket, in a thread of its own, its log watched."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import get_args

import httpx2
import pytest

from tests.site import PASSWORD, RunningClock, Site, free_port, running_site
from watchword import Limit, Protection
from watchword.protection.settings import LimitName
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect

#: All requests come from one address; the limits have tests of their own.
roomy_site = partial(
    running_site,
    protection=Protection(
        **dict.fromkeys(("sign_in", *get_args(LimitName), "mails_per_address"), Limit(100_000, seconds=60)),
    ),
)


class Trouble(logging.Handler):
    """Keeps what a running application must not write into its log: errors, and exceptions that nobody caught."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(logging.Formatter().format(record))


@dataclass
class FuzzSite:
    """A running site with a user, and a provider that nobody can reach."""

    site: Site
    trouble: Trouble
    client: httpx2.Client = field(repr=False)
    user_id: str
    email: str = "ada@example.com"

    @property
    def url(self) -> str:
        return self.site.url

    @property
    def redirect_uri(self) -> str:
        """The one that the website has for the provider `corp`."""
        return f"{self.url}/auth/callback/corp"

    def start_session(self) -> dict[str, str]:
        """New tokens, by the name of their response header."""
        answer = self.client.post("/login", json={"userId": self.user_id})
        return {name: answer.headers[name] for name in ("st-access-token", "st-refresh-token")}


@contextmanager
def _site_in_a_thread(database_url: str) -> Iterator[Site]:
    """`roomy_site` for callers without an event loop."""
    recipe = ThirdPartyEmailPassword(
        providers=[
            OpenIdConnect(
                third_party_id="corp",
                name="Corp",
                issuer=f"http://127.0.0.1:{free_port()}",  # nobody listens there
                client_id="fuzz",
                client_secret="a secret of the provider",
            )
        ]
    )
    sites: list[Site] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    problems: list[BaseException] = []
    ready = threading.Event()

    async def serve() -> None:
        recipes = [recipe, EmailVerification(mode="OPTIONAL")]
        # The time of the database, or the process would not be ready.
        async with roomy_site(database_url, recipes=recipes, clock=RunningClock()) as site:
            stop = asyncio.Event()
            sites.append(site)
            stops.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:
            problems.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        if sites:
            yield sites[0]
    finally:
        for loop, stop in stops:
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if problems:
        raise problems[0]


@pytest.fixture(scope="session")
def fuzz_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzSite]:
    """One for the whole run, since each test only adds users and sessions."""
    database_url = f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'watchword.db'}"
    trouble = Trouble()
    with _site_in_a_thread(database_url) as site, httpx2.Client(base_url=site.url, trust_env=False) as client:
        loggers = [logging.getLogger(name) for name in (None, "uvicorn")]
        for logger in loggers:
            logger.addHandler(trouble)
        fields = [{"id": "email", "value": FuzzSite.email}, {"id": "password", "value": PASSWORD}]
        signed_up = client.post("/auth/signup", json={"formFields": fields}).json()
        assert "OK" == signed_up["status"]
        yield FuzzSite(site, trouble, client, signed_up["user"]["id"])
        for logger in loggers:
            logger.removeHandler(trouble)


@pytest.fixture(autouse=True)
def _quiet_log(fuzz_site: FuzzSite) -> Iterator[None]:
    """A test fails when anything went wrong behind the answers, too."""
    fuzz_site.trouble.records.clear()
    yield
    assert [] == fuzz_site.trouble.records
