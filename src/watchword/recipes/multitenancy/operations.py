"""What tenants and the people in them do to the database."""

from collections.abc import Sequence

from watchword.accounts import directory
from watchword.accounts.login_methods import lock_login_method
from watchword.database.database import Transaction
from watchword.recipes.engine import Engine
from watchword.recipes.multitenancy.tenant_data import TenantData
from watchword.recipes.recipe import SignInRecipe
from watchword.sessions.endings import Ending


async def add_user(engine: Engine, recipes: Sequence[SignInRecipe], tenant_id: str, recipe_user_id: str) -> bool:
    """Let a login method be used in one more tenant; returns whether it could not be yet.

    Raises:
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
        return True

    return await engine.db.write(add)


async def remove_user(engine: Engine, data: TenantData, tenant_id: str, recipe_user_id: str) -> tuple[bool, list[str]]:
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
        if any(tenant_id in other.tenant_ids for other in user.login_methods if other is not method):
            return True, []
        await data.delete_of_user(tx, engine.app_id, tenant_id, user.id)
        ending = Ending(cause="left_tenant")
        ended = await engine.sessions.delete_sessions_of_user(tx, user.id, tenant_id=tenant_id, ending=ending)
        return True, ended

    return await engine.db.write(remove)


async def delete_tenant(engine: Engine, data: TenantData, tenant_id: str) -> tuple[bool, list[str]]:
    """Remove a tenant and every row of it, in one transaction.

    Returns:
        Whether there was one, and the handles of the sessions that ended, for `remember_revoked`.
    """

    async def delete(tx: Transaction) -> tuple[bool, list[str]]:
        await data.delete_of_tenant(tx, engine.app_id, tenant_id)
        deleted = await engine.tenants.delete(tx, tenant_id)
        return deleted, await engine.sessions.delete_sessions_of_tenant(tx, tenant_id)

    return await engine.db.write(delete)
