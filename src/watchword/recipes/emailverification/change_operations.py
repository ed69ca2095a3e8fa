"""What the wish for another address does to the database: a token for it, and a mail to the present one."""

from typing import Any

from watchword.accounts.email import normalise_email
from watchword.accounts.login_methods import is_email_taken, lock_login_method
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.errors import EmailAlreadyExists, FieldError, FieldErrors, UserNotFound
from watchword.recipes.emailverification.operations import DELETE_EXPIRED_TOKENS
from watchword.recipes.emailverification.use_of_tokens import delete_stale_tokens
from watchword.recipes.engine import Engine
from watchword.recipes.languages import language_of
from watchword.recipes.mailed_links import hash_of, new_token
from watchword.recipes.notices import enqueue_notice
from watchword.recipes.user_context import UserContext, address_of


async def create_change_token(
    engine: Engine,
    tenant_id: str,
    recipe_user_id: str,
    email: str,
    life_ms: int,
    *,
    keep_session: str | None,
    user_context: UserContext,
) -> str:
    """Make a token that gives a login method another address once; one that was made for it before is void.

    The present address hears of it by a mail, in the same transaction.

    Args:
        engine: The floors below.
        tenant_id: Where the token works.
        recipe_user_id: Whose address.
        email: The new one, in any spelling.
        life_ms: Milliseconds.
        keep_session: The handle of a session that goes on when the token is used.
        user_context: For the audit log and the language of the mail.

    Raises:
        UserNotFound: There is no such login method, or its address is what a provider tells.
        BadInput: The address can never be one.
        FieldErrors: It has this address.
        EmailAlreadyExists: Somebody else signs in with it.
    """
    new_email, token, now_ms = normalise_email(email), new_token(), engine.clock.now_ms()

    async def insert(tx: Transaction) -> None:
        user, method = await lock_login_method(tx, engine.app_id, recipe_user_id)
        await _require_free(tx, engine, user, method, new_email)
        await tx.execute(DELETE_EXPIRED_TOKENS, app_id=engine.app_id, now_ms=now_ms)
        await delete_stale_tokens(tx, engine.app_id, recipe_user_id, method.email)
        await tx.execute(
            INSERT_CHANGE_TOKEN,
            app_id=engine.app_id,
            tenant_id=tenant_id,
            recipe_user_id=recipe_user_id,
            email=new_email,
            token_hash=hash_of(token),
            expires_at_ms=now_ms + life_ms,
            former_email=method.email,
            keep_session=keep_session,
        )
        about: dict[str, Any] = {"tenant_id": tenant_id, "user_id": user.id}
        language = language_of(user_context)
        await enqueue_notice(tx, engine, "email_change_requested", to=method.email, language=language, **about)
        asked = SecurityEvent("email_change_requested", address=address_of(user_context), **about)
        await engine.audit.record(tx, asked)

    await engine.db.write(insert)
    engine.outbox.wake()
    return token


async def _require_free(tx: Transaction, engine: Engine, user: User, method: LoginMethod, email: str) -> None:
    """Return if this person may take the address; it is looked at again when the token is used."""
    if method.email is None or method.third_party is not None:
        raise UserNotFound
    if method.email == email:
        raise FieldErrors([FieldError("email", "This is your email address already.")])
    if await is_email_taken(tx, engine.app_id, method, email):
        raise EmailAlreadyExists
    for tenant_id in method.tenant_ids:
        await engine.sign_ups.require_only_account(tx, engine.app_id, tenant_id, email, user_id=user.id)


INSERT_CHANGE_TOKEN = Statement(
    """
    insert into {email_verification_tokens}
           (app_id, tenant_id, recipe_user_id, email, token_hash, expires_at_ms, former_email, keep_session)
    values (:app_id, :tenant_id, :recipe_user_id, :email, :token_hash, :expires_at_ms, :former_email, :keep_session)
    """
)
