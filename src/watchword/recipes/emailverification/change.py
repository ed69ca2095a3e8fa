"""The part of the recipe that gives people another address: it counts once the link in a mail there was followed."""

from collections.abc import Sequence

from watchword.accounts.email import normalise_email
from watchword.accounts.users import LoginMethod
from watchword.database.database import Transaction
from watchword.errors import ConfigurationError
from watchword.recipes.emailverification import change_operations
from watchword.recipes.emailverification.operations import get_login_method
from watchword.recipes.emailverification.use_of_tokens import delete_stale_tokens
from watchword.recipes.mailed_links import link_to, mail_link
from watchword.recipes.recipe import Recipe
from watchword.recipes.user_context import UserContext


class EmailChange(Recipe):
    """What `EmailVerification` does for people who want another address.

    Args:
        token_life_ms: How long a link works, in milliseconds.
        revoke_sessions_on_email_change: Whether a new address ends the sessions of before, but for the one that asked.
        disabled_apis: Names of HTTP APIs to switch off.
    """

    def __init__(
        self,
        *,
        token_life_ms: int = 86_400_000,
        revoke_sessions_on_email_change: bool = True,
        disabled_apis: Sequence[str] = (),
    ) -> None:
        super().__init__(disabled_apis=disabled_apis)
        if token_life_ms < 1:
            raise ConfigurationError("token_life_ms", f"is {token_life_ms}; set more than 0 milliseconds")
        self.token_life_ms = token_life_ms
        self.revoke_sessions_on_email_change = revoke_sessions_on_email_change

    async def create_email_change_token(
        self,
        recipe_user_id: str,
        email: str,
        *,
        tenant_id: str,
        keep_session: str | None = None,
        user_context: UserContext,
    ) -> str:
        """A token that gives a login method another address once, within `token_life_ms`; a mail tells the present one.

        Until it is used nothing changes. It is void once another is made, or password or address change.

        Args:
            recipe_user_id: The login method, one with a password.
            email: The address to come, which `send_email_change_email` mails the token to.
            tenant_id: Where the token works.
            keep_session: The handle of the session that goes on: that of the person who asked.
            user_context: For the language of the mail, and the audit log.

        Raises:
            UserNotFound: There is no such login method, or its address is what a provider tells.
            BadInput: The address can never be one.
            FieldErrors: It is the present one, or somebody else has it (`EmailAlreadyExists`).
        """
        return await change_operations.create_change_token(
            self.engine,
            tenant_id,
            recipe_user_id,
            email,
            self.token_life_ms,
            keep_session=keep_session,
            user_context=user_context,
        )

    async def create_email_change_link(
        self,
        recipe_user_id: str,
        email: str,
        *,
        tenant_id: str,
        keep_session: str | None = None,
        user_context: UserContext,
    ) -> str:
        """A link with such a token to the page that verifies addresses: the official packages need no other.

        Raises:
            UserNotFound, BadInput, FieldErrors: As `create_email_change_token`.
        """
        token = await self.create_email_change_token(
            recipe_user_id, email, tenant_id=tenant_id, keep_session=keep_session, user_context=user_context
        )
        return link_to(self.engine.app_info, "verify-email", tenant_id, token, user_context=user_context)

    async def send_email_change_email(
        self,
        recipe_user_id: str,
        email: str,
        *,
        tenant_id: str,
        keep_session: str | None = None,
        user_context: UserContext,
    ) -> None:
        """Mail such a link to the address to come. Override it to send it yourself.

        For a form on your page call `auth.users.request_email_change`: it checks the address and the limits first.

        Raises:
            UserNotFound, BadInput, FieldErrors: As `create_email_change_token`.
        """
        link = await self.create_email_change_link(
            recipe_user_id, email, tenant_id=tenant_id, keep_session=keep_session, user_context=user_context
        )
        found = await get_login_method(self.engine, recipe_user_id)
        whom = {"to": normalise_email(email), "user_id": found.user_id, "tenant_id": tenant_id}
        await mail_link(self.engine, "email_change", link, user_context=user_context, **whom)

    async def follow_change(self, tx: Transaction, user_id: str, method: LoginMethod, new_email: str | None) -> None:
        """See `Recipe`: links that would change the address are void, and those that prove another than it has now."""
        await super().follow_change(tx, user_id, method, new_email)
        await delete_stale_tokens(tx, self.engine.app_id, method.recipe_user_id, new_email or method.email)
