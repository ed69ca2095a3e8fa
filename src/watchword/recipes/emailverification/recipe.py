"""The recipe that has people prove that their e-mail address is theirs: the overridable class."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from watchword.errors import EmailAlreadyExists, GeneralError, UserNotFound
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.emailverification import operations
from watchword.recipes.emailverification.change import EmailChange
from watchword.recipes.emailverification.claim import EmailVerificationClaim
from watchword.recipes.emailverification.errors import EmailAlreadyVerified
from watchword.recipes.emailverification.fdi import email_verification_routes
from watchword.recipes.emailverification.stored_tables import STORED_TABLES
from watchword.recipes.emailverification.use_of_tokens import VerifiedEmail, use_token
from watchword.recipes.engine import Engine
from watchword.recipes.mailed_links import link_to, mail_link
from watchword.recipes.user_context import UserContext, address_of
from watchword.sessions.claims import ClaimOwner
from watchword.sessions.errors import Unauthorised
from watchword.sessions.session import SessionContainer
from watchword.setting_types import checked_settings
from watchword.stored_data import StoredTable

Mode = Literal["REQUIRED", "OPTIONAL"]

TAKEN_MEANWHILE = "Somebody else uses this email address by now. Yours stays as it was."


@checked_settings()
class EmailVerification(EmailChange):
    """E-mail verification, beside the recipes that sign people in; each session says in `st-ev` how it stands.

    In mode `REQUIRED` every route with a session answers 403 until the address is verified; in mode
    `OPTIONAL` a route asks for it with `claim.is_verified()` among its validators. Addresses that a
    trusted provider vouches for are verified at once. Sessions that were there before get the claim at
    their next check.

    Subclass it to change what it does: the coroutine methods are its functions, those named `*_post` and
    `*_get` its HTTP APIs. Whoever signs people in by other means than our recipes and wants this one
    overrides `is_email_verified`.

    Args:
        mode: `REQUIRED` or `OPTIONAL`.
        token_life_ms: How long a link works, in milliseconds.
        revoke_sessions_on_email_change: Whether an address that takes the place of another, once it is proved, ends
            the sessions of before, but for the one that asked for it.
        disabled_apis: Names of HTTP APIs to switch off.

    Raises:
        ConfigurationError: The mode is another one.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("emailverification",)
    migration_packages: ClassVar[tuple[str, ...]] = ("watchword.recipes.emailverification",)
    stored_tables: ClassVar[tuple[StoredTable, ...]] = STORED_TABLES

    def __init__(
        self,
        *,
        mode: Mode,
        token_life_ms: int = 86_400_000,
        revoke_sessions_on_email_change: bool = True,
        disabled_apis: Sequence[str] = (),
    ) -> None:
        super().__init__(
            token_life_ms=token_life_ms,
            revoke_sessions_on_email_change=revoke_sessions_on_email_change,
            disabled_apis=disabled_apis,
        )
        self.mode: Mode = mode
        self.claim = EmailVerificationClaim(self._fetch_claim)

    def bind(self, engine: Engine) -> None:
        """Wire the recipe, and put its claim into sessions.

        Raises:
            ConfigurationError: Links are to be mailed, and there is no way to send mail.
        """
        super().bind(engine)
        engine.sessions.add_claim(self.claim, *([self.claim.is_verified()] if self.mode == "REQUIRED" else []))
        if "generate_email_verify_token_post" not in self.disabled_apis:
            engine.outbox.check_configured(type(self).__name__)

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe."""
        return email_verification_routes(self)

    # The recipe functions

    async def is_email_verified(
        self,
        recipe_user_id: str,
        email: str | None = None,
        *,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> bool:
        """Whether the address of a login method is verified; true when it has none.

        Args:
            recipe_user_id: The login method; the user's id without account linking.
            email: `None` means the one it has.
            user_context: The application's own; see `UserContext`.

        Raises:
            UserNotFound: There is no such login method, or it has another address.
        """
        found = await operations.get_login_method(self.engine, recipe_user_id, email)
        return found.method.verified or found.method.email is None

    async def create_email_verification_token(
        self,
        recipe_user_id: str,
        email: str | None = None,
        *,
        tenant_id: str,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> str:
        """A token that verifies this address once, within `token_life_ms`.

        Raises:
            EmailAlreadyVerified: It is verified, or there is no address.
            UserNotFound: There is no such login method, or it has another address.
        """
        found = await operations.get_login_method(self.engine, recipe_user_id, email)
        return await operations.create_token(self.engine, tenant_id, found.method, self.token_life_ms)

    async def create_email_verification_link(
        self, recipe_user_id: str, email: str | None = None, *, tenant_id: str, user_context: UserContext
    ) -> str:
        """A link with such a token, on the configured website and nowhere else (security TK-4). Source: FDI 8.4.

        Raises:
            EmailAlreadyVerified: It is verified, or there is no address.
            UserNotFound: There is no such login method, or it has another address.
        """
        token = await self.create_email_verification_token(
            recipe_user_id, email, tenant_id=tenant_id, user_context=user_context
        )
        return link_to(self.engine.app_info, "verify-email", tenant_id, token, user_context=user_context)

    async def send_email_verification_email(
        self, recipe_user_id: str, *, tenant_id: str, user_context: UserContext
    ) -> None:
        """Mail such a link to the address of a login method. Override it to send it yourself.

        Raises:
            EmailAlreadyVerified: It is verified, or there is no address.
            UserNotFound: There is no such login method.
        """
        found = await operations.get_login_method(self.engine, recipe_user_id)
        email = found.method.email
        if email is None:
            raise EmailAlreadyVerified
        link = await self.create_email_verification_link(
            recipe_user_id, email, tenant_id=tenant_id, user_context=user_context
        )
        whom = {"to": email, "user_id": found.user_id, "tenant_id": tenant_id}
        await mail_link(self.engine, "email_verification", link, user_context=user_context, **whom)

    async def verify_email_using_token(
        self,
        token: str,
        *,
        tenant_id: str,
        user_context: UserContext,
    ) -> VerifiedEmail:
        """Use up a token and mark its address verified. The place to run code after verification.

        A token of `send_email_change_email` puts the address in the place of the former one, which hears of it by a
        mail: all at once with what follows from it. `former_email` of the result tells the two apart.

        Raises:
            EmailVerificationTokenInvalid: Unknown, expired, used, of another tenant, or the address has changed.
            EmailAlreadyExists: Somebody else signs in with the new address by now; nothing changed.
        """
        return await use_token(
            self.engine,
            tenant_id,
            token,
            revoke_sessions=self.revoke_sessions_on_email_change,
            user_context=user_context,
        )

    async def unverify_email(
        self,
        recipe_user_id: str,
        email: str | None = None,
        *,
        user_context: UserContext,
    ) -> None:
        """Mark an address unverified; sessions learn it when their claim is fetched again.

        Raises:
            UserNotFound: There is no such login method, or it has another address.
        """
        found = await operations.get_login_method(self.engine, recipe_user_id, email)
        if found.method.email is not None:
            await operations.unverify_email(
                self.engine, found.user_id, recipe_user_id, found.method.email, address=address_of(user_context)
            )

    async def revoke_email_verification_tokens(
        self,
        recipe_user_id: str,
        email: str | None = None,
        *,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> None:
        """Void the links that are under way to an address.

        Raises:
            UserNotFound: There is no such login method, or it has another address.
        """
        found = await operations.get_login_method(self.engine, recipe_user_id, email)
        if found.method.email is not None:
            await operations.void_tokens(self.engine, recipe_user_id, found.method.email)

    # The HTTP APIs

    async def generate_email_verify_token_post(self, session: SessionContainer, api: ApiRequest) -> Answer:
        """`POST /user/email/verify/token`: mail a link to the session's address. Source: FDI 8.4.

        One address is mailed so often at most (`Protection.mails_per_address`); the answer stays the same.

        Raises:
            Unauthorised: The user of the session is gone.
            EmailAlreadyVerified: There is nothing to verify; the session says so, too.
        """
        if await self._refresh_claim(session, api.user_context):
            raise EmailAlreadyVerified
        recipient = await self._recipient(session.recipe_user_id)
        if await self.engine.limits.may_mail("email_verification", recipient, tenant_id=session.tenant_id):
            await self.send_email_verification_email(
                session.recipe_user_id, tenant_id=session.tenant_id, user_context=api.user_context
            )
        return Answer(body={"status": "OK"}, session=session)

    async def email_verify_post(self, token: str, api: ApiRequest) -> Answer:
        """`POST /user/email/verify`: with or without a session, since links are opened anywhere. Source: FDI 8.4.

        Raises:
            EmailVerificationTokenInvalid: The link does not hold any more.
            GeneralError: It would change an address to one that is somebody else's by now; the person reads it.
        """
        try:
            verified = await self.verify_email_using_token(
                token, tenant_id=api.tenant_id, user_context=api.user_context
            )
        except EmailAlreadyExists:
            raise GeneralError(TAKEN_MEANWHILE) from None
        if api.session is not None and api.session.recipe_user_id == verified.recipe_user_id:
            try:
                await self._refresh_claim(api.session, api.user_context)
            except Unauthorised:  # a new address has ended this session, and the link was good all the same
                api.session.ended = True
        return Answer(body={"status": "OK"}, session=api.session)

    async def is_email_verified_get(self, session: SessionContainer, api: ApiRequest) -> Answer:
        """`GET /user/email/verify`: how it stands, in the answer and in the session. Source: FDI 8.4.

        Raises:
            Unauthorised: The user of the session is gone.
        """
        is_verified = await self._refresh_claim(session, api.user_context)
        return Answer(body={"status": "OK", "isVerified": is_verified}, session=session)

    async def _recipient(self, recipe_user_id: str) -> str:
        """Whose mails are counted: the address; the user where an override mails people whom we do not know."""
        try:
            found = await operations.get_login_method(self.engine, recipe_user_id)
        except UserNotFound:
            return recipe_user_id
        return found.method.email or recipe_user_id

    async def _refresh_claim(self, session: SessionContainer, user_context: UserContext) -> bool:
        """How it stands, after the session has learnt it."""
        try:
            is_verified = await self.is_email_verified(session.recipe_user_id, user_context=user_context)
        except UserNotFound as error:
            raise Unauthorised("the user of this session is unknown") from error
        if session.get_claim_value(self.claim) is not is_verified:
            await session.set_claim_value(self.claim, is_verified)
        return is_verified

    async def _fetch_claim(self, owner: ClaimOwner, user_context: UserContext) -> bool | None:
        try:
            return await self.is_email_verified(owner.recipe_user_id, user_context=user_context)
        except UserNotFound:
            return None  # signed in by other means; unknown is not verified
