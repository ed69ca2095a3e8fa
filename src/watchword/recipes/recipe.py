"""What all recipes are: bound to an engine, with HTTP APIs of their own; and how those that sign in start sessions."""

from collections.abc import Sequence
from typing import ClassVar, Never

from watchword.accounts.errors import AccountBanned
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Transaction
from watchword.errors import ConfigurationError, HookFailed, InvalidPayload, SignUpNotAllowed
from watchword.recipes.api import ApiRequest, FirstFactor, Route
from watchword.recipes.engine import Engine
from watchword.recipes.session_feature import Action, SessionFeature, SignInContext
from watchword.recipes.third_party_configs import ThirdPartyConfigs
from watchword.recipes.user_context import UserContext, address_of
from watchword.sessions.session import SessionContainer
from watchword.setting_types import checked_settings
from watchword.stored_data import StoredTable
from watchword.telemetry.hooks import Hooks

_WITH_PROVIDERS = "; use ThirdPartyEmailPassword, or list ThirdParty beside it"
_TAKEN_BY = {"providers": _WITH_PROVIDERS, "redirect_uris": _WITH_PROVIDERS}


@checked_settings()
class Recipe:
    """Base of every recipe: a class whose public coroutine methods may be overridden with `super()`.

    Methods named `*_post` and `*_get` are its HTTP APIs, the others its functions.

    Args:
        disabled_apis: Names of HTTP APIs to switch off; their paths then belong to the application.
        unknown: Settings that no recipe of the subclass has taken.

    Raises:
        ConfigurationError: There is a setting that does not exist.
    """

    #: Values of `rid` that mean this recipe.
    recipe_ids: ClassVar[tuple[str, ...]] = ()
    #: Packages whose `migrations` folder holds this recipe's tables.
    migration_packages: ClassVar[tuple[str, ...]] = ()
    #: What these tables hold: a person's rows in them are exported, moved and deleted with the person.
    stored_tables: ClassVar[tuple[StoredTable, ...]] = ()

    def __init__(self, *, disabled_apis: Sequence[str] = (), **unknown: Never) -> None:
        for setting in unknown:
            raise ConfigurationError(setting, f"{type(self).__name__} has no such setting{_TAKEN_BY.get(setting, '')}")
        self.disabled_apis = frozenset(disabled_apis)
        self._engine: Engine | None = None

    @property
    def is_initialised(self) -> bool:
        """Whether the `__init__` of a subclass called ours."""
        return "_engine" in vars(self)

    @property
    def engine(self) -> Engine:
        """The floors below. Raises `ConfigurationError` before `Watchword` has wired this recipe."""
        if self._engine is None:
            raise ConfigurationError(
                "recipe_list", f"{type(self).__name__} is not in the recipe_list of a Watchword yet"
            )
        return self._engine

    @property
    def hooks(self) -> Hooks:
        """Calls functions of the application. Raises `ConfigurationError` before `bind`."""
        return self.engine.hooks

    def bind(self, engine: Engine) -> None:
        """Called once by `Watchword`; an override checks configuration that needs the engine.

        Raises:
            ConfigurationError: The recipe belongs to another `Watchword`, or a disabled API does not exist.
        """
        if self._engine is not None:
            raise ConfigurationError(
                "recipe_list", f"one {type(self).__name__} object serves one Watchword; make another"
            )
        self._engine = engine
        names = sorted({route.name for route in self.routes()})
        for name in self.disabled_apis.difference(names):
            raise ConfigurationError("disabled_apis", f"no API is called {name!r}; there are: {', '.join(names)}")

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe, disabled ones included."""
        return ()

    async def list_first_factors(
        self,
        client_type: str | None,  # noqa: ARG002 - used by overrides
        tenant_id: str,  # noqa: ARG002
    ) -> Sequence[FirstFactor]:
        """The ways to sign in to a tenant that this recipe offers to a client of this type."""
        return ()

    def find_third_party_configs(self) -> ThirdPartyConfigs | None:
        """Where tenants' own providers are kept; `None` in a recipe that knows no providers."""
        return None

    async def follow_change(self, tx: Transaction, user_id: str, method: LoginMethod, new_email: str | None) -> None:
        """Called in the transaction that gives a login method another address or password, whoever does so.

        A recipe changes what it keeps of a method of its own, and voids the links that it mailed for it before.

        Args:
            tx: In which the user is locked and the directory has the new address.
            user_id: Whose method it is.
            method: As it was until now.
            new_email: The new address, in normal form; `None` where the address stays.

        Raises:
            EmailAlreadyExists: Somebody else signs in with it; all is rolled back.
        """

    async def start(self) -> None:
        """Called when the application starts, after the tables are there."""

    async def stop(self) -> None:
        """Called when the application stops."""


@checked_settings()
class SignInRecipe(Recipe):
    """Base of the recipes that sign people in, and so start sessions.

    Args:
        session_feature: The two hooks that fill each new session.
    """

    def __init__(
        self,
        *,
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **unknown: Never,
    ) -> None:
        super().__init__(disabled_apis=disabled_apis, **unknown)
        self.session_feature = session_feature or SessionFeature()

    async def join_tenant(self, tx: Transaction, method: LoginMethod, tenant_id: str) -> None:
        """Store what this recipe needs so that a login method of its own may be used in one more tenant.

        The method is in that tenant's directory by then. A recipe passes over methods of others.

        Raises:
            EmailAlreadyExists, IdentityTaken: Somebody else of that tenant has the address or identity; roll back.
        """

    async def check_sign_up(
        self,
        email: str,
        *,
        third_party_id: str | None,
        is_verified: bool,
        tenant_id: str,  # noqa: ARG002 - for overrides
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> None:
        """Return if somebody new may have an account; asked once, before it is made, whichever way they came.

        Accounts that the application makes by code are not asked for. An override refuses by raising
        `SignUpNotAllowed(reason)` or `GeneralError(sentence)` of `watchword.errors`.

        Args:
            email: In normal form.
            third_party_id: The provider that they come from; `None` with a password.
            is_verified: Whether that provider vouches for the address; `False` with a password.
            tenant_id: Where they would sign in.
            user_context: The application's own; see `UserContext`.

        Raises:
            SignUpNotAllowed: `Watchword(sign_ups=SignUps(…))` does not let them.
        """
        refusal = self.engine.sign_ups.find_refusal(email, is_vouched_for=is_verified or third_party_id is None)
        if refusal is not None:
            raise SignUpNotAllowed(refusal)

    async def start_session(
        self, api: ApiRequest, user: User, recipe_user_id: str, context: SignInContext, action: Action
    ) -> SessionContainer:
        """Run the hooks and make the session, or keep the one the same person already has (FDI 11).

        Raises:
            AccountBanned: The user is banned; no hook was run.
            HookFailed: A hook raised or returned what a session cannot hold; there is no session.
        """
        if user.ban is not None and user.ban.holds_at(self.engine.clock.now_ms()):
            refused = SecurityEvent(
                "sign_in_refused",
                tenant_id=api.tenant_id,
                user_id=user.id,
                address=address_of(api.user_context),
                facts={"method": context.login_type, "error": AccountBanned.code},
            )
            self.engine.audit.note(refused)
            raise AccountBanned(user.ban)
        session = api.session
        if session is None or session.user_id != user.id:
            session = await self._new_session(api, user, recipe_user_id, context, action)
        if action == "signin":
            self.engine.audit.note(
                SecurityEvent(
                    "sign_in",
                    tenant_id=api.tenant_id,
                    user_id=user.id,
                    handle=session.handle,
                    address=address_of(api.user_context),
                    facts={"method": context.login_type, "provider": getattr(context, "third_party_id", None)},
                )
            )
        return session

    async def _new_session(
        self, api: ApiRequest, user: User, recipe_user_id: str, context: SignInContext, action: Action
    ) -> SessionContainer:
        jwt_payload, session_data = await self.session_feature.fill(self.hooks, user, context, action)
        try:
            return await self.engine.sessions.create_new_session(
                user.id,
                jwt_payload=jwt_payload,
                session_data=session_data,
                recipe_user_id=recipe_user_id,
                tenant_id=api.tenant_id,
                with_anti_csrf_token=api.with_anti_csrf_token,
                user_context=api.user_context,
            )
        except InvalidPayload as error:
            raise HookFailed(f"set_{error.field}", f"returned what a session cannot hold: {error.message}") from error
