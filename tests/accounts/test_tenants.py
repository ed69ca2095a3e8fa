"""Tenants: one is always there, others are of one app, and nonsense is refused before the database."""

import asyncio

import pytest

from watchword.accounts.tenants import Tenant, Tenants
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput

INSERT = Statement("insert into {tenants} (app_id, tenant_id) values (:app_id, :tenant_id)")
COUNT = Statement("select count(*) as tenants from {tenants} where app_id = :app_id")


async def insert(db: Database, app_id: str, tenant_id: str) -> None:
    """One more tenant."""

    async def body(tx: Transaction) -> None:
        await tx.execute(INSERT, app_id=app_id, tenant_id=tenant_id)

    await db.write(body)


async def test_several_processes_may_start_at_once(accounts_db: Database) -> None:
    """The tenant `public` is made once, however many make sure that it exists."""
    await asyncio.gather(*(Tenants(accounts_db, "third").start() for _ in range(10)))
    row = await accounts_db.find(COUNT, app_id="third")
    assert row is not None
    assert 1 == row["tenants"]


async def test_a_tenant_is_known_in_its_app_only(accounts_db: Database) -> None:
    """Attack: the tenant of another app, named in the path (security TN-1)."""
    await insert(accounts_db, "public", "Customer-1")

    assert Tenant("Customer-1") == await Tenants(accounts_db, "public").get("Customer-1")
    with pytest.raises(BadInput, match="unknown tenant Customer-1") as caught:
        await Tenants(accounts_db, "other").get("Customer-1")
    assert "tenantId" == caught.value.field
    with pytest.raises(BadInput, match="unknown tenant"):  # case counts
        await Tenants(accounts_db, "public").get("customer-1")


async def test_public_needs_no_database(accounts_db: Database) -> None:
    """A request on the default tenant costs no read, so it works while the database is away."""
    await accounts_db.stop()
    assert Tenant("public") == await Tenants(accounts_db, "public").get("public")


@pytest.mark.parametrize("tenant_id", ["", " ", "a b", "a/b", "a\x00", "\ud800", "ä", "' or 1=1 --", "a" * 65, "a\n"])
async def test_what_cannot_be_a_tenant_is_refused_without_a_read(accounts_db: Database, tenant_id: str) -> None:
    """NUL, surrogates and kilobytes neither reach the database nor come back in the message."""
    await accounts_db.stop()
    with pytest.raises(BadInput, match=r"^unknown tenant; a tenant id consists of letters, digits and hyphens$"):
        await Tenants(accounts_db, "public").get(tenant_id)
