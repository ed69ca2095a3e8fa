"""The recipe for signing in with a provider: the overridable class and its configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Never

from watchword.accounts.email import FAKE_EMAIL_DOMAIN, normalise_email
from watchword.accounts.errors import AccountBanned
from watchword.accounts.users import LoginMethod, User
from watchword.crypto.hashes import sha256
from watchword.database.database import Transaction
from watchword.errors import BadInput, SignInUpNotAllowed, SignUpNotAllowed
from watchword.identifiers import LONGEST_NAME, LONGEST_PATH_PIECE, check_text
from watchword.recipes.api import Answer, ApiRequest, FirstFactor, Route
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import SignInRecipe
from watchword.recipes.refusals import noting_refusals
from watchword.recipes.session_feature import SessionFeature, ThirdPartyContext
from watchword.recipes.third_party_configs import ThirdPartyConfigs
from watchword.recipes.thirdparty import operations
from watchword.recipes.thirdparty.attempt import AuthorisationUrl, RedirectUriInfo
from watchword.recipes.thirdparty.errors import NoEmailGivenByProvider, ProviderFailed
from watchword.recipes.thirdparty.fdi import authorisation_url_answer, redirect_answer, third_party_routes
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.redirects import apple_redirect_target
from watchword.recipes.thirdparty.stored_tables import STORED_TABLES
from watchword.recipes.thirdparty.tenant_providers import TenantProviders
from watchword.recipes.thirdparty.user_info import ProviderUserInfo
from watchword.recipes.user_context import UserContext, address_of
from watchword.setting_types import checked_settings
from watchword.stored_data import StoredTable

_REFUSALS = (NoEmailGivenByProvider, ProviderFailed, BadInput)  # a state or a token that is not ours may be an attack


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInUpResult:
    """Who signed in with a provider.

    Attributes:
        user: As stored after the sign-in.
        recipe_user_id: The login method that was used.
        created_new_recipe_user: Whether this sign-in made it.
        oauth_tokens: The provider's tokens; keep them on the server.
        raw_user_info: See `ProviderUserInfo`.
    """

    user: User
    recipe_user_id: str
    created_new_recipe_user: bool
    oauth_tokens: Mapping[str, Any] = field(repr=False)
    raw_user_info: Mapping[str, Any] = field(repr=False)


@checked_settings()
class ThirdParty(SignInRecipe):
    """Sign-in and sign-up with providers elsewhere.

    Subclass it to change what it does: `get_authorisation_url`, `exchange_auth_code_for_oauth_tokens`,
    `get_user_info` and `sign_in_up` are its functions; `authorisation_url_get`, `sign_in_up_post` and
    `apple_redirect_handler_post` its HTTP APIs. What one provider does differently belongs into a
    subclass of `Provider`.

    Args:
        providers: Each with an id of its own; see `watchword.recipes.thirdparty.providers`.
        redirect_uris: Redirect URIs beside `{origin}{website_base_path}/callback/{id}` on every allowed
            origin and `{api_domain}{api_base_path}/callback/{id}`, exact, for example a mobile app's
            `com.example.app:/callback`. They count for every provider: where there are several, set them
            on the provider they belong to.
        session_feature: The two hooks that fill each new session.
        disabled_apis: Names of HTTP APIs to switch off.
        further: Nothing of this recipe's; what a recipe made of several passes on to the next of them.

    Raises:
        ConfigurationError: Two providers of one id, or redirect URIs that are none.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("thirdparty",)
    migration_packages: ClassVar[tuple[str, ...]] = ("watchword.recipes.thirdparty",)
    stored_tables: ClassVar[tuple[StoredTable, ...]] = STORED_TABLES

    def __init__(
        self,
        *,
        providers: Sequence[Provider] = (),
        redirect_uris: Sequence[str] = (),
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
        **further: Never,
    ) -> None:
        super().__init__(session_feature=session_feature, disabled_apis=disabled_apis, **further)
        self.providers = tuple(providers)
        self._of_tenants = TenantProviders(self.providers, redirect_uris)

    def bind(self, engine: Engine) -> None:
        """Wire the recipe, and each provider with its way out. Raises `ConfigurationError`."""
        super().bind(engine)
        self._of_tenants.bind(engine)

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe, and of those it is combined with."""
        return (*third_party_routes(self), *super().routes())

    async def start(self) -> None:
        """Have no stored provider need an older secret."""
        await super().start()
        await self._of_tenants.start()

    async def list_first_factors(self, client_type: str | None, tenant_id: str) -> Sequence[FirstFactor]:
        """The tenant's providers that have a client of this type, and the ways to sign in of combined recipes."""
        providers = await self._of_tenants.get_list(tenant_id)
        others = await super().list_first_factors(client_type, tenant_id)
        return (FirstFactor("thirdparty", providers.offered(client_type)), *others)

    def find_third_party_configs(self) -> ThirdPartyConfigs:
        """The providers that tenants have for themselves."""
        return self._of_tenants

    # The recipe functions

    async def get_authorisation_url(
        self,
        third_party_id: str,
        redirect_uri: str,
        *,
        client_type: str | None = None,
        tenant_id: str,
        user_context: UserContext,
    ) -> AuthorisationUrl:
        """Where the browser goes to sign in at a provider.

        Args:
            third_party_id: The provider.
            redirect_uri: Where it comes back to; one of the provider's redirect URIs.
            client_type: Which client, where the provider has several.
            tenant_id: Where the person will sign in.
            user_context: The application's own; see `UserContext`.

        Raises:
            BadInput: No such provider or client, or another redirect URI.
            ProviderFailed: Its discovery document cannot be had.
        """
        providers = await self._of_tenants.get_list(tenant_id)
        provider, client = providers.get_for_redirect(third_party_id, client_type, redirect_uri)
        return await provider.get_authorisation_url(client, redirect_uri, user_context=user_context)

    async def exchange_auth_code_for_oauth_tokens(
        self,
        third_party_id: str,
        redirect_uri_info: RedirectUriInfo,
        *,
        client_type: str | None = None,
        tenant_id: str,
        user_context: UserContext,
    ) -> dict[str, Any]:
        """Check how the browser came back and exchange the code for tokens, as the provider gives them.

        Raises:
            GeneralError: The provider or the person said no.
            BadInput: A part of `redirect_uri_info` is missing or belongs to another attempt or provider.
            ProviderFailed: The provider is unreachable or answers anything but tokens.
        """
        providers = await self._of_tenants.get_list(tenant_id)
        provider, client = providers.get_for_redirect(third_party_id, client_type, redirect_uri_info.redirect_uri)
        await provider.verify_callback(client, redirect_uri_info)
        return await provider.exchange_auth_code_for_oauth_tokens(client, redirect_uri_info, user_context=user_context)

    async def get_user_info(
        self,
        third_party_id: str,
        oauth_tokens: dict[str, Any],
        *,
        redirect_uri_info: RedirectUriInfo | None = None,
        client_type: str | None = None,
        tenant_id: str,
        user_context: UserContext,
    ) -> ProviderUserInfo:
        """Who the tokens are about; see `Provider.get_user_info`.

        Args:
            third_party_id: The provider.
            oauth_tokens: From `exchange_auth_code_for_oauth_tokens`, or brought by a mobile client.
            redirect_uri_info: How the code came; `None` when a client brought the tokens.
            client_type: Which client, where the provider has several.
            tenant_id: Where the person signs in.
            user_context: The application's own; see `UserContext`.
        """
        providers = await self._of_tenants.get_list(tenant_id)
        provider, client = providers.get(third_party_id, client_type)
        found = await provider.get_user_info(
            client, oauth_tokens, callback=redirect_uri_info, user_context=user_context
        )
        # Now and by this list: while the provider answered, its tenant may have got another one under this id.
        return replace(found, issuer=providers.voucher_of(third_party_id, found.issuer))

    async def sign_in_up(
        self,
        third_party_id: str,
        third_party_user_id: str,
        *,
        email: str,
        is_verified: bool,
        oauth_tokens: Mapping[str, Any],
        raw_user_info: Mapping[str, Any],
        issuer: str = "",
        tenant_id: str,
        user_context: UserContext,
    ) -> SignInUpResult:
        """Find the user whom a provider's identity opens, or make one; no session, no hook.

        Args:
            third_party_id: The provider.
            third_party_user_id: The person's id there.
            email: In any spelling; stored in normal form, replaced when it changed.
            is_verified: Whether the provider vouches for it.
            oauth_tokens: For overrides; stored nowhere.
            raw_user_info: The same.
            issuer: Who vouches for the identity; empty for providers without OpenID Connect.
            tenant_id: Where the person signs in.
            user_context: The application's own; see `UserContext`.

        Raises:
            BadInput: There is no such tenant, the address can never be one, or an id is empty or too long.
            SignInUpNotAllowed: The identity is known, but under another issuer; or it is new, and
                `SignUps(one_account_per_email=True)` finds another user with the address.
        """
        await self.engine.tenants.get(tenant_id)
        check_text("third_party_id", third_party_id, LONGEST_PATH_PIECE)
        check_text("third_party_user_id", third_party_user_id, LONGEST_NAME)
        providers = await self._of_tenants.get_list(tenant_id)
        signed_in = await operations.sign_in_up(
            self.engine,
            tenant_id,
            providers.identify(third_party_id, third_party_user_id, issuer),
            normalise_email(email),
            is_verified=is_verified,
            address=address_of(user_context),
        )
        return SignInUpResult(
            user=signed_in.user,
            recipe_user_id=signed_in.recipe_user_id,
            created_new_recipe_user=signed_in.created,
            oauth_tokens=oauth_tokens,
            raw_user_info=raw_user_info,
        )

    async def join_tenant(self, tx: Transaction, method: LoginMethod, tenant_id: str) -> None:
        """See `SignInRecipe`. Raises `IdentityTaken`."""
        if method.recipe_id == operations.RECIPE_ID:
            await operations.join_tenant(tx, self.engine.app_id, method, tenant_id)
        await super().join_tenant(tx, method, tenant_id)

    # The HTTP APIs

    async def authorisation_url_get(
        self, third_party_id: str, redirect_uri_on_provider_dashboard: str, client_type: str | None, api: ApiRequest
    ) -> Answer:
        """`GET /authorisationurl`. Source: FDI 8.3. Raises what `get_authorisation_url` raises."""
        where = await self.get_authorisation_url(
            third_party_id,
            redirect_uri_on_provider_dashboard,
            client_type=client_type,
            tenant_id=api.tenant_id,
            user_context=api.user_context,
        )
        return authorisation_url_answer(where)

    async def sign_in_up_post(
        self,
        third_party_id: str,
        client_type: str | None,
        redirect_uri_info: RedirectUriInfo | None,
        oauth_tokens: dict[str, Any] | None,
        api: ApiRequest,
    ) -> Answer:
        """`POST /signinup`: exchange, look, sign in or up, run the hooks, start the session. Source: FDI 8.3.

        Args:
            third_party_id: The provider.
            client_type: Which client, where the provider has several.
            redirect_uri_info: How the browser came back; or
            oauth_tokens: what a mobile client brought.
            api: The request.

        Raises:
            NoEmailGivenByProvider: The provider gave none, and the entry requires one.
            SignInUpNotAllowed: The person is new, and `check_sign_up` does not let them.
            HookFailed: A hook failed; the user stays, there is no session.
            WatchwordError: What the recipe functions raise.
        """
        is_known = (await self._of_tenants.get_list(api.tenant_id)).knows(third_party_id)
        provider, also = (third_party_id, _REFUSALS) if is_known else (None, ())
        with noting_refusals(self.engine, api, operations.RECIPE_ID, provider=provider, also=also):
            result = await self._identify(third_party_id, client_type, redirect_uri_info, oauth_tokens, api)
        return await self._signed_in(third_party_id, result, api)

    async def apple_redirect_handler_post(self, form: Mapping[str, Any], api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """`POST /callback/apple`: send the browser on to the website with what Apple posted. Source: FDI 8.3.

        Raises:
            BadInput: No usable `state`, or it names a URI on no origin of the application's.
        """
        return redirect_answer(apple_redirect_target(self.engine.app_info, form))

    async def _identify(
        self,
        third_party_id: str,
        client_type: str | None,
        redirect_uri_info: RedirectUriInfo | None,
        oauth_tokens: dict[str, Any] | None,
        api: ApiRequest,
    ) -> SignInUpResult:
        common: dict[str, Any] = {
            "client_type": client_type,
            "tenant_id": api.tenant_id,
            "user_context": api.user_context,
        }
        if redirect_uri_info is not None:
            oauth_tokens = await self.exchange_auth_code_for_oauth_tokens(third_party_id, redirect_uri_info, **common)
        tokens = oauth_tokens or {}
        found = await self.get_user_info(third_party_id, tokens, redirect_uri_info=redirect_uri_info, **common)
        provider, _ = (await self._of_tenants.get_list(api.tenant_id)).get(third_party_id, client_type)
        if found.email is None and provider.require_email:
            raise NoEmailGivenByProvider
        email = found.email or _placeholder_email(third_party_id, found.third_party_user_id)
        is_verified = found.is_verified or found.email is None
        of_request: dict[str, Any] = {"tenant_id": api.tenant_id, "user_context": api.user_context}
        # Whoever is being deleted at this very moment counts as known, and may come back once.
        if not await operations.is_known(self.engine, api.tenant_id, third_party_id, found.third_party_user_id):
            await self._check_sign_up_here(email, third_party_id, is_verified, of_request)
        return await self.sign_in_up(
            third_party_id,
            found.third_party_user_id,
            email=email,
            is_verified=is_verified,
            oauth_tokens=tokens,
            raw_user_info=found.raw_user_info,
            issuer=found.issuer,
            **of_request,
        )

    async def _check_sign_up_here(
        self, email: str, third_party_id: str, is_verified: bool, of_request: dict[str, Any]
    ) -> None:
        """Ask `check_sign_up`, and refuse with the status that this API's clients know."""
        try:
            await self.check_sign_up(email, third_party_id=third_party_id, is_verified=is_verified, **of_request)
        except SignUpNotAllowed as refused:
            raise SignInUpNotAllowed(refused.reason) from None

    async def _signed_in(self, third_party_id: str, result: SignInUpResult, api: ApiRequest) -> Answer:
        context = ThirdPartyContext(
            third_party_id=third_party_id,
            third_party_auth_code_response=result.oauth_tokens,
            raw_user_info=result.raw_user_info,
            user_context=api.user_context,
        )
        action = "signup" if result.created_new_recipe_user else "signin"
        was_there = await operations.has_identity(self.engine, api.tenant_id, result.recipe_user_id)
        try:
            session = await self.start_session(api, result.user, result.recipe_user_id, context, action)
        except AccountBanned as banned:
            raise SignInUpNotAllowed(banned.reason) from None  # the status that this API's clients know
        if was_there and not await operations.has_identity(self.engine, api.tenant_id, result.recipe_user_id):
            await session.revoke()
            raise SignInUpNotAllowed("This account has just been deleted.")
        return Answer(
            body={"status": "OK"},
            user=result.user,
            recipe_user_id=result.recipe_user_id,
            created_new_recipe_user=result.created_new_recipe_user,
            session=session,
        )


def _placeholder_email(third_party_id: str, third_party_user_id: str) -> str:
    """The contract's address for a person without one; a digest where the id cannot stand in an address."""
    try:
        return normalise_email(f"{third_party_user_id}.{third_party_id}@{FAKE_EMAIL_DOMAIN}")
    except BadInput:
        return f"{sha256(third_party_user_id).hex()}.{third_party_id.lower()}@{FAKE_EMAIL_DOMAIN}"
