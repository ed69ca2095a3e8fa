"""A password that changes while somebody signs in with the old one: no session may come of it (security PW-11).

Between the comparison of a password and the insertion of the session lie a hash, the hooks of the application
and a queue of other people's hashes. A reset that is committed in between signs out everywhere, and does not see
the session that is still to come: a thief who keeps some sign-ins under way would stay signed in.

So the hash that was read before the comparison is read again in the transaction that stores the session, under a lock
of its row. Who changes a password updates that row first and deletes sessions last: either the change is seen here, or
the change sees the session. The row that lets the address into the tenant is read and locked with it, for the same
reason: somebody who is shut out of a tenant, or whose tenant is deleted, while signing in there has no session in it
(security TN-4).
"""

from watchword.crypto.passwords import PasswordMismatch
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.engine import Engine
from watchword.recipes.with_session import WithSession


class PasswordSignIn(WithSession):
    """One sign-in, or sign-up, with a password, until its session is stored.

    Args:
        engine: The floors below.
        tenant_id: Where.
    """

    def __init__(self, engine: Engine, tenant_id: str) -> None:
        super().__init__()
        self._engine = engine
        self._tenant_id = tenant_id
        self._recipe_user_id = ""
        self._seen: str | None = None
        self._is_unchanged = False

    def watch(self, recipe_user_id: str, password_hash: str | None) -> None:
        """Look again whether this hash still opens the account, when the session is stored.

        Args:
            recipe_user_id: The login method that is used.
            password_hash: As it was read before the comparison.
        """
        self._recipe_user_id, self._seen = recipe_user_id, password_hash
        self.add(self._look)

    async def read_hash(self, email: str) -> None:
        """Read the hash that opens the account of an address in normal form, before anything is compared.

        For passwords that others compare; `watch` saves the read.

        Raises:
            Overloaded: Too many passwords wait to be compared; the database is not asked (security PW-6).
        """
        engine = self._engine
        engine.passwords.refuse_when_full()
        self._seen = _hash_in(
            await engine.db.find(FIND_HASH, app_id=engine.app_id, tenant_id=self._tenant_id, email=email)
        )

    async def require_unchanged(self, handle: str, recipe_user_id: str, password: str) -> None:
        """Return if the password still opens the account, after its session was stored and before its tokens go out.

        Args:
            handle: The session.
            recipe_user_id: The login method that was used.
            password: As it was typed.
        Raises:
            WrongCredentials: It was changed meanwhile, or the user is gone, or let into the tenant no more.
            Overloaded: It was changed, and too many wait to be compared.
        """
        if self._is_unchanged and (self.handle, self._recipe_user_id) == (handle, recipe_user_id):
            return
        now = await self._find_now(self._engine.db, recipe_user_id)
        if now == self._seen:
            return
        if now is None:
            raise WrongCredentials
        try:  # it may have been hashed anew by this very sign-in, or set by an override
            await self._engine.passwords.verify(password, now)
        except PasswordMismatch as mismatch:
            raise WrongCredentials from mismatch

    async def _look(self, tx: Transaction) -> None:
        now = await self._find_now(tx, self._recipe_user_id)
        self._is_unchanged = now is not None and now == self._seen

    async def _find_now(self, reader: Database | Transaction, recipe_user_id: str) -> str | None:
        key = {"app_id": self._engine.app_id, "tenant_id": self._tenant_id, "recipe_user_id": recipe_user_id}
        return _hash_in(await reader.find(LOCK_HASH, **key))


def _hash_in(row: Row | None) -> str | None:
    return None if row is None else row["password_hash"]


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
       {for_share}
    """
)
