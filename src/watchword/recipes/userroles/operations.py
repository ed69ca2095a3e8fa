"""What roles do to the database, its SQL beside it."""

from collections.abc import Mapping, Sequence

from watchword.accounts.id_mappings import find_mapping
from watchword.accounts.tenants import keep_tenant
from watchword.audit.events import EventKind, Fact, SecurityEvent
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.recipes.engine import Engine
from watchword.recipes.userroles.errors import RoleNotFound


async def create_role(engine: Engine, role: str, permissions: Sequence[str], *, address: str | None = None) -> bool:
    """Make a role if it is missing, and add permissions to it; returns whether it was made.

    Here and below, `address` is the client's, for the audit log.
    """

    async def insert(tx: Transaction) -> bool:
        created = await tx.execute(INSERT_ROLE, app_id=engine.app_id, role=role) > 0
        await tx.execute(HOLD_ROLE, app_id=engine.app_id, role=role)
        added = 0
        for permission in sorted(set(permissions)):  # in one order everywhere, so that two calls cannot deadlock
            added += await tx.execute(INSERT_PERMISSION, app_id=engine.app_id, role=role, permission=permission)
        if created or added:
            await _record(tx, engine, "role_changed", address, role=role, created=created, permissions_added=added)
        return created

    return await engine.db.write(insert)


async def delete_role(engine: Engine, role: str, *, address: str | None = None) -> bool:
    """Remove a role from everybody and everywhere; returns whether it was there."""

    async def delete(tx: Transaction) -> bool:
        if not await tx.execute(DELETE_ROLE, app_id=engine.app_id, role=role):
            return False
        await _record(tx, engine, "role_deleted", address, role=role)
        return True

    return await engine.db.write(delete)


async def remove_permissions(
    engine: Engine, role: str, permissions: Sequence[str] | None, *, address: str | None = None
) -> None:
    """Take permissions out of a role, all of them for `None`.

    Raises:
        RoleNotFound: There is no such role.
    """

    async def delete(tx: Transaction) -> None:
        await _keep_role(tx, engine.app_id, role)
        removed = 0
        if permissions is None:
            removed = await tx.execute(DELETE_PERMISSIONS, app_id=engine.app_id, role=role)
        else:
            for permission in sorted(set(permissions)):
                removed += await tx.execute(DELETE_PERMISSION, app_id=engine.app_id, role=role, permission=permission)
        if removed:
            await _record(tx, engine, "role_changed", address, role=role, permissions_removed=removed)

    await engine.db.write(delete)


async def add_role_to_user(
    engine: Engine, tenant_id: str, user_id: str, role: str, *, address: str | None = None
) -> bool:
    """Give a role; returns whether the user did not have it yet.

    Raises:
        RoleNotFound: There is no such role.
        TenantNotFound: There is no such tenant, perhaps not any more.
    """
    key = {"tenant_id": tenant_id, "user_id": user_id, "role": role}
    return await _change_user_role(engine, INSERT_USER_ROLE, key, "role_given", address)


async def insert_user_roles(tx: Transaction, app_id: str, user_id: str, roles: Sequence[tuple[str, str]]) -> None:
    """Give roles to a user who is brought from elsewhere, as pairs of role and tenant; makes what is missing."""
    for role, tenant_id in sorted(set(roles)):
        await tx.execute(HOLD_ROLE, app_id=app_id, role=role)
        await tx.execute(INSERT_USER_ROLE, app_id=app_id, tenant_id=tenant_id, user_id=user_id, role=role)


async def remove_role_from_user(
    engine: Engine, tenant_id: str, user_id: str, role: str, *, address: str | None = None
) -> bool:
    """Take a role away; returns whether the user had it.

    Raises:
        RoleNotFound: There is no such role.
    """
    key = {"tenant_id": tenant_id, "user_id": user_id, "role": role}
    return await _change_user_role(engine, DELETE_USER_ROLE, key, "role_taken", address)


async def require_role(engine: Engine, role: str) -> None:
    """Raises `RoleNotFound` when there is no such role."""
    if await engine.db.find(FIND_ROLE, app_id=engine.app_id, role=role) is None:
        raise RoleNotFound


async def list_column(engine: Engine, statement: Statement, **parameters: str) -> list[str]:
    """The one column of a list of this app's, in the order of its statement."""
    rows = await engine.db.list(statement, app_id=engine.app_id, **parameters)
    return [row["name"] for row in rows]


async def _record(tx: Transaction, engine: Engine, kind: EventKind, address: str | None, **facts: Fact) -> None:
    await engine.audit.record(tx, SecurityEvent(kind, address=address, facts=facts))


async def _change_user_role(
    engine: Engine, statement: Statement, key: Mapping[str, str], kind: EventKind, address: str | None
) -> bool:
    """Give or take one role of one user, and record it; returns whether that changed anything."""

    async def change(tx: Transaction) -> bool:
        if kind == "role_given":  # nothing is put into a tenant that is being deleted
            await keep_tenant(tx, engine.app_id, key["tenant_id"])
        await _keep_role(tx, engine.app_id, key["role"])
        # The id from before a mapping is nobody's any more: whoever still writes it means the user of today.
        mapping = await find_mapping(tx, engine.app_id, key["user_id"])
        user_id = key["user_id"] if mapping is None else mapping.external_user_id
        if not await tx.execute(statement, app_id=engine.app_id, **{**key, "user_id": user_id}):
            return False
        changed = SecurityEvent(
            kind,
            tenant_id=key["tenant_id"],
            user_id=user_id,
            address=address,
            facts={"role": key["role"]},
        )
        await engine.audit.record(tx, changed)
        return True

    return await engine.db.write(change)


async def _keep_role(tx: Transaction, app_id: str, role: str) -> None:
    """Keep the role from being deleted until this transaction is over, so that nothing hangs on one that is gone."""
    if await tx.find(KEEP_ROLE, app_id=app_id, role=role) is None:
        raise RoleNotFound


INSERT_ROLE = Statement("insert into {roles} (app_id, role) values (:app_id, :role) on conflict do nothing")

# Makes sure that a role which was there still is when its permissions are stored, whoever deletes it meanwhile.
HOLD_ROLE = Statement(
    """
    insert into {roles} (app_id, role) values (:app_id, :role)
    on conflict (app_id, role) do update set role = excluded.role
    """
)

FIND_ROLE = Statement("select role from {roles} where app_id = :app_id and role = :role")

KEEP_ROLE = Statement("select role from {roles} where app_id = :app_id and role = :role {for_key_share}")

DELETE_ROLE = Statement("delete from {roles} where app_id = :app_id and role = :role")

INSERT_PERMISSION = Statement(
    """
    insert into {role_permissions} (app_id, role, permission) values (:app_id, :role, :permission)
    on conflict do nothing
    """
)

DELETE_PERMISSION = Statement(
    "delete from {role_permissions} where app_id = :app_id and role = :role and permission = :permission"
)

DELETE_PERMISSIONS = Statement("delete from {role_permissions} where app_id = :app_id and role = :role")

INSERT_USER_ROLE = Statement(
    """
    insert into {user_roles} (app_id, tenant_id, user_id, role) values (:app_id, :tenant_id, :user_id, :role)
    on conflict do nothing
    """
)

DELETE_USER_ROLE = Statement(
    """
    delete from {user_roles}
     where app_id = :app_id and tenant_id = :tenant_id and user_id = :user_id and role = :role
    """
)

LIST_ROLES = Statement("select role as name from {roles} where app_id = :app_id order by role")

LIST_PERMISSIONS = Statement(
    "select permission as name from {role_permissions} where app_id = :app_id and role = :role order by permission"
)

LIST_ROLES_WITH_PERMISSION = Statement(
    "select role as name from {role_permissions} where app_id = :app_id and permission = :permission order by role"
)

LIST_ROLES_OF_USER = Statement(
    """
    select role as name from {user_roles}
     where app_id = :app_id and tenant_id = :tenant_id and user_id = :user_id order by role
    """
)

LIST_PERMISSIONS_OF_USER = Statement(
    """
    select distinct p.permission as name
      from {user_roles} u join {role_permissions} p on p.app_id = u.app_id and p.role = u.role
     where u.app_id = :app_id and u.tenant_id = :tenant_id and u.user_id = :user_id order by p.permission
    """
)

LIST_USERS_WITH_ROLE = Statement(
    """
    select user_id as name from {user_roles}
     where app_id = :app_id and role = :role and tenant_id = :tenant_id order by user_id
    """
)
