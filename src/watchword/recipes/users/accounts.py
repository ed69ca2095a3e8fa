"""The part of `auth.users` about how people sign in: their address, their password, and each way that they have."""

from collections.abc import Sequence
from contextlib import suppress

from watchword.accounts.errors import LastLoginMethod
from watchword.accounts.login_methods import a_tenant_of, lock_login_method
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.errors import ConfigurationError, UserNotFound
from watchword.protection.errors import TooManyRequests
from watchword.recipes.emailpassword.form_fields import only_field, read_form_fields
from watchword.recipes.emailpassword.operations import account_key
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.emailverification.recipe import EmailVerification
from watchword.recipes.engine import Engine
from watchword.recipes.languages import language_of
from watchword.recipes.notices import enqueue_notice
from watchword.recipes.recipe import Recipe
from watchword.recipes.user_context import UserContext, address_of
from watchword.recipes.users.erasing import UserErasing
from watchword.sessions.endings import Ending
from watchword.sessions.errors import Unauthorised

_AN_HOUR_SECONDS = 3_600


class UserAccounts(UserErasing):
    """Changing how somebody signs in. What a person asks for themselves wants a proof first: see `verify_password`.

    Args:
        engine: The floors below.
        recipe_list: The recipes of the application; the one that keeps passwords among them, if any.
    """

    def __init__(self, engine: Engine, recipe_list: Sequence[Recipe]) -> None:
        super().__init__(engine, recipe_list)
        self._passwords = next((recipe for recipe in recipe_list if isinstance(recipe, EmailPassword)), None)
        self._proofs = next((recipe for recipe in recipe_list if isinstance(recipe, EmailVerification)), None)

    async def verify_password(
        self, user_id: str, password: str, *, user_context: UserContext | None = None
    ) -> LoginMethod:
        """Return if this is somebody's present password: to be asked before a person changes their own account.

        It counts as a sign-in against guessing, and makes no session (security PW-12). Who has no password shows a
        fresh session: `await session.require_recent_sign_in()`.

        Args:
            user_id: Whose.
            password: As typed.
            user_context: That of the session, so that guesses count for the client's network as well.

        Returns:
            The login method with the password.

        Raises:
            WrongCredentials: It is another one.
            UserNotFound: There is no such user, or none with a password.
            TooManyRequests: Too many failures; the password was not looked at.
            Overloaded: Too many passwords wait to be hashed.
        """
        recipe, method = await self._password_user(user_id)
        await recipe.sign_in(
            method.email or "", password, tenant_id=a_tenant_of(method), user_context=user_context or {}
        )
        return method

    async def update_password(
        self,
        user_id: str,
        password: str,
        *,
        revoke_sessions: bool = True,
        keep_session: str | None = None,
        user_context: UserContext | None = None,
    ) -> User:
        """Give a user another password; links under way are void, and a mail says so.

        Args:
            user_id: Whose.
            password: The rules for new passwords hold, as at sign-up.
            revoke_sessions: Whether the user's sessions end.
            keep_session: The handle of one that goes on: that of the person who asked.
            user_context: For the language of the mail, and the audit log.

        Raises:
            UserNotFound: There is no such user, or none with a password.
            FieldErrors: The password is refused.
            Overloaded: Too many passwords wait to be hashed.
        """
        recipe, method = await self._password_user(user_id)
        return await recipe.update_email_or_password(
            method.recipe_user_id,
            password=password,
            revoke_sessions=revoke_sessions,
            keep_session=keep_session,
            user_context=user_context,
        )

    async def create_password(self, user_id: str, password: str, *, user_context: UserContext | None = None) -> User:
        """Give a password to somebody who signs in with a provider only: beside it, with a verified address of theirs.

        Args:
            user_id: Whose.
            password: The rules for new passwords hold, as at sign-up.
            user_context: For the language of the mail that says so, and the audit log.

        Returns:
            The user, with one login method more.

        Raises:
            UserNotFound: There is no such user.
            ConfigurationError: No recipe that keeps passwords is listed.
            BadInput: The user has a password, or no verified address.
            FieldErrors: The password is refused, or somebody else signs in with the address (`EmailAlreadyExists`).
            Overloaded: Too many passwords wait to be hashed.
        """
        if self._passwords is None:
            raise ConfigurationError("recipe_list", "has no EmailPassword, which keeps passwords; list it")
        return await self._passwords.create_password(await self.get(user_id), password, user_context=user_context)

    async def update_email(
        self,
        user_id: str,
        email: str,
        *,
        revoke_sessions: bool = True,
        keep_session: str | None = None,
        user_context: UserContext | None = None,
    ) -> User:
        """Give a password user another address at once: unverified, links to the old one void, a mail there says so.

        Args:
            user_id: Whose.
            email: The form's rule for addresses applies.
            revoke_sessions: Whether the user's sessions end.
            keep_session: The handle of one that goes on: that of the person who asked.
            user_context: For the language of the mail, and the audit log.

        Raises:
            UserNotFound: There is no such user, or none with a password.
            FieldErrors: It is no address, or another password user has it (`EmailAlreadyExists`).
        """
        recipe, method = await self._password_user(user_id)
        await _check_email(recipe, method, email)
        changed = await recipe.update_email_or_password(
            method.recipe_user_id,
            email=email,
            revoke_sessions=revoke_sessions,
            keep_session=keep_session,
            user_context=user_context,
        )
        if self._proofs is not None:  # a session that goes on would pass the former address's proof on to the new one
            sessions = self._engine.sessions
            for handle in await sessions.list_session_handles_for_user(changed.id):
                with suppress(Unauthorised):  # it has ended meanwhile
                    await sessions.fetch_and_set_claim(handle, self._proofs.claim)
        return changed

    async def request_email_change(
        self, user_id: str, email: str, *, keep_session: str | None = None, user_context: UserContext | None = None
    ) -> None:
        """Mail a link to another address of a password user; the address counts once the link was followed.

        Until then nothing changes, and the present address hears of the wish by a mail. The link leads to the page
        that verifies addresses. Following it ends the user's sessions
        (`EmailVerification(revoke_sessions_on_email_change=False)` leaves them), voids what was mailed to the former
        address, and leaves the new one verified.

        Args:
            user_id: Whose.
            email: The form's rule for addresses applies.
            keep_session: The handle of the session that goes on: that of the person who asked.
            user_context: That of the session: for the language of the mails, and the audit log.

        Raises:
            ConfigurationError: `EmailVerification` is not listed.
            UserNotFound: There is no such user, or none with a password.
            FieldErrors: It is no address, the present one, or another password user has it (`EmailAlreadyExists`).
            TooManyRequests: The present address or the other one has caused or got enough of these mails.
        """
        if self._proofs is None:
            raise ConfigurationError("recipe_list", "has no EmailVerification, which proves the new address; list it")
        recipe, method = await self._password_user(user_id)
        await _check_email(recipe, method, email)
        tenant_id = a_tenant_of(method)
        # Two kinds: whoever names somebody's address must not use up what that person needs to change it.
        mails = {"email_change_requested": method.email or user_id, "email_change": account_key(email)}
        for kind, address in mails.items():
            if not await self._engine.limits.may_mail(kind, address, tenant_id=tenant_id):
                raise TooManyRequests(_AN_HOUR_SECONDS)
        await self._proofs.send_email_change_email(
            method.recipe_user_id,
            email,
            tenant_id=tenant_id,
            keep_session=keep_session,
            user_context=user_context or {},
        )

    async def delete_login_method(
        self, user_id: str, recipe_user_id: str, *, user_context: UserContext | None = None
    ) -> User:
        """Take one way to sign in from a user, such as a provider; sessions that began with it end at once.

        The user stays, with the same id. Those who have the last way only are deleted by `delete`, or keep it.

        Args:
            user_id: Whose.
            recipe_user_id: Which of `login_methods`.
            user_context: For the language of the mail that says so, and the audit log.

        Returns:
            The user, without it.

        Raises:
            UserNotFound: There is no such user, or the login method is none of theirs.
            LastLoginMethod: No other one is left that may be used in some tenant; nothing changed.
        """
        present_id = (await self.get(user_id)).id
        tables = await self._present.find()
        engine, context = self._engine, user_context or {}

        async def remove(tx: Transaction) -> list[str]:
            user, method = await lock_login_method(tx, engine.app_id, recipe_user_id)
            if user.id != present_id:
                raise UserNotFound
            if not any(other.tenant_ids for other in user.login_methods if other is not method):
                raise LastLoginMethod
            for tenant_id in method.tenant_ids if method.email is not None else ():
                await engine.limits.forget_failures(tx, tenant_id, method.email or "")
            await tables.delete_login_method(tx, engine.app_id, recipe_user_id)
            await _tell_of_removal(tx, engine, user, method, context)
            ending = Ending(cause="login_method_removed", address=address_of(context))
            return await engine.sessions.delete_sessions_of_user(
                tx, user.id, recipe_user_id=recipe_user_id, ending=ending
            )

        engine.sessions.remember_revoked(await engine.db.write(remove))
        engine.outbox.wake()
        return await self.get(present_id)

    async def _password_user(self, user_id: str) -> tuple[EmailPassword, LoginMethod]:
        """The recipe, and the login method with the password. Raises `UserNotFound`."""
        recipe = self._passwords
        user = await self.get(user_id)
        for method in user.login_methods:
            if recipe is not None and method.recipe_id in recipe.recipe_ids and method.third_party is None:
                return recipe, method
        raise UserNotFound


async def _check_email(recipe: EmailPassword, method: LoginMethod, email: str) -> None:
    """Return if the sign-up form would take the address. Raises `FieldErrors`."""
    fields = only_field("email", recipe.sign_up_form_fields)
    body = {"formFields": [{"id": "email", "value": email}]}
    await read_form_fields(body, fields, a_tenant_of(method), recipe.hooks)


async def _tell_of_removal(
    tx: Transaction, engine: Engine, user: User, method: LoginMethod, user_context: UserContext
) -> None:
    """A mail to the person, and an event in the audit log."""
    tenant_id, kind = a_tenant_of(method), "login_method_removed"
    language = language_of(user_context)
    await enqueue_notice(tx, engine, kind, to=user.email, user_id=user.id, tenant_id=tenant_id, language=language)
    removed = SecurityEvent(
        kind,
        tenant_id=tenant_id,
        user_id=user.id,
        address=address_of(user_context),
        facts={"method": method.recipe_id, "provider": method.third_party.id if method.third_party else None},
    )
    await engine.audit.record(tx, removed)
