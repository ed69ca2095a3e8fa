"""Tenants: the parts of one app whose users do not know each other. Every app has the tenant `public`."""

import re
from dataclasses import dataclass

from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput

PUBLIC_TENANT_ID = "public"

_TENANT_ID = re.compile(r"[a-zA-Z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant of the app. `tenant_id` consists of ASCII letters, digits and hyphens (FDI 1.1)."""

    tenant_id: str


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
        app_id = self._app_id

        async def insert_public(tx: Transaction) -> None:
            await tx.execute(_INSERT_TENANT, app_id=app_id, tenant_id=PUBLIC_TENANT_ID)

        await self._db.write(insert_public)

    async def get_tenant(self, tenant_id: str) -> Tenant:
        """The tenant of this id. `public` costs no I/O: it is there from the start and cannot be deleted.

        Args:
            tenant_id: As it came in the path; case counts.

        Raises:
            BadInput: There is no such tenant; the field is `tenantId`. (The SDKs answer 500 here; FDI 16, 7.)
            StorageUnavailable: The database did not answer.
        """
        if tenant_id == PUBLIC_TENANT_ID:
            return Tenant(PUBLIC_TENANT_ID)
        # The pattern first: what cannot be an id (NUL, kilobytes) neither reaches the database nor the message.
        if _TENANT_ID.fullmatch(tenant_id) is None:
            raise BadInput("tenantId", "unknown tenant; a tenant id consists of letters, digits and hyphens")
        if await self._db.find(_FIND_TENANT, app_id=self._app_id, tenant_id=tenant_id) is None:
            raise BadInput("tenantId", f"unknown tenant {tenant_id}")
        return Tenant(tenant_id)


_INSERT_TENANT = Statement(
    """
    insert into {tenants} (app_id, tenant_id) values (:app_id, :tenant_id)
    on conflict (app_id, tenant_id) do nothing
    """
)

_FIND_TENANT = Statement("select tenant_id from {tenants} where app_id = :app_id and tenant_id = :tenant_id")
