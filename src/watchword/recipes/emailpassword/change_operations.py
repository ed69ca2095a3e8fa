"""What changing the password or the address of somebody who is known does to the database."""

from dataclasses import replace
from typing import Any, Literal

from watchword.accounts import directory
from watchword.accounts.email import is_fake_email, normalise_email
from watchword.accounts.login_methods import a_tenant_of, lock_login_method, method_of
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.errors import BadInput, UserNotFound
from watchword.recipes.credentials import change_email, tell_recipes
from watchword.recipes.emailpassword.operations import RECIPE_ID, check_new_password, insert_password, update_password
from watchword.recipes.engine import Engine
from watchword.recipes.notices import enqueue_notice
from watchword.sessions.endings import Ending

_Kind = Literal["password_changed", "email_changed"]


async def update_email_or_password(
    engine: Engine,
    recipe_user_id: str,
    *,
    email: str | None,
    password: str | None,
    revoke_sessions: bool,
    keep_session: str | None,
    language: str,
    address: str | None = None,
) -> User:
    """Change a user's address, password or both in one transaction, with all that hangs on the old ones.

    Links that are under way are void, a new address is unverified, sessions end by setting.

    Args:
        engine: The floors below.
        recipe_user_id: The password login method.
        email: The new address in any spelling, in all its tenants; `None` leaves it.
        password: The new password; `None` leaves it.
        revoke_sessions: Whether the user's sessions end.
        keep_session: The handle of one that goes on all the same: that of the person who asked.
        language: Of the mails that say so, to the address from before (security PW-13).
        address: The client's, for the audit log.

    Raises:
        UserNotFound: There is no such password user.
        BadInput: The address can never be one.
        EmailAlreadyExists: Another password user has it, in one of the tenants; nothing changed.
        FieldErrors: The password is longer than 1 024 bytes or is not text.
        Overloaded: Too many passwords wait to be hashed.

    Source: security PW-11, TK-2, TK-8.
    """
    wanted = None if email is None else normalise_email(email)
    if password is not None:
        check_new_password(password)
    await get_login_method(engine, recipe_user_id)  # nobody's password is not worth a hash
    password_hash = None if password is None else await engine.passwords.hash(password)

    async def update(tx: Transaction) -> list[str]:
        user, method = await lock_login_method(tx, engine.app_id, recipe_user_id)
        new_email = None if wanted == method.email else wanted
        # The address first: a sign-in that makes sure of the password locks the two in this order.
        if new_email is None:
            await tell_recipes(tx, engine, user.id, method)
        else:
            await change_email(tx, engine, user.id, method, new_email, is_verified=False)
        if password_hash is not None:
            await update_password(tx, engine.app_id, recipe_user_id, password_hash)
            for tenant_id in method.tenant_ids:  # guesses at the one before are over
                await engine.limits.forget_failures(tx, tenant_id, method.email or "")
        kinds: list[_Kind] = ["password_changed"] if password_hash is not None else []
        if new_email is not None:
            kinds.append("email_changed")
        for kind in kinds:
            person: dict[str, Any] = {"user_id": user.id, "tenant_id": a_tenant_of(method)}
            await enqueue_notice(tx, engine, kind, to=method.email, language=language, **person)
            facts = {"by": "change", "sessions_end": revoke_sessions}
            await engine.audit.record(tx, SecurityEvent(kind, address=address, facts=facts, **person))
        if not revoke_sessions:
            return []
        ending = Ending(cause=kinds[0] if kinds else "by_application", address=address)
        return await engine.sessions.delete_sessions_of_user(tx, user.id, except_handle=keep_session, ending=ending)

    gone = await engine.db.write(update)
    engine.sessions.remember_revoked(gone)
    engine.outbox.wake()
    return await _get_user(engine, recipe_user_id)


async def create_password(
    engine: Engine, recipe_user_id: str, password: str, *, language: str, address: str | None
) -> User:
    """Make a password login method beside another one, with its address and in its tenants.

    Args:
        engine: The floors below.
        recipe_user_id: The other login method, whose address is verified.
        password: As the policy has it; not judged here but for its length.
        language: Of the mail that says so.
        address: The client's, for the audit log.

    Raises:
        BadInput: The user has a password by now, or the address is not verified any more.
        EmailAlreadyExists: Somebody else signs in with the address, in one of the tenants.
        Overloaded: Too many passwords wait to be hashed.
    """
    check_new_password(password)
    password_hash = await engine.passwords.hash(password)
    new_id, now_ms = engine.ids.user_id(), engine.clock.now_ms()

    async def insert(tx: Transaction) -> None:
        user, _ = await lock_login_method(tx, engine.app_id, recipe_user_id)
        other = find_verified_method(user)
        method = replace(other, recipe_id=RECIPE_ID, recipe_user_id=new_id, time_joined_ms=now_ms, third_party=None)
        await directory.insert_login_method(tx, engine.app_id, user, method)
        await insert_password(tx, engine.app_id, method, password_hash)
        about: dict[str, Any] = {"user_id": user.id, "tenant_id": a_tenant_of(method)}
        await enqueue_notice(tx, engine, "password_changed", to=method.email, language=language, **about)
        facts = {"by": "first", "sessions_end": False}
        await engine.audit.record(tx, SecurityEvent("password_changed", address=address, facts=facts, **about))

    await engine.db.write(insert)
    engine.outbox.wake()
    return await _get_user(engine, new_id)


def find_verified_method(user: User) -> LoginMethod:
    """The oldest login method with a proved address, of somebody without a password.

    Raises:
        BadInput: There is a password, or no such address.
    """
    if any(method.recipe_id == RECIPE_ID for method in user.login_methods):
        raise BadInput("password", "the user has a password; change that one")
    for method in user.login_methods:
        if method.verified and method.email is not None and not is_fake_email(method.email):
            return method
    raise BadInput("email", "the user has no verified address, which a password needs")


async def get_login_method(engine: Engine, recipe_user_id: str) -> LoginMethod:
    """A password login method by its id. Raises `UserNotFound` when there is none."""
    method = method_of(await _get_user(engine, recipe_user_id), recipe_user_id)
    if method.recipe_id != RECIPE_ID:
        raise UserNotFound
    return method


async def _get_user(engine: Engine, recipe_user_id: str) -> User:
    user = await directory.find_user_of_login_method(engine.db, engine.app_id, recipe_user_id)
    if user is None:
        raise UserNotFound
    return user
