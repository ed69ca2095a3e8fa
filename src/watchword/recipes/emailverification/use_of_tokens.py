"""What using the link in a mail does to the database: an address is proved, or takes the place of another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchword.accounts import directory
from watchword.accounts.login_methods import lock_login_method
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import UserNotFound
from watchword.recipes.credentials import change_email
from watchword.recipes.emailverification.errors import EmailVerificationTokenInvalid
from watchword.recipes.engine import Engine
from watchword.recipes.languages import language_of
from watchword.recipes.mailed_links import hash_of
from watchword.recipes.notices import enqueue_notice
from watchword.recipes.user_context import UserContext, address_of
from watchword.sessions.endings import Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEmail:
    """Whose address has just been verified.

    Attributes:
        email: The address.
        former_email: The one that it has replaced just now; `None` where the person had it already.
    """

    user_id: str
    recipe_user_id: str
    email: str
    former_email: str | None = None


async def use_token(
    engine: Engine, tenant_id: str, token: str, *, revoke_sessions: bool, user_context: UserContext
) -> VerifiedEmail:
    """Use up a token and note the proof, in one transaction; of several at once exactly one succeeds.

    Args:
        engine: The floors below.
        tenant_id: From the link.
        token: As it came in the link.
        revoke_sessions: Whether sessions end when the address is a new one; the one that asked for it goes on.
        user_context: For the audit log and the language of the mail to the address from before.

    Raises:
        EmailVerificationTokenInvalid: See the class.
        EmailAlreadyExists: Somebody else has got the address meanwhile; nothing changed.

    Source: FDI 8.4; security TK-1, TK-2, TK-8, PW-13.
    """
    key = {
        "app_id": engine.app_id,
        "tenant_id": tenant_id,
        "token_hash": hash_of(token),
        "now_ms": engine.clock.now_ms(),
    }

    async def use(tx: Transaction) -> tuple[VerifiedEmail, list[str]]:
        user, method, row = await _consume(tx, engine.app_id, key)
        verified = VerifiedEmail(
            user_id=user.id,
            recipe_user_id=method.recipe_user_id,
            email=row["email"],
            former_email=row["former_email"],
        )
        about: dict[str, Any] = {"tenant_id": tenant_id, "user_id": user.id}
        address = address_of(user_context)
        if verified.former_email is None:
            await directory.mark_email_verified(tx, engine.app_id, method.recipe_user_id, verified.email)
            await delete_tokens(tx, engine.app_id, method.recipe_user_id, verified.email)
        else:
            await change_email(tx, engine, user.id, method, verified.email, is_verified=True)
            language = language_of(user_context)
            await enqueue_notice(tx, engine, "email_changed", to=verified.former_email, language=language, **about)
            facts = {"by": "link", "sessions_end": revoke_sessions}
            await engine.audit.record(tx, SecurityEvent("email_changed", address=address, facts=facts, **about))
        await engine.audit.record(tx, SecurityEvent("email_verified", address=address, **about))
        if verified.former_email is None or not revoke_sessions:
            return verified, []
        ending = Ending(cause="email_changed", address=address)
        return verified, await engine.sessions.delete_sessions_of_user(
            tx, user.id, except_handle=row["keep_session"], ending=ending
        )

    verified, gone = await engine.db.write(use)
    engine.sessions.remember_revoked(gone)
    if verified.former_email is not None:
        engine.outbox.wake()
    return verified


async def delete_tokens(tx: Transaction, app_id: str, recipe_user_id: str, email: str) -> None:
    """Void the links that are under way to an address."""
    await tx.execute(DELETE_TOKENS, app_id=app_id, recipe_user_id=recipe_user_id, email=email)


async def delete_stale_tokens(tx: Transaction, app_id: str, recipe_user_id: str, email: str | None) -> None:
    """Void the links that would change an address, and those to another address than the one it has now.

    Args:
        tx: The transaction.
        app_id: Whose.
        recipe_user_id: The login method.
        email: The address it has now.
    """
    await tx.execute(DELETE_STALE_TOKENS, app_id=app_id, recipe_user_id=recipe_user_id, email=email or "")


async def _consume(tx: Transaction, app_id: str, key: Mapping[str, Any]) -> tuple[User, LoginMethod, Row]:
    """The user, the login method and the token, which is used up; the person is locked first, as everywhere."""
    found = await tx.find(FIND_TOKEN, **key)
    if found is None:
        raise EmailVerificationTokenInvalid
    try:
        user, method = await lock_login_method(tx, app_id, found["recipe_user_id"])
    except UserNotFound:
        raise EmailVerificationTokenInvalid from None
    row = await tx.find(CONSUME_TOKEN, **key)
    if row is None:  # of two requests with one token, the second deletes nothing and stops here
        raise EmailVerificationTokenInvalid
    if method.email != (row["former_email"] or row["email"]):
        raise EmailVerificationTokenInvalid  # the address has changed since
    return user, method, row


FIND_TOKEN = Statement(
    """
    select recipe_user_id from {email_verification_tokens}
     where app_id = :app_id and tenant_id = :tenant_id and token_hash = :token_hash and expires_at_ms > :now_ms
    """
)

CONSUME_TOKEN = Statement(
    """
    delete from {email_verification_tokens}
     where app_id = :app_id and tenant_id = :tenant_id and token_hash = :token_hash and expires_at_ms > :now_ms
 returning email, former_email, keep_session
    """
)

DELETE_TOKENS = Statement(
    """
    delete from {email_verification_tokens}
     where app_id = :app_id and recipe_user_id = :recipe_user_id and email = :email
    """
)

DELETE_STALE_TOKENS = Statement(
    """
    delete from {email_verification_tokens}
     where app_id = :app_id and recipe_user_id = :recipe_user_id and (former_email is not null or email <> :email)
    """
)
