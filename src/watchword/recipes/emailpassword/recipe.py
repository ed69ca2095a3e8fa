"""The recipe for signing in with e-mail address and password: the overridable class and its configuration."""

from collections.abc import Sequence
from typing import Any, ClassVar, Never

from watchword.accounts.email import INVALID_EMAIL, is_fake_email, verify_email
from watchword.accounts.users import LoginMethod, User
from watchword.database.database import Transaction
from watchword.errors import BadInput, ConfigurationError, EmailAlreadyExists, WatchwordError
from watchword.recipes.api import Answer, ApiRequest, FirstFactor, Route
from watchword.recipes.emailpassword import operations
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.emailpassword.fdi import email_password_routes
from watchword.recipes.emailpassword.form_fields import InputFormField, only_field, sign_in_fields, sign_up_fields
from watchword.recipes.emailpassword.meanwhile import PasswordSignIn
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.emailpassword.recovery import PasswordRecovery
from watchword.recipes.emailpassword.stored_tables import STORED_TABLES
from watchword.recipes.refusals import noting_refusals
from watchword.recipes.session_feature import Action, EmailPasswordContext, FormField, SessionFeature
from watchword.recipes.user_context import UserContext, address_of, caller
from watchword.sessions.session import ENDED_BECAUSE
from watchword.setting_types import checked_settings
from watchword.settings import host_of, is_local
from watchword.stored_data import StoredTable


@checked_settings(but=("form_fields",))
class EmailPassword(PasswordRecovery):
    """Sign-up and sign-in with e-mail address and password.

    Subclass it to change what it does: `sign_up`, `sign_in`, `does_email_exist` and those of
    `PasswordRecovery` and `PasswordChange` are its functions, the methods named `*_post` and `*_get` its HTTP APIs.

    Args:
        form_fields: Further fields of the sign-up form, and own validators for `email` and `password`,
            which count for the reset forms as well.
        password_policy: Which new passwords are accepted; the most common ones are not without it.
        password_reset_token_life_ms: How long a reset link works, in milliseconds.
        revoke_sessions_on_password_reset: Whether a reset signs the user out everywhere (security PW-11).
        session_feature: The two hooks that fill each new session.
        disabled_apis: Names of HTTP APIs to switch off.
        further: Nothing of this recipe's; what a recipe made of several passes on to the next of them.

    Raises:
        ConfigurationError: The form fields cannot be used as they are, or mail cannot be sent.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("emailpassword",)
    migration_packages: ClassVar[tuple[str, ...]] = ("watchword.recipes.emailpassword",)
    stored_tables: ClassVar[tuple[StoredTable, ...]] = STORED_TABLES

    def __init__(
        self,
        *,
        form_fields: Sequence[InputFormField] = (),
        password_policy: PasswordPolicy | None = None,
        password_reset_token_life_ms: int = 3_600_000,
        revoke_sessions_on_password_reset: bool = True,
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **further: Never,
    ) -> None:
        super().__init__(
            password_policy=password_policy,
            password_reset_token_life_ms=password_reset_token_life_ms,
            revoke_sessions_on_password_reset=revoke_sessions_on_password_reset,
            session_feature=session_feature,
            disabled_apis=disabled_apis,
            **further,
        )
        self.sign_up_form_fields = sign_up_fields(
            form_fields, validate_email=self._validate_email, validate_password=self.password_policy.validate
        )
        self.sign_in_form_fields = sign_in_fields(self.sign_up_form_fields)
        self.reset_token_form_fields = only_field("email", self.sign_up_form_fields)
        self.reset_form_fields = only_field("password", self.sign_up_form_fields)
        self._check_one_password_rule(form_fields)

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe, and of those it is combined with."""
        return (*email_password_routes(self), *super().routes())

    async def list_first_factors(self, client_type: str | None, tenant_id: str) -> Sequence[FirstFactor]:
        """A password, and the ways to sign in of the recipes it is combined with."""
        return (FirstFactor("emailpassword"), *await super().list_first_factors(client_type, tenant_id))

    async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        """Make a user with this address and password; no session, no hook, no password policy.

        An override refuses by raising `SignUpNotAllowed(reason)`, `FieldErrors([FieldError(id, sentence)])`
        or `GeneralError(sentence)` of `watchword.errors`: the person reads the text. Errors of a web
        framework, such as FastAPI's `HTTPException`, mean nothing here and become a 500.

        Args:
            email: In any spelling; it is stored in normal form.
            password: Exactly as typed, at most 1 024 bytes of UTF-8.
            tenant_id: Where the user may sign in.
            user_context: The application's own; see `UserContext`.

        Raises:
            BadInput: The address can never be one, or there is no such tenant.
            FieldErrors: The password is too long or not text.
            EmailAlreadyExists: The tenant has a password user with this address, or
                `SignUps(one_account_per_email=True)` another user.
            Overloaded: Too many passwords wait to be hashed.
        """
        typed = self.password_policy.normalised(password)
        made = await operations.sign_up(self.engine, tenant_id, email, typed, address=address_of(user_context))
        if under_way := PasswordSignIn.of(user_context):
            under_way.watch(made.recipe_user_id, made.password_hash)
        return made.user

    async def sign_in(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        """The user whom this address and password open; no session, no hook.

        Failures are counted for the account and, where `user_context` holds the request, for its network;
        an override that compares passwords itself does so inside `self.engine.limits.sign_in_attempt(…)`.

        Raises:
            WrongCredentials: Unknown address, other tenant or wrong password; they are not told apart.
            TooManyRequests: Too many failures; the password was not looked at.
            Overloaded: Too many passwords wait to be hashed.
        """
        self.engine.passwords.refuse_when_full()  # before anything is written for it
        under_way = PasswordSignIn.of(user_context)
        later = None if under_way is None else under_way.add
        account = operations.account_key(email)
        async with self.engine.limits.sign_in_attempt(tenant_id, account, caller(user_context), later=later):
            typed = self.password_policy.normalised(password)
            found = await operations.sign_in(self.engine, tenant_id, email, typed, address=address_of(user_context))
            if under_way is not None:
                under_way.watch(found.recipe_user_id, found.password_hash)
            return found.user

    async def does_email_exist(self, email: str, *, tenant_id: str, user_context: UserContext) -> bool:  # noqa: ARG002 - for overrides
        """Whether the tenant has a password user of this address; users of a provider do not count."""
        return await operations.does_email_exist(self.engine, tenant_id, email)

    async def join_tenant(self, tx: Transaction, method: LoginMethod, tenant_id: str) -> None:
        """See `SignInRecipe`. Raises `EmailAlreadyExists`."""
        if method.recipe_id == operations.RECIPE_ID:
            await operations.insert_email(tx, self.engine.app_id, tenant_id, method.recipe_user_id, method.email)
        await super().join_tenant(tx, method, tenant_id)

    async def sign_up_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """`POST /signup`: make the user, run the hooks, start the session. Source: FDI 8.2.

        Args:
            form_fields: Valid: the configured ones that were sent, the address in normal form.
            api: The request.

        Raises:
            FieldErrors: The password is none that `check_new_password` accepts.
            ChallengeFailed: Where a challenge is configured, and this request does not answer it.
            SignUpNotAllowed: `check_sign_up` does not let this person.
            EmailAlreadyExists: The address is taken.
            HookFailed: A hook failed; the user stays, there is no session, and signing in works.
            WatchwordError: What `sign_up` raises.
        """
        email, password = _value_of(form_fields, "email"), _value_of(form_fields, "password")
        await self.check_new_password(password, email=email, user_context=api.user_context)
        await self.check_challenge("sign_up", email, api)
        if is_fake_email(email):
            raise EmailAlreadyExists
        of_request: dict[str, Any] = {"tenant_id": api.tenant_id, "user_context": api.user_context}
        own = tuple(field for field in form_fields if field.id not in ("email", "password"))
        under_way = PasswordSignIn(self.engine, api.tenant_id)
        async with under_way.until_stored(api.user_context, self.engine.db):
            with noting_refusals(self.engine, api, operations.RECIPE_ID):
                await self.check_sign_up(email, third_party_id=None, is_verified=False, **of_request)
                user = await self.sign_up(email, password, **of_request)
            _check_user(user, f"{type(self).__name__}.sign_up")
            if type(self).sign_up is not EmailPassword.sign_up:
                await under_way.read_hash(email)
            return await self._let_in(under_way, api, user, form_fields, own, "signup")

    async def sign_in_post(self, form_fields: Sequence[FormField], api: ApiRequest) -> Answer:
        """`POST /signin`: check the password, run the hooks, start the session. Source: FDI 8.2.

        Args:
            form_fields: Valid: `email` in normal form and `password`.
            api: The request.

        Raises:
            ChallengeFailed: Where a challenge is configured, and this request does not answer it.
            WrongCredentials: One answer for every reason (security EN-1), a password changed meanwhile among them.
            HookFailed: A hook failed; there is no session.
            WatchwordError: What `sign_in` raises.
        """
        email, password = _value_of(form_fields, "email"), _value_of(form_fields, "password")
        await self.check_challenge("sign_in", email, api)
        if is_fake_email(email):  # no password is the first proof for an address that nobody can have
            raise WrongCredentials
        under_way = PasswordSignIn(self.engine, api.tenant_id)
        async with under_way.until_stored(api.user_context, self.engine.db):
            if type(self).sign_in is not EmailPassword.sign_in:  # one that compares passwords itself watches no hash
                await under_way.read_hash(email)
            with noting_refusals(self.engine, api, operations.RECIPE_ID):
                user = await self.sign_in(email, password, tenant_id=api.tenant_id, user_context=api.user_context)
            _check_user(user, f"{type(self).__name__}.sign_in")
            return await self._let_in(under_way, api, user, form_fields, (), "signin")

    async def email_exists_get(self, email: str, api: ApiRequest) -> Answer:
        """`GET /emailpassword/email/exists`: whether a password user has the address. Source: FDI 8.2.

        The contract wants it, and so it tells who has an account; disable it by name where it must not
        (security EN-4, EN-5).
        """
        exists = await self.does_email_exist(email, tenant_id=api.tenant_id, user_context=api.user_context)
        return Answer(body={"status": "OK", "exists": exists})

    async def _let_in(
        self,
        under_way: PasswordSignIn,
        api: ApiRequest,
        user: User,
        form_fields: Sequence[FormField],
        own: tuple[FormField, ...],
        action: Action,
    ) -> Answer:
        """Start the session of somebody whose password is right, if it still is when the session is stored."""
        email, password = _value_of(form_fields, "email"), _value_of(form_fields, "password")
        recipe_user_id = _login_method_of(user, email, api.tenant_id)
        context = EmailPasswordContext(own, user_context=api.user_context)
        session = await self.start_session(api, user, recipe_user_id, context, action)
        try:
            typed = self.password_policy.normalised(password)
            await under_way.require_unchanged(session.handle, recipe_user_id, typed)
        except WatchwordError:
            if session is not api.session:  # its tokens go nowhere; nor shall it stand in any list
                api.user_context[ENDED_BECAUSE] = "password_changed"
                await session.revoke()
            raise
        return Answer(
            body={"status": "OK"}, user=user, recipe_user_id=recipe_user_id, session=session, signed_in_as=email
        )

    def _check_one_password_rule(self, form_fields: Sequence[InputFormField]) -> None:
        own = any(field.id == "password" and field.validate is not None for field in form_fields)
        if own and self.password_policy.min_length is not None:
            raise ConfigurationError(
                "password_policy.min_length",
                'and InputFormField("password", …) are both the rule of one field; leave one of them out',
            )

    def _validate_email(self, value: Any, _tenant_id: str) -> str | None:
        try:
            verify_email(value, special_use=is_local(host_of(self.engine.app_info.api_domain)))
        except BadInput:
            return INVALID_EMAIL
        return None


def _check_user(user: Any, method: str) -> None:
    """Whether an override answered with a user: without `return` it has not."""
    if not isinstance(user, User):
        raise TypeError(f"{method} returned {type(user).__name__}; return a User, as super() does")


def _value_of(form_fields: Sequence[FormField], id: str) -> str:
    return next(field.value for field in form_fields if field.id == id)


def _login_method_of(user: User, email: str, tenant_id: str) -> str:
    """The login method that was used; for a user put together by an override, the user's own id."""
    return next(
        (
            method.recipe_user_id
            for method in user.login_methods
            if method.recipe_id == operations.RECIPE_ID and method.email == email and tenant_id in method.tenant_ids
        ),
        user.id,
    )
