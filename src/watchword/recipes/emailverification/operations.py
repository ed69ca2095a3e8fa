"""What proofs of addresses do to the database: tokens for them, and proofs taken back; SQL beside it."""

from dataclasses import dataclass

from watchword.accounts import directory
from watchword.accounts.email import normalise_email
from watchword.accounts.users import LoginMethod
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, UserNotFound
from watchword.recipes.emailverification.errors import EmailAlreadyVerified
from watchword.recipes.emailverification.use_of_tokens import delete_tokens
from watchword.recipes.engine import Engine
from watchword.recipes.mailed_links import hash_of, new_token


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedAddress:
    """A login method of a user, and its address."""

    user_id: str
    method: LoginMethod


async def get_login_method(engine: Engine, recipe_user_id: str, email: str | None = None) -> OwnedAddress:
    """A login method, with the address asked for.

    Args:
        engine: The floors below.
        recipe_user_id: The login method.
        email: In any spelling; `None` means the one it has.

    Raises:
        UserNotFound: There is none, or it has another address.
    """
    user = await directory.find_user_of_login_method(engine.db, engine.app_id, recipe_user_id)
    if user is None:
        raise UserNotFound
    method = next(method for method in user.login_methods if method.recipe_user_id == recipe_user_id)
    if email is not None and method.email != _normal_form(email):
        raise UserNotFound
    return OwnedAddress(user_id=user.id, method=method)


async def create_token(engine: Engine, tenant_id: str, method: LoginMethod, life_ms: int) -> str:
    """Make a token that verifies the present address of a login method once; earlier ones stay good.

    Args:
        engine: The floors below.
        tenant_id: Where the token works.
        method: With its address.
        life_ms: Milliseconds.

    Returns:
        43 URL-safe characters holding 256 random bits. Only their SHA-256 is stored (security TK-1).

    Raises:
        EmailAlreadyVerified: It is verified, or there is no address.
        UserNotFound: The login method has gone, or its address has changed meanwhile.
    """
    if method.verified or method.email is None:
        raise EmailAlreadyVerified
    token, now_ms = new_token(), engine.clock.now_ms()

    async def insert(tx: Transaction) -> bool:
        await tx.execute(DELETE_EXPIRED_TOKENS, app_id=engine.app_id, now_ms=now_ms)
        made = await tx.find(
            INSERT_TOKEN,
            app_id=engine.app_id,
            tenant_id=tenant_id,
            recipe_user_id=method.recipe_user_id,
            email=method.email,
            token_hash=hash_of(token),
            expires_at_ms=now_ms + life_ms,
        )
        return made is not None

    if not await engine.db.write(insert):
        raise UserNotFound
    return token


async def unverify_email(
    engine: Engine, user_id: str, recipe_user_id: str, email: str, *, address: str | None = None
) -> None:
    """Take a proof back."""

    async def take_back(tx: Transaction) -> None:
        if await directory.mark_email_verified(tx, engine.app_id, recipe_user_id, _normal_form(email), verified=False):
            await engine.audit.record(tx, SecurityEvent("email_unverified", user_id=user_id, address=address))

    await engine.db.write(take_back)


async def void_tokens(engine: Engine, recipe_user_id: str, email: str) -> None:
    """Void the links that are under way to an address."""

    async def delete(tx: Transaction) -> None:
        await delete_tokens(tx, engine.app_id, recipe_user_id, _normal_form(email))

    await engine.db.write(delete)


def _normal_form(email: str) -> str:
    try:
        return normalise_email(email)
    except BadInput:
        raise UserNotFound from None


# The address is read again, so that no token is made for one that has just been changed.
INSERT_TOKEN = Statement(
    """
    insert into {email_verification_tokens} (app_id, tenant_id, recipe_user_id, email, token_hash, expires_at_ms)
    select m.app_id, :tenant_id, m.recipe_user_id, m.email, :token_hash, :expires_at_ms
      from {login_methods} m
     where m.app_id = :app_id and m.recipe_user_id = :recipe_user_id and m.email = :email
 returning recipe_user_id
    """
)

DELETE_EXPIRED_TOKENS = Statement(
    "delete from {email_verification_tokens} where app_id = :app_id and expires_at_ms <= :now_ms"
)
