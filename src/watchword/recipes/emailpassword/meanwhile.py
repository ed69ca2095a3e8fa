"""A password that changes while somebody signs in with the old one: no session may come of it (security PW-11).

Between the comparison of a password and the insertion of the session lie a hash, the hooks of the application
and a queue of other people's hashes. A reset that is committed in between signs out everywhere, and does not see
the session that is still to come: a thief who keeps some sign-ins under way would stay signed in.

So the hash is read before the comparison, and again after the insertion, under the lock of its row. Who changes
a password updates that row first and deletes sessions last: either the change is seen here, or the change sees
the session. The row that lets the address into the tenant is read and locked with it, for the same reason: somebody
who is shut out of a tenant, or whose tenant is deleted, while signing in there has no session in it (security TN-4).
"""

from watchword.crypto.passwords import PasswordMismatch
from watchword.database.statements import Statement
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.engine import Engine


async def find_password_hash(engine: Engine, tenant_id: str, email: str) -> str | None:
    """The hash that opens the account of an address in normal form; `None` without one. To be read first.

    Raises:
        Overloaded: Too many passwords wait to be compared; the database is not asked (security PW-6).
    """
    engine.passwords.refuse_when_full()
    row = await engine.db.find(FIND_HASH, app_id=engine.app_id, tenant_id=tenant_id, email=email)
    return None if row is None else row["password_hash"]


async def require_unchanged(
    engine: Engine, tenant_id: str, recipe_user_id: str, password: str, seen: str | None
) -> None:
    """Return if the password still opens the account, after its session was stored and before its tokens go out.

    Args:
        engine: The floors below.
        tenant_id: Where the person signed in.
        recipe_user_id: The login method that was used.
        password: As it was typed.
        seen: What `find_password_hash` gave before the comparison.
    Raises:
        WrongCredentials: It was changed meanwhile, or the user is gone, or let into the tenant no more.
        Overloaded: It was changed, and too many wait to be compared.
    """
    row = await engine.db.find(LOCK_HASH, app_id=engine.app_id, tenant_id=tenant_id, recipe_user_id=recipe_user_id)
    now = None if row is None else row["password_hash"]
    if now == seen:
        return
    if now is None:
        raise WrongCredentials
    try:  # it may have been hashed anew by this very sign-in, or set by an override
        await engine.passwords.verify(password, now)
    except PasswordMismatch as mismatch:
        raise WrongCredentials from mismatch


FIND_HASH = Statement(
    """
    select p.password_hash
      from {emailpassword_emails} e
      join {emailpassword_users} p on p.app_id = e.app_id and p.recipe_user_id = e.recipe_user_id
     where e.app_id = :app_id and e.tenant_id = :tenant_id and e.email = :email
    """
)

LOCK_HASH = Statement(
    """
    select p.password_hash
      from {emailpassword_emails} e
      join {emailpassword_users} p on p.app_id = e.app_id and p.recipe_user_id = e.recipe_user_id
     where e.app_id = :app_id and e.tenant_id = :tenant_id and e.recipe_user_id = :recipe_user_id
       {for_update}
    """
)
