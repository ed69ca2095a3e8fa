"""Two providers on real sockets, a recipe that knows one of them, and a browser that goes between."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from tests.recipes.engine import call, running_engine
from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, query_of, running_provider
from tests.site import FakeClock
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.http.client import OutgoingClient
from watchword.recipes.api import Answer
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.connection import ProviderConnection
from watchword.recipes.thirdparty.providers import OpenIdConnect, Provider
from watchword.recipes.thirdparty.recipe import ThirdParty
from watchword.settings import AppInfo

APP = AppInfo(app_name="Test", api_domain="https://api.example.com", website_domain="https://example.com")
REDIRECT_URI = "https://example.com/auth/callback/corp"


@pytest.fixture
def clock() -> FakeClock:
    """The time, for recipe and providers alike."""
    return FakeClock()


@pytest.fixture
async def double(clock: FakeClock) -> AsyncIterator[ProviderDouble]:
    """A provider."""
    async with running_provider(clock) as running:
        yield running


@pytest.fixture
async def other_double(clock: FakeClock) -> AsyncIterator[ProviderDouble]:
    """Another provider."""
    async with running_provider(clock) as running:
        yield running


@pytest.fixture
async def outgoing() -> AsyncIterator[OutgoingClient]:
    """The outgoing client, as in development."""
    client = OutgoingClient(allow_loopback=True)
    yield client
    await client.stop()


def corp(double: ProviderDouble, **settings: Any) -> OpenIdConnect:
    """The double as an application lists it; `...` leaves a setting out."""
    chosen: dict[str, Any] = {
        "third_party_id": "corp",
        "issuer": double.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "trust_email": True,
        **settings,
    }
    return OpenIdConnect(**{name: value for name, value in chosen.items() if value is not ...})


@dataclass
class Bench:
    """Providers without a recipe or a database: what the flow itself decides."""

    outgoing: OutgoingClient
    clock: FakeClock

    def wire(self, provider: Provider) -> Provider:
        """Give a provider its way out, as a recipe does."""
        provider.bind(ProviderConnection(provider.third_party_id, self.outgoing, self.clock))
        return provider


@pytest.fixture
def bench(outgoing: OutgoingClient, clock: FakeClock) -> Bench:
    """See `Bench`."""
    return Bench(outgoing, clock)


@dataclass
class Visitor:
    """A browser with an official client in it: asks for the URL, goes there, comes back, signs in."""

    recipe: ThirdParty
    third_party_id: str = "corp"
    redirect_uri: str = REDIRECT_URI
    history: list[str] = field(default_factory=list)

    async def start(self, **query: str) -> dict[str, Any]:
        """`GET /authorisationurl`."""
        asked = {
            "thirdPartyId": self.third_party_id,
            "redirectURIOnProviderDashboard": self.redirect_uri,
            **query,
        }
        answer = await call(self.recipe, "authorisation_url_get", query=tuple(asked.items()))
        assert answer.body is not None
        return answer.body

    async def visit(self, url: str) -> dict[str, str]:
        """Go to the provider and come back with the query parameters it sent along."""
        async with httpx2.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(url + "&state=made-by-the-client")
        assert 302 == answer.status_code
        return query_of(answer.headers["location"])

    async def attempt(self) -> dict[str, Any]:
        """Both; what is left is the body of `POST /signinup`."""
        started = await self.start()
        return self.body(await self.visit(started["urlWithQueryParams"]), started.get("pkceCodeVerifier"))

    def body(self, query_params: Mapping[str, Any], verifier: str | None) -> dict[str, Any]:
        """What the client posts."""
        info: dict[str, Any] = {
            "redirectURIOnProviderDashboard": self.redirect_uri,
            "redirectURIQueryParams": dict(query_params),
        }
        if verifier is not None:
            info["pkceCodeVerifier"] = verifier
        return {"thirdPartyId": self.third_party_id, "redirectURIInfo": info}

    async def post(self, body: Mapping[str, Any], tenant_id: str = "public") -> Answer:
        """`POST /signinup`."""
        return await call(self.recipe, "sign_in_up_post", body, tenant_id=tenant_id)

    async def sign_in_up(self) -> Answer:
        """All of it."""
        return await self.post(await self.attempt())


@pytest.fixture
async def engine(db: Database, clock: FakeClock, outgoing: OutgoingClient) -> AsyncIterator[Engine]:
    """Everything below a recipe, real, on both databases."""
    async with running_engine(db) as running:
        yield replace(running, app_info=APP, clock=clock, outgoing=outgoing)


@pytest.fixture
async def memory_engine(sqlite_url: str, clock: FakeClock, outgoing: OutgoingClient) -> AsyncIterator[Engine]:
    """The same on one database only, for what no database decides."""
    db = open_database(sqlite_url)
    await db.start()
    try:
        async with running_engine(db) as running:
            yield replace(running, app_info=APP, clock=clock, outgoing=outgoing)
    finally:
        await db.stop()


@pytest.fixture
def visitor(engine: Engine, double: ProviderDouble) -> Visitor:
    """A visitor of a site with one provider, on both databases."""
    return visitor_of(engine, corp(double))


def visitor_of(engine: Engine, *providers: Provider, **settings: Any) -> Visitor:
    """A visitor of a site with these providers."""
    recipe = ThirdParty(providers=providers, **settings)
    recipe.bind(engine)
    return Visitor(recipe)
