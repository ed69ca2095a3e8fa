"""One login method of somebody: changed or removed under a lock, so that no two such changes meet."""

from watchword.accounts.bans import LOCK_USER
from watchword.accounts.directory import find_user_of_login_method
from watchword.accounts.tenants import PUBLIC_TENANT_ID
from watchword.accounts.users import LoginMethod, User
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.errors import UserNotFound
from watchword.identifiers import is_storable


async def lock_login_method(tx: Transaction, app_id: str, recipe_user_id: str) -> tuple[User, LoginMethod]:
    """The user and the login method as they are once everybody else who changes this person has finished.

    To be called first in a transaction: whoever deletes a person, gives them another id, removes a login method or
    stores a session takes the same lock before anything else.

    Raises:
        UserNotFound: There is no such login method.
    """
    if not is_storable(recipe_user_id):
        raise UserNotFound
    locked: str | None = None
    user = await find_user_of_login_method(tx, app_id, recipe_user_id)
    while user is not None and user.id != locked:  # a second time where the id of the user has just changed
        await tx.find(LOCK_USER, app_id=app_id, user_id=user.id)
        locked = user.id
        user = await find_user_of_login_method(tx, app_id, recipe_user_id)
    if user is None:
        raise UserNotFound
    return user, method_of(user, recipe_user_id)


def method_of(user: User, recipe_user_id: str) -> LoginMethod:
    """A login method of a user. Raises `UserNotFound` when it is none of this user's."""
    for method in user.login_methods:
        if method.recipe_user_id == recipe_user_id:
            return method
    raise UserNotFound


def a_tenant_of(method: LoginMethod) -> str:
    """One tenant of a login method, for mails and events about it; `public` when it may be used in none."""
    return next(iter(method.tenant_ids), PUBLIC_TENANT_ID)


async def is_email_taken(tx: Transaction, app_id: str, method: LoginMethod, email: str) -> bool:
    """Whether somebody signs in with this address already, in the same way and in one of the same tenants.

    Args:
        tx: The transaction, or any reader.
        app_id: Whose users.
        method: Who wants it.
        email: In normal form.
    """
    for tenant_id in method.tenant_ids:
        taken = await tx.find(
            FIND_OTHER_WITH_EMAIL,
            app_id=app_id,
            tenant_id=tenant_id,
            recipe_id=method.recipe_id,
            recipe_user_id=method.recipe_user_id,
            email=email,
        )
        if taken is not None:
            return True
    return False


FIND_OTHER_WITH_EMAIL = Statement(
    """
    select m.recipe_user_id from {login_methods} m
      join {login_method_tenants} t on t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
     where m.app_id = :app_id and m.email {bytewise} = :email and m.recipe_id = :recipe_id
       and m.recipe_user_id <> :recipe_user_id and t.tenant_id = :tenant_id
     limit 1
    """
)
