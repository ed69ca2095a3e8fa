"""The part of the recipe for people who forgot their password: a link by mail, and what it does."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Never

from watchword.errors import ConfigurationError
from watchword.protection.challenge import CHALLENGE_HEADER, ChallengedApi
from watchword.recipes.after_answer import AfterAnswer
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.emailpassword import operations, reset_operations
from watchword.recipes.emailpassword.change import PasswordChange
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.emailpassword.reset_operations import PasswordResetProof
from watchword.recipes.engine import Engine
from watchword.recipes.languages import language_of
from watchword.recipes.mailed_links import link_to, mail_link
from watchword.recipes.refusals import noting_refusals
from watchword.recipes.session_feature import FormField, SessionFeature
from watchword.recipes.user_context import UserContext, address_of, caller
from watchword.setting_types import checked_settings

log = logging.getLogger(__name__)


@checked_settings()
class PasswordRecovery(PasswordChange):
    """What `EmailPassword` does for people who forgot their password.

    Args:
        password_policy: Which new passwords are accepted.
        password_reset_token_life_ms: How long a link works, in milliseconds.
        revoke_sessions_on_password_reset: Whether a reset signs the user out everywhere (security PW-11).
        session_feature: The two hooks that fill each new session.
        disabled_apis: Names of HTTP APIs to switch off.
        further: Nothing of this recipe's; what a recipe made of several passes on to the next of them.
    """

    def __init__(
        self,
        *,
        password_policy: PasswordPolicy | None = None,
        password_reset_token_life_ms: int = 3_600_000,
        revoke_sessions_on_password_reset: bool = True,
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **further: Never,
    ) -> None:
        super().__init__(
            password_policy=password_policy, session_feature=session_feature, disabled_apis=disabled_apis, **further
        )
        if password_reset_token_life_ms < 1:
            raise ConfigurationError(
                "password_reset_token_life_ms", f"is {password_reset_token_life_ms}; set more than 0 milliseconds"
            )
        self.password_reset_token_life_ms = password_reset_token_life_ms
        self.revoke_sessions_on_password_reset = revoke_sessions_on_password_reset
        self.after_answer = AfterAnswer("password reset")

    def bind(self, engine: Engine) -> None:
        """Wire the recipe; where no mail can be sent, nobody is offered a link that would never arrive."""
        super().bind(engine)
        api, sends_itself = (
            "generate_password_reset_token_post",
            type(self).send_reset_password_email is not PasswordRecovery.send_reset_password_email,
        )
        if api not in self.disabled_apis and not engine.outbox.is_configured and not sends_itself:
            self.disabled_apis |= {api}
            log.warning(
                "forgotten passwords: %s is off, because no mail can be sent; set email_delivery="
                "EmailDelivery(SmtpService(host=…)), override send_reset_password_email, or name the API in "
                "disabled_apis to say that this is meant",
                api,
            )
        if not self.disabled_apis & {api, "password_reset_post"}:
            engine.limits.resets_are_mailed = True

    async def start(self) -> None:
        """Say that a limit is not in force without it."""
        await super().start()
        limits = self.engine.limits
        if limits.settings.is_stopping and not limits.resets_are_mailed:
            log.warning(
                "protection.failures_before_reset is not in force: without a reset by mail it would lock people out; "
                "waits between guesses are"
            )

    async def stop(self) -> None:
        """Finish the mails that were asked for."""
        await self.after_answer.stop()
        await super().stop()

    # The recipe functions

    async def create_reset_password_token(
        self,
        user_id: str,
        email: str,
        *,
        tenant_id: str,
        user_context: UserContext,
    ) -> str:
        """A token that sets a new password once, within `password_reset_token_life_ms`.

        Args:
            user_id: Whose password.
            email: The address it will be sent to; a later change of it voids the token.
            tenant_id: Where the token works.
            user_context: The application's own; see `UserContext`.

        Raises:
            UserNotFound: The tenant has no such password user with this address.
        """
        life_ms = self.password_reset_token_life_ms
        return await reset_operations.create_reset_token(
            self.engine, tenant_id, user_id, email, life_ms, address=address_of(user_context)
        )

    async def create_reset_password_link(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> str:
        """A link with such a token, on the configured website and nowhere else (security TK-4). Source: FDI 8.2.

        Raises:
            UserNotFound: The tenant has no such password user with this address.
        """
        token = await self.create_reset_password_token(user_id, email, tenant_id=tenant_id, user_context=user_context)
        return link_to(self.engine.app_info, "reset-password", tenant_id, token, user_context=user_context)

    async def find_mail_address(
        self,
        user_id: str,  # noqa: ARG002 - for overrides
        email: str,
        *,
        tenant_id: str,  # noqa: ARG002 - for overrides
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> str | None:
        """Where the link to a new password is mailed; `None`: nowhere.

        Override it where `email` holds user names. What it answers must be the person's: the link opens the account.

        Args:
            user_id: Whose account.
            email: What the account is known by.
            tenant_id: Where.
            user_context: The application's own; see `UserContext`.
        """
        return email

    async def send_reset_password_email(
        self, user_id: str, email: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        """Mail such a link. Override it to send it yourself; it runs each time a known person asks.

        Over HTTP it runs after the answer, so what it raises is only logged (security EN-3).

        Raises:
            UserNotFound: The tenant has no such password user with this address.
        """
        to = await self.find_mail_address(user_id, email, tenant_id=tenant_id, user_context=user_context)
        if to is None:
            return
        link = await self.create_reset_password_link(user_id, email, tenant_id=tenant_id, user_context=user_context)
        whom = {"to": to, "user_id": user_id, "tenant_id": tenant_id}
        await mail_link(self.engine, "password_reset", link, user_context=user_context, **whom)

    async def consume_password_reset_token(
        self,
        token: str,
        *,
        tenant_id: str,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> PasswordResetProof:
        """Use up a token without setting a password, for flows of your own.

        Raises:
            PasswordResetTokenInvalid: Unknown, expired, used, of another tenant, or the address has changed.
        """
        return await reset_operations.consume_reset_token(self.engine, tenant_id, token)

    async def reset_password(
        self,
        token: str,
        new_password: str,
        *,
        tenant_id: str,
        user_context: UserContext,
    ) -> PasswordResetProof:
        """Set a new password with a token: once, and all at once with what follows from it.

        In the same transaction all other tokens of the user are void, the address that the token was sent
        to is verified, the user's sessions end (`revoke_sessions_on_password_reset`), and a mail says so.

        Args:
            token: From the link.
            new_password: Exactly as typed; the policy of the form is not applied here.
            tenant_id: From the link.
            user_context: The application's own; see `UserContext`.

        Raises:
            PasswordResetTokenInvalid: Unknown, expired, used, of another tenant, or the address has changed.
            FieldErrors: The password is too long or not text.
            Overloaded: Too many passwords wait to be hashed.
        """
        return await reset_operations.reset_password(
            self.engine,
            tenant_id,
            token,
            self.password_policy.normalised(new_password),
            revoke_sessions=self.revoke_sessions_on_password_reset,
            language=language_of(user_context),
            address=address_of(user_context),
        )

    async def forget_failed_sign_ins(
        self,
        email: str,
        *,
        tenant_id: str = "public",
        user_context: UserContext | None = None,
    ) -> None:
        """Let an account be signed in to again at which too many passwords were wrong, for a support desk.

        A new password does the same, however it is set. Does nothing where nobody waits or is stopped.

        Args:
            email: In any spelling.
            tenant_id: Where the account is.
            user_context: The application's own; see `UserContext`.
        """
        await operations.forget_failed_sign_ins(self.engine, tenant_id, email, address=address_of(user_context or {}))

    # The HTTP APIs

    async def generate_password_reset_token_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """`POST /user/password/reset/token`: mail a link if there is such a user. Source: FDI 8.2.

        The answer is the same whether or not there is, and so is the time it takes: whether there is one
        is looked up after it (security EN-3). One address is mailed so often at most
        (`Protection.mails_per_address`), and the answer does not tell that either.

        Args:
            form_fields: Valid: `email` in normal form.
            api: The request.

        Raises:
            ChallengeFailed: Where a challenge is configured, and this request does not answer it.
            Overloaded: Too many wait, whoever they are; nothing was done.
        """
        email = form_fields[0].value
        await self.check_challenge("password_reset_token", email, api)
        self.after_answer.do(partial(self._mail_link_if_known, email, api.tenant_id, api.user_context))
        return Answer(body={"status": "OK"})

    async def password_reset_post(self, form_fields: Sequence[FormField], token: str, api: ApiRequest) -> Answer:
        """`POST /user/password/reset`: set the new password. No session starts here. Source: FDI 8.2.

        Args:
            form_fields: Valid: `password`.
            token: From the link.
            api: The request.

        Raises:
            FieldErrors: The password is none that `check_new_password` accepts; the link is still good.
            PasswordResetTokenInvalid: The link does not hold any more.
            WatchwordError: What `reset_password` raises.
        """
        password = form_fields[0].value
        email = await reset_operations.find_email_of_reset_token(self.engine, api.tenant_id, token)
        await self.check_new_password(password, email=email, user_context=api.user_context)
        await self.reset_password(token, password, tenant_id=api.tenant_id, user_context=api.user_context)
        return Answer(body={"status": "OK"})

    async def check_challenge(self, name: ChallengedApi, email: str, api: ApiRequest) -> None:
        """Return if no challenge is configured or asked for here, or if this request answers it.

        Raises:
            ChallengeFailed: With the sentence for the person.
            Overloaded: Too many wait for answers of servers.
        """
        if self.engine.challenges is None:
            return
        with noting_refusals(self.engine, api, operations.RECIPE_ID):
            await self.engine.challenges.check(
                name,
                api.http.header(CHALLENGE_HEADER),
                tenant_id=api.tenant_id,
                email=operations.account_key(email),
                caller=caller(api.user_context),
            )

    async def _mail_link_if_known(self, email: str, tenant_id: str, user_context: UserContext) -> None:
        found = await operations.find_password_user(self.engine, tenant_id, email)
        key = operations.account_key(email)
        if found is not None and await self.engine.limits.may_mail("password_reset", key, tenant_id=tenant_id):
            await self.send_reset_password_email(found.user.id, email, tenant_id=tenant_id, user_context=user_context)
