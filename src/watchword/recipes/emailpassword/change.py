"""The part of the recipe for people who are signed in: which passwords may be chosen, a new password, a new address."""

import logging
from collections.abc import Sequence
from typing import Never

from watchword.accounts.login_methods import a_tenant_of
from watchword.accounts.users import LoginMethod, User
from watchword.database.database import Transaction
from watchword.errors import FieldError, FieldErrors
from watchword.recipes.emailpassword import change_operations, operations, reset_operations
from watchword.recipes.emailpassword.form_fields import InputFormField, check_field
from watchword.recipes.emailpassword.operations import check_new_password
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.languages import language_of
from watchword.recipes.recipe import SignInRecipe
from watchword.recipes.session_feature import SessionFeature
from watchword.recipes.user_context import UserContext, address_of
from watchword.setting_types import checked_settings

log = logging.getLogger(__name__)


@checked_settings()
class PasswordChange(SignInRecipe):
    """What `EmailPassword` does for people who are signed in.

    Args:
        password_policy: Which new passwords are accepted.
        session_feature: The two hooks that fill each new session.
        disabled_apis: Names of HTTP APIs to switch off.
        further: Nothing of this recipe's; what a recipe made of several passes on to the next of them.
    """

    #: The form that sets a new password; made where the form of sign-up is.
    reset_form_fields: tuple[InputFormField, ...]

    def __init__(
        self,
        *,
        password_policy: PasswordPolicy | None = None,
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **further: Never,
    ) -> None:
        super().__init__(session_feature=session_feature, disabled_apis=disabled_apis, **further)
        self.password_policy = PasswordPolicy() if password_policy is None else password_policy

    async def start(self) -> None:
        """Say which checks of new passwords are off."""
        await super().start()
        for setting in self.password_policy.switched_off:
            log.warning("password_policy.%s is off: passwords that are guessed first are accepted", setting)

    # The recipe functions

    async def check_new_password(self, password: str, *, email: str | None, user_context: UserContext) -> None:  # noqa: ARG002 - for overrides
        """Return if `password_policy` accepts a password that somebody chooses; asked where there is a form.

        Args:
            password: As typed.
            email: Whose it will be, if that is known.
            user_context: The application's own; see `UserContext`.

        Raises:
            FieldErrors: With the sentence for the person, on `password`.
        """
        check_new_password(password)  # first: nothing walks through a megabyte
        problem = await self.password_policy.find_problem(
            self.password_policy.normalised(password),
            words=(self.engine.app_info.app_name, email or ""),
            outgoing=self.engine.outgoing,
        )
        if problem is not None:
            raise FieldErrors([FieldError("password", problem)])

    async def update_email_or_password(
        self,
        recipe_user_id: str,
        *,
        email: str | None = None,
        password: str | None = None,
        revoke_sessions: bool = True,
        keep_session: str | None = None,
        apply_password_policy: bool = True,
        user_context: UserContext | None = None,
    ) -> User:
        """Change a user's address, password or both; ask for the present password before (security PW-12).

        A new address counts at once and is unverified, links under way are void, the user's sessions end, and a mail
        to the address from before says what changed. `auth.users.request_email_change` has the new address
        proved before it counts.

        Args:
            recipe_user_id: The password login method; the user's id without account linking.
            email: The new address; `None` leaves it.
            password: The new password; `None` leaves it.
            revoke_sessions: Whether the user's sessions end.
            keep_session: The handle of one that goes on: that of the person who asked.
            apply_password_policy: Whether the rules for new passwords hold, as at sign-up.
            user_context: The application's own; see `UserContext`.

        Raises:
            UserNotFound: There is no such password user.
            BadInput: The address can never be one.
            EmailAlreadyExists: Another password user has the address; nothing changed.
            FieldErrors: The password is none that may be chosen, with the sentence for the person.
            HookFailed: The validator of the application failed.
            Overloaded: Too many passwords wait to be hashed.
        """
        user_context = user_context or {}
        if password is not None:
            if apply_password_policy:
                method = await change_operations.get_login_method(self.engine, recipe_user_id)
                await self._require_choosable(password, a_tenant_of(method), email or method.email, user_context)
            password = self.password_policy.normalised(password)
        return await change_operations.update_email_or_password(
            self.engine,
            recipe_user_id,
            email=email,
            password=password,
            revoke_sessions=revoke_sessions,
            keep_session=keep_session,
            language=language_of(user_context),
            address=address_of(user_context),
        )

    async def follow_change(self, tx: Transaction, user_id: str, method: LoginMethod, new_email: str | None) -> None:
        """See `Recipe`: the password is found by the new address, and links that would set another one are void."""
        await super().follow_change(tx, user_id, method, new_email)
        await reset_operations.delete_reset_tokens(tx, self.engine.app_id, user_id)
        if new_email is not None and method.recipe_id == operations.RECIPE_ID:
            await operations.update_email(tx, self.engine.app_id, method.recipe_user_id, new_email)

    async def create_password(self, user: User, password: str, *, user_context: UserContext | None = None) -> User:
        """Give a password to somebody who signs in by other means, beside them, with a verified address of theirs.

        A mail to the address says so. Whoever reads mail there can reset it: so the address must be proved.

        Args:
            user: Without a password.
            password: The rules for new passwords hold, as at sign-up.
            user_context: For the language of the mail, and the audit log.

        Returns:
            The user, with one login method more.

        Raises:
            BadInput: The user has a password, or no verified address.
            FieldErrors: The password is refused, or somebody else signs in with the address (`EmailAlreadyExists`).
            Overloaded: Too many passwords wait to be hashed.
        """
        user_context = user_context or {}
        method = change_operations.find_verified_method(user)
        await self._require_choosable(password, a_tenant_of(method), method.email, user_context)
        return await change_operations.create_password(
            self.engine,
            method.recipe_user_id,
            self.password_policy.normalised(password),
            language=language_of(user_context),
            address=address_of(user_context),
        )

    async def _require_choosable(
        self, password: str, tenant_id: str, email: str | None, user_context: UserContext
    ) -> None:
        """Return if this person may choose the password, by the form's rule and the policy. Raises `FieldErrors`."""
        check_new_password(password)
        await check_field(self.reset_form_fields[0], password, tenant_id, self.hooks)
        await self.check_new_password(password, email=email, user_context=user_context)
