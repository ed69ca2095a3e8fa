"""The recipe for signing in with a provider: the overridable class and its configuration."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Never

from watchword.accounts.email import FAKE_EMAIL_DOMAIN, normalise_email
from watchword.accounts.errors import AccountBanned
from watchword.crypto.hashes import sha256
from watchword.errors import BadInput, SignInUpNotAllowed, SignUpNotAllowed
from watchword.recipes.api import Answer, ApiRequest, FirstFactor, Route
from watchword.recipes.engine import Engine
from watchword.recipes.refusals import noting_refusals
from watchword.recipes.session_feature import SessionFeature, ThirdPartyContext
from watchword.recipes.third_party_configs import ThirdPartyConfigs
from watchword.recipes.thirdparty import operations
from watchword.recipes.thirdparty.attempt import RedirectUriInfo
from watchword.recipes.thirdparty.errors import NoEmailGivenByProvider, ProviderFailed
from watchword.recipes.thirdparty.fdi import authorisation_url_answer, redirect_answer, third_party_routes
from watchword.recipes.thirdparty.functions import SignInUpResult, ThirdPartyFunctions
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.redirects import apple_redirect_target
from watchword.recipes.thirdparty.stored_tables import STORED_TABLES
from watchword.recipes.thirdparty.tenant_providers import TenantProviders
from watchword.setting_types import checked_settings
from watchword.stored_data import StoredTable

_REFUSALS = (NoEmailGivenByProvider, ProviderFailed, BadInput)  # a state or a token that is not ours may be an attack


@checked_settings()
class ThirdParty(ThirdPartyFunctions):
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
