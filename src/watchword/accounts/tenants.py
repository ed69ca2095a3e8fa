"""Tenants: the parts of one app whose users do not know each other. Every app has the tenant `public`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from watchword.accounts.errors import TenantNotFound
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput
from watchword.identifiers import LONGEST_PATH_PIECE

PUBLIC_TENANT_ID = "public"

_TENANT_ID = re.compile(rf"[a-zA-Z0-9-]{{1,{LONGEST_PATH_PIECE}}}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant of the app.

    Attributes:
        tenant_id: ASCII letters, digits and hyphens (FDI 1.1).
        first_factors: The ways to sign in that are open here, of those that the application offers; `None`: all.
    """

    tenant_id: str
    first_factors: tuple[str, ...] | None = None

    def offers(self, first_factor: str) -> bool:
        """Whether people may sign in here in this way."""
        return self.first_factors is None or first_factor in self.first_factors


class Tenants:
    """The tenants of one app.

    Args:
        db: A started database with the tables of this room.
        app_id: The app whose tenants these are; no other app's are ever seen.
    """

    def __init__(self, db: Database, app_id: str) -> None:
        self._db = db
        self._app_id = app_id

    async def start(self) -> None:
        """Make sure that the tenant `public` exists; several processes may do so at once.

        Raises:
            StorageUnavailable: The database did not answer.
        """
        await self._db.write(partial(self.insert, tenant_id=PUBLIC_TENANT_ID, first_factors=None))

    async def get(self, tenant_id: str) -> Tenant:
        """The tenant of this id. `public` costs no I/O: it is there from the start and has every way to sign in.

        Args:
            tenant_id: As it came in the path; case counts.

        Raises:
            TenantNotFound: There is no such tenant. (The SDKs answer 500 here; FDI 16, 7.)
            StorageUnavailable: The database did not answer.
        """
        if tenant_id == PUBLIC_TENANT_ID:
            return Tenant(PUBLIC_TENANT_ID)
        # The pattern first: what cannot be an id (NUL, kilobytes) neither reaches the database nor the message.
        if _TENANT_ID.fullmatch(tenant_id) is None:
            raise TenantNotFound("unknown tenant; a tenant id consists of letters, digits and hyphens")
        row = await self._db.find(FIND_TENANT, app_id=self._app_id, tenant_id=tenant_id)
        if row is None:
            raise TenantNotFound(f"unknown tenant {tenant_id}")
        return _tenant(row)

    async def list(self) -> list[Tenant]:
        """All tenants, sorted by id."""
        return [_tenant(row) for row in await self._db.list(LIST_TENANTS, app_id=self._app_id)]

    async def insert(self, tx: Transaction, tenant_id: str, first_factors: Sequence[str] | None) -> bool:
        """Make a tenant in the caller's transaction; one that is there already is left as it is.

        Returns:
            Whether it was made.

        Raises:
            BadInput: The id cannot be one.
        """
        if _TENANT_ID.fullmatch(tenant_id) is None:
            raise BadInput("tenantId", "a tenant id is 1 to 64 of a-z, A-Z, 0-9 and -")
        names = {"app_id": self._app_id, "tenant_id": tenant_id}
        return await tx.execute(INSERT_TENANT, **names, first_factors=_written(first_factors)) > 0

    async def update(self, tx: Transaction, tenant_id: str, first_factors: Sequence[str] | None) -> None:
        """Replace the ways to sign in of a tenant, in the caller's transaction.

        Raises:
            TenantNotFound: There is no such tenant.
        """
        names = {"app_id": self._app_id, "tenant_id": tenant_id}
        if not await tx.execute(UPDATE_TENANT, **names, first_factors=_written(first_factors)):
            raise TenantNotFound(f"unknown tenant {tenant_id:.64}")

    async def lock(self, tx: Transaction, tenant_id: str) -> bool:
        """Let nobody put anything into a tenant until the transaction ends; returns whether there is one."""
        return await tx.find(LOCK_TENANT, app_id=self._app_id, tenant_id=tenant_id) is not None

    async def delete(self, tx: Transaction, tenant_id: str) -> None:
        """Delete a tenant in a transaction that has locked it and deleted all that was in it."""
        await tx.execute(DELETE_TENANT, app_id=self._app_id, tenant_id=tenant_id)


async def keep_tenant(tx: Transaction, app_id: str, tenant_id: str) -> None:
    """Have a tenant stay until the transaction ends, which is going to put something into it.

    Whoever deletes the tenant waits for it, or is waited for: nothing is left in a tenant that is gone. `public`
    cannot be deleted and costs nothing.

    Raises:
        TenantNotFound: There is none, perhaps not any more; roll back.
    """
    if tenant_id == PUBLIC_TENANT_ID:
        return
    if await tx.find(KEEP_TENANT, app_id=app_id, tenant_id=tenant_id) is None:
        raise TenantNotFound(f"unknown tenant {tenant_id:.64}")


def _tenant(row: Row) -> Tenant:
    stored = row["first_factors"]
    factors = None if stored is None else tuple(msgspec.json.decode(stored, type=list[str]))
    return Tenant(row["tenant_id"], factors)


def _written(first_factors: Sequence[str] | None) -> str | None:
    return None if first_factors is None else msgspec.json.encode(list(first_factors)).decode()


INSERT_TENANT = Statement(
    """
    insert into {tenants} (app_id, tenant_id, first_factors) values (:app_id, :tenant_id, :first_factors)
    on conflict (app_id, tenant_id) do nothing
    """
)

UPDATE_TENANT = Statement(
    "update {tenants} set first_factors = :first_factors where app_id = :app_id and tenant_id = :tenant_id"
)

DELETE_TENANT = Statement("delete from {tenants} where app_id = :app_id and tenant_id = :tenant_id")

FIND_TENANT = Statement(
    "select tenant_id, first_factors from {tenants} where app_id = :app_id and tenant_id = :tenant_id"
)

LOCK_TENANT = Statement(
    "select tenant_id from {tenants} where app_id = :app_id and tenant_id = :tenant_id {for_update}"
)

KEEP_TENANT = Statement(
    "select tenant_id from {tenants} where app_id = :app_id and tenant_id = :tenant_id {for_key_share}"
)

LIST_TENANTS = Statement("select tenant_id, first_factors from {tenants} where app_id = :app_id order by tenant_id")
