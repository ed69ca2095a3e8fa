"""The floors below a recipe, all real, for tests that call recipes without HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from watchword.accounts.tenants import Tenants
from watchword.audit.events import Unlogged
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.outbox import Outbox
from watchword.delivery.service import ConsoleService, EmailService
from watchword.http.client import OutgoingClient
from watchword.http.messages import HttpRequest
from watchword.ids import RandomIds
from watchword.protection.limits import Limits
from watchword.protection.settings import Protection
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe
from watchword.recipes.session.recipe import Session
from watchword.settings import AppInfo

PACKAGES = (
    "watchword.accounts",
    "watchword.sessions",
    "watchword.delivery",
    "watchword.protection",
    "watchword.recipes.emailpassword",
    "watchword.recipes.thirdparty",
)
EVERYWHERE = "https://api.example.com"


@asynccontextmanager
async def running_engine(
    db: Database,
    *,
    app_id: str = "public",
    api_domain: str = EVERYWHERE,
    passwords: PasswordHasher | None = None,
    protection: Protection | None = None,
    email_service: EmailService | None = None,
) -> AsyncIterator[Engine]:
    """An engine on this database, tables made, with the real session recipe and the cheapest valid hash.

    Mail is sent by `engine.outbox.send_due()`, through `email_service`.

    Its signing key is EdDSA, made in no time; RSA keys have tests of their own.
    """
    await migrate(db, load_migrations(PACKAGES))
    hasher = passwords or PasswordHasher()
    outgoing = OutgoingClient()
    session = Session(signing_key_algorithm="EdDSA")
    clock, secrets = SystemClock(), SecretRing("a secret of the tests, over 32 bytes")
    delivery = EmailDelivery(email_service or ConsoleService())
    delivery.bind("Test")
    engine = Engine(
        app_id=app_id,
        app_info=AppInfo(app_name="Test", api_domain=api_domain, website_domain=api_domain),
        db=db,
        clock=clock,
        ids=RandomIds(),
        secrets=secrets,
        outbox=Outbox(db=db, app_id=app_id, clock=clock, secrets=secrets, delivery=delivery),
        passwords=hasher,
        outgoing=outgoing,
        audit=Unlogged(),
        limits=Limits(protection or Protection(), db, app_id, clock, secrets),
        tenants=Tenants(db, app_id),
        sessions=session,
    )
    session.bind(engine)
    await engine.tenants.start()
    await session.start()
    try:
        yield engine
    finally:
        await session.stop()
        await outgoing.stop()
        hasher.stop()


async def make_tenant(engine: Engine, tenant_id: str) -> None:
    """One more tenant of the engine's app."""

    async def insert(tx: Transaction) -> None:
        await tx.execute(
            Statement("insert into {tenants} (app_id, tenant_id) values (:app_id, :tenant_id)"),
            app_id=engine.app_id,
            tenant_id=tenant_id,
        )

    await engine.db.write(insert)


async def count(db: Database, table: str) -> int:
    """How many rows a table has, all apps together."""
    row = await db.find(Statement(f"select count(*) as rows from {{{table}}}"))  # noqa: S608 - constants
    assert row is not None
    return row["rows"]


async def call(
    recipe: Recipe,
    name: str,
    body: Mapping[str, Any] | None = None,
    *,
    query: tuple[tuple[str, str], ...] = (),
    tenant_id: str = "public",
) -> Answer:
    """Call an HTTP API of a recipe by its name, as the face does after it has read the request."""
    route = next(route for route in recipe.routes() if route.name == name)
    http = HttpRequest(method=route.method, path="/auth" + route.path, query=query)
    return await route.handler(ApiRequest(http=http, body=dict(body or {}), tenant_id=tenant_id))


def form(email: Any, password: Any, **own: Any) -> dict[str, Any]:
    """The body of a sign-up or sign-in."""
    values = {"email": email, "password": password, **own}
    return {"formFields": [{"id": id, "value": value} for id, value in values.items()]}
