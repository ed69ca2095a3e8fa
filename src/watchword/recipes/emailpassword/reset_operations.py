"""What resetting a password by a mailed link does to the database, its SQL beside it."""

from dataclasses import dataclass

from watchword.accounts import directory
from watchword.accounts.email import normalise_email
from watchword.accounts.login_methods import lock_login_method
from watchword.audit.events import SecurityEvent
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, UserNotFound
from watchword.recipes.credentials import tell_recipes
from watchword.recipes.emailpassword.errors import PasswordResetTokenInvalid
from watchword.recipes.emailpassword.operations import check_new_password, update_password
from watchword.recipes.engine import Engine
from watchword.recipes.mailed_links import hash_of, new_token
from watchword.recipes.notices import enqueue_notice
from watchword.sessions.endings import Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordResetProof:
    """Who a reset token was for: it proves that its bearer reads the mail of this address."""

    user_id: str
    recipe_user_id: str
    email: str


async def create_reset_token(
    engine: Engine, tenant_id: str, user_id: str, email: str, life_ms: int, *, address: str | None = None
) -> str:
    """Make a token that sets one password once; earlier ones of the user stay good.

    Args:
        engine: The floors below.
        tenant_id: Where the token works.
        user_id: Whose password.
        email: The address it is sent to, in any spelling; it is void as soon as that changes.
        life_ms: Milliseconds.
        address: Of the client that asked, for the audit log.

    Returns:
        43 URL-safe characters holding 256 random bits. Only their SHA-256 is stored (security TK-1).

    Raises:
        UserNotFound: The tenant has no such password user with this address.
    """
    try:
        email = normalise_email(email)
    except BadInput:
        raise UserNotFound from None
    token, now_ms = new_token(), engine.clock.now_ms()

    async def insert(tx: Transaction) -> Row | None:
        await tx.execute(DELETE_EXPIRED_RESET_TOKENS, app_id=engine.app_id, now_ms=now_ms)
        made = await tx.find(
            INSERT_RESET_TOKEN,
            app_id=engine.app_id,
            tenant_id=tenant_id,
            user_id=user_id,
            email=email,
            token_hash=hash_of(token),
            expires_at_ms=now_ms + life_ms,
        )
        if made is not None:
            asked = SecurityEvent("password_reset_requested", tenant_id=tenant_id, user_id=user_id, address=address)
            await engine.audit.record(tx, asked)
        return made

    if await engine.db.write(insert) is None:
        raise UserNotFound
    return token


async def find_email_of_reset_token(engine: Engine, tenant_id: str, token: str) -> str | None:
    """The address that a token was sent to, `None` when it does not hold; the token is not used up."""
    row = await engine.db.find(FIND_RESET_TOKEN, **_key(engine, tenant_id, token))
    return None if row is None else row["email"]


async def consume_reset_token(engine: Engine, tenant_id: str, token: str) -> PasswordResetProof:
    """Use up a token, and with it all others of its user; of several at once exactly one succeeds.

    Raises:
        PasswordResetTokenInvalid: See the class.
    """

    async def consume(tx: Transaction) -> PasswordResetProof:
        proof = await _consume(tx, engine, tenant_id, token)
        await delete_reset_tokens(tx, engine.app_id, proof.user_id)
        return proof

    return await engine.db.write(consume)


async def reset_password(
    engine: Engine,
    tenant_id: str,
    token: str,
    password: str,
    *,
    revoke_sessions: bool,
    language: str,
    address: str | None = None,
) -> PasswordResetProof:
    """Set a new password with a reset token, once, and sign the user out everywhere: all in one transaction.

    Args:
        engine: The floors below.
        tenant_id: From the link.
        token: As it came in the link.
        password: Exactly as typed; not judged here but for its length.
        revoke_sessions: Whether the user's sessions end with the old password (security PW-11).
        language: Of the mail that says so (security PW-13).
        address: The client's, for the audit log.

    Raises:
        PasswordResetTokenInvalid: See the class; of several at once exactly one succeeds.
        FieldErrors: The password is longer than 1 024 bytes or is not text; the token is still good.
        Overloaded: Too many passwords wait to be hashed; the token is still good.

    Source: FDI 8.2, `POST /user/password/reset`; security PW-11, TK-1, TK-8.
    """
    check_new_password(password)
    found = await engine.db.find(FIND_RESET_TOKEN, **_key(engine, tenant_id, token))
    if found is None:  # looked at first, so that whoever has no token cannot make us hash
        raise PasswordResetTokenInvalid
    password_hash = await engine.passwords.hash(password)

    async def reset(tx: Transaction) -> tuple[PasswordResetProof, list[str]]:
        try:
            user, method = await lock_login_method(tx, engine.app_id, found["recipe_user_id"])
        except UserNotFound:
            raise PasswordResetTokenInvalid from None
        proof = await _consume(tx, engine, tenant_id, token)
        await update_password(tx, engine.app_id, proof.recipe_user_id, password_hash)
        # Whoever guessed at the old password must not keep its owner waiting with the new one (security RL-2).
        await engine.limits.forget_failures(tx, tenant_id, proof.email)
        await tell_recipes(tx, engine, user.id, method)
        await directory.mark_email_verified(tx, engine.app_id, proof.recipe_user_id, proof.email)
        await enqueue_notice(
            tx,
            engine,
            "password_changed",
            to=proof.email,
            user_id=proof.user_id,
            tenant_id=tenant_id,
            language=language,
        )
        changed = SecurityEvent(
            "password_changed",
            tenant_id=tenant_id,
            user_id=proof.user_id,
            address=address,
            facts={"by": "reset", "sessions_end": revoke_sessions},
        )
        await engine.audit.record(tx, changed)
        if not revoke_sessions:
            return proof, []
        ending = Ending(cause="password_reset", address=address)
        return proof, await engine.sessions.delete_sessions_of_user(tx, proof.user_id, ending=ending)

    proof, gone = await engine.db.write(reset)
    engine.sessions.remember_revoked(gone)
    engine.outbox.wake()
    return proof


async def _consume(tx: Transaction, engine: Engine, tenant_id: str, token: str) -> PasswordResetProof:
    row = await tx.find(CONSUME_RESET_TOKEN, **_key(engine, tenant_id, token))
    if row is None:  # of two requests with one token, the second deletes nothing and stops here
        raise PasswordResetTokenInvalid
    return PasswordResetProof(user_id=row["user_id"], recipe_user_id=row["recipe_user_id"], email=row["email"])


async def delete_reset_tokens(tx: Transaction, app_id: str, user_id: str) -> None:
    """Void every link that would set a password of somebody."""
    await tx.execute(DELETE_RESET_TOKENS_OF_USER, app_id=app_id, user_id=user_id)


def _key(engine: Engine, tenant_id: str, token: str) -> dict[str, object]:
    return {
        "app_id": engine.app_id,
        "tenant_id": tenant_id,
        "token_hash": hash_of(token),
        "now_ms": engine.clock.now_ms(),
    }


# A user is found by address and tenant, so that a token is never made for an address that is not theirs.
INSERT_RESET_TOKEN = Statement(
    """
    insert into {password_reset_tokens}
           (app_id, tenant_id, user_id, recipe_user_id, email, token_hash, expires_at_ms)
    select e.app_id, e.tenant_id, m.user_id, e.recipe_user_id, e.email, :token_hash, :expires_at_ms
      from {emailpassword_emails} e
      join {login_methods} m on m.app_id = e.app_id and m.recipe_user_id = e.recipe_user_id
     where e.app_id = :app_id and e.tenant_id = :tenant_id and e.email = :email and m.user_id = :user_id
 returning user_id
    """
)

FIND_RESET_TOKEN = Statement(
    """
    select email, recipe_user_id from {password_reset_tokens}
     where app_id = :app_id and tenant_id = :tenant_id and token_hash = :token_hash and expires_at_ms > :now_ms
    """
)

CONSUME_RESET_TOKEN = Statement(
    """
    delete from {password_reset_tokens} as t
     where t.app_id = :app_id and t.tenant_id = :tenant_id and t.token_hash = :token_hash and t.expires_at_ms > :now_ms
       and exists (select 1 from {emailpassword_emails} e
                    where e.app_id = t.app_id and e.tenant_id = t.tenant_id and e.email = t.email
                      and e.recipe_user_id = t.recipe_user_id)
 returning user_id, recipe_user_id, email
    """
)

DELETE_RESET_TOKENS_OF_USER = Statement(
    "delete from {password_reset_tokens} where app_id = :app_id and user_id = :user_id"
)

DELETE_EXPIRED_RESET_TOKENS = Statement(
    "delete from {password_reset_tokens} where app_id = :app_id and expires_at_ms <= :now_ms"
)
