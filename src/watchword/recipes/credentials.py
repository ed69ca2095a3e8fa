"""A login method gets another address or password: every recipe follows, in the transaction that changes it.

One recipe keeps the address that signs in, another has links to the old one under way, and recipes do not know each
other: so each is told, and does its own part.
"""

from watchword.accounts import directory
from watchword.accounts.users import LoginMethod
from watchword.database.database import Transaction
from watchword.recipes.engine import Engine


async def change_email(
    tx: Transaction, engine: Engine, user_id: str, method: LoginMethod, email: str, *, is_verified: bool
) -> None:
    """Give a login method another address, with all that hangs on it.

    Args:
        tx: In which the user is locked (`lock_login_method`).
        engine: The floors below.
        user_id: Whose it is.
        method: As it was until now.
        email: The new address, in normal form.
        is_verified: Whether it is known to be this person's.

    Raises:
        EmailAlreadyExists: Somebody else signs in with it, in one of the tenants; roll back.
    """
    for tenant_id in method.tenant_ids:
        await engine.sign_ups.require_only_account(tx, engine.app_id, tenant_id, email, user_id=user_id)
        if method.email is not None:  # what was counted under it is nobody's any more
            await engine.limits.forget_failures(tx, tenant_id, method.email)
    await directory.update_login_method_email(tx, engine.app_id, method.recipe_user_id, email, verified=is_verified)
    await tell_recipes(tx, engine, user_id, method, email)


async def tell_recipes(
    tx: Transaction, engine: Engine, user_id: str, method: LoginMethod, new_email: str | None = None
) -> None:
    """Have every recipe follow a change of a password, or of an address to `new_email`; see `Recipe.follow_change`."""
    for recipe in engine.recipes:
        await recipe.follow_change(tx, user_id, method, new_email)
