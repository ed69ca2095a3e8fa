"""What tenants and the people in them do to the database."""

from collections.abc import Sequence

from watchword.accounts import directory
from watchword.accounts.login_methods import lock_login_method
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.recipes.engine import Engine
from watchword.recipes.multitenancy.tenant_data import TenantData
from watchword.recipes.recipe import SignInRecipe
from watchword.sessions.endings import Ending


async def create_or_update_tenant(
    engine: Engine,
    tenant_id: str,
    first_factors: Sequence[str] | None,
    *,
    update: bool,
    address: str | None = None,
) -> bool:
    """Make a tenant, or replace the ways to sign in of one that is there if `update`; returns whether it was made.

    Raises:
        BadInput: The id cannot be one.
    """
    facts = {"first_factors": "all" if first_factors is None else ",".join(first_factors)}

    async def write(tx: Transaction) -> bool:
        created = await engine.tenants.insert(tx, tenant_id, first_factors)
        if created:
            await engine.audit.record(
                tx, SecurityEvent("tenant_created", tenant_id=tenant_id, address=address, facts=facts)
            )
        elif update:
            await engine.tenants.update(tx, tenant_id, first_factors)
            await engine.audit.record(
                tx, SecurityEvent("tenant_changed", tenant_id=tenant_id, address=address, facts=facts)
            )
        return created

    return await engine.db.write(write)


async def add_user(
    engine: Engine,
    recipes: Sequence[SignInRecipe],
    tenant_id: str,
    recipe_user_id: str,
    *,
    address: str | None = None,
) -> bool:
    """Let a login method be used in one more tenant; returns whether it could not be yet.

    Raises:
        TenantNotFound: There is no such tenant.
        UserNotFound: There is no such login method.
        EmailAlreadyExists, IdentityTaken: Somebody else of that tenant has the address or identity.
    """

    async def add(tx: Transaction) -> bool:
        user, method = await lock_login_method(tx, engine.app_id, recipe_user_id)
        if tenant_id in method.tenant_ids:
            return False
        if method.email is not None:
            await engine.sign_ups.require_only_account(tx, engine.app_id, tenant_id, method.email, user_id=user.id)
        await directory.add_login_method_to_tenant(tx, engine.app_id, user, method, tenant_id)
        for recipe in recipes:
            await recipe.join_tenant(tx, method, tenant_id)
        joined = SecurityEvent("tenant_joined", tenant_id=tenant_id, user_id=user.id, address=address)
        await engine.audit.record(tx, joined)
        return True

    return await engine.db.write(add)


async def remove_user(
    engine: Engine, data: TenantData, tenant_id: str, recipe_user_id: str, *, address: str | None = None
) -> tuple[bool, list[str]]:
    """Shut a login method out of a tenant, with the links that are under way to it there.

    The person's roles and sessions there go as well, unless another of their login methods is still let in.

    Returns:
        Whether it was let in, and the handles of the sessions that ended, for `remember_revoked`.

    Raises:
        UserNotFound: There is no such login method.
    """

    async def remove(tx: Transaction) -> tuple[bool, list[str]]:
        user, method = await lock_login_method(tx, engine.app_id, recipe_user_id)
        if tenant_id not in method.tenant_ids:
            return False, []
        await directory.remove_login_method_from_tenant(tx, engine.app_id, recipe_user_id, tenant_id)
        await data.delete_of_method(tx, engine.app_id, tenant_id, recipe_user_id)
        left = SecurityEvent("tenant_left", tenant_id=tenant_id, user_id=user.id, address=address)
        await engine.audit.record(tx, left)
        if any(tenant_id in other.tenant_ids for other in user.login_methods if other is not method):
            return True, []
        await data.delete_of_user(tx, engine.app_id, tenant_id, user.id)
        ending = Ending(cause="left_tenant")
        ended = await engine.sessions.delete_sessions_of_user(tx, user.id, tenant_id=tenant_id, ending=ending)
        return True, ended

    return await engine.db.write(remove)


async def delete_tenant(
    engine: Engine, data: TenantData, tenant_id: str, *, address: str | None = None
) -> tuple[bool, list[str]]:
    """Remove a tenant and every row of it, in one transaction.

    Returns:
        Whether there was one, and the handles of the sessions that ended, for `remember_revoked`.
    """

    async def delete(tx: Transaction) -> tuple[bool, list[str]]:
        # Whoever is putting something in has done so by now, or will find no tenant.
        if not await engine.tenants.lock(tx, tenant_id):
            return False, []
        await data.delete_of_tenant(tx, engine.app_id, tenant_id)
        await engine.tenants.delete(tx, tenant_id)
        await engine.audit.record(tx, SecurityEvent("tenant_deleted", tenant_id=tenant_id, address=address))
        return True, await engine.sessions.delete_sessions_of_tenant(tx, tenant_id)

    return await engine.db.write(delete)
