"""What signing in with a provider consists of, function by function: no HTTP, no session, no hook."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from watchword.accounts.email import normalise_email
from watchword.accounts.users import LoginMethod, User
from watchword.database.database import Transaction
from watchword.identifiers import LONGEST_NAME, LONGEST_PATH_PIECE, check_text
from watchword.recipes.recipe import SignInRecipe
from watchword.recipes.thirdparty import operations
from watchword.recipes.thirdparty.attempt import AuthorisationUrl, RedirectUriInfo
from watchword.recipes.thirdparty.tenant_providers import TenantProviders
from watchword.recipes.thirdparty.user_info import ProviderUserInfo
from watchword.recipes.user_context import UserContext, address_of


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


class ThirdPartyFunctions(SignInRecipe):
    """The recipe functions of `ThirdParty`, which an application overrides there."""

    _of_tenants: TenantProviders

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
