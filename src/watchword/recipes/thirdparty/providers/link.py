"""Where a provider is, what it supports, and how it is asked: the small steps that the flow is made of."""

from typing import Any

from watchword.errors import BadInput, WatchwordError
from watchword.recipes.thirdparty.attempt import RedirectUriInfo, verifier_in_tenant
from watchword.recipes.thirdparty.documents import UnusableDocument
from watchword.recipes.thirdparty.endpoints import Endpoints, endpoints_from_discovery
from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.openid import Jwks
from watchword.recipes.thirdparty.providers.entry import ProviderEntry
from watchword.recipes.thirdparty.providers.settings import Parameters, ProviderClient


class AccessTokenRefused(Exception):
    """The provider does not accept an access token."""


class ProviderLink(ProviderEntry):
    """The steps of `Provider` that concern the provider itself, not one sign-in."""

    async def get_endpoints(self) -> Endpoints:
        """The provider's addresses: configured ones, over those of the discovery document.

        Raises:
            ProviderFailed: The discovery document cannot be had, or speaks for another issuer.
        """
        if not self.openid:
            return Endpoints(
                authorization_endpoint=self.authorization_endpoint or "",
                token_endpoint=self.token_endpoint or "",
                user_info_endpoint=self.user_info_endpoint,
                issuer=self.issuer,
            )
        issuer = self.issuer or ""
        url = self.oidc_discovery_endpoint or issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = await self.connection.documents.get(
                url, lambda document: endpoints_from_discovery(document, issuer)
            )
        except UnusableDocument as error:
            raise ProviderFailed(self.third_party_id, str(error)) from None
        return found.with_configured(
            self.authorization_endpoint, self.token_endpoint, self.user_info_endpoint, self.jwks_endpoint
        )

    async def get_client_secret(self, client: ProviderClient) -> str | None:
        """What authenticates us at the token endpoint; `None` for a client without a secret."""
        return client.client_secret

    def uses_pkce(self, client: ProviderClient, endpoints: Endpoints) -> bool:
        """Whether attempts of this client carry a code challenge (S256; never `plain`). Source: security OA-2."""
        return self.force_pkce or client.force_pkce or client.public or endpoints.supports_s256

    def uses_nonce(self, client: ProviderClient) -> bool:
        """Whether attempts of this client carry a nonce that the id_token must repeat. Source: security OA-3."""
        return self.openid and self.nonce_in_id_token and not client.native

    def shown_verifier(self, client: ProviderClient, verifier: str) -> str:
        """The code verifier as the provider comes to know it: a tenant's own provider, one that is of that tenant.

        A native app made its own, and the provider knows the challenge of that.
        """
        tenant_id = self.connection.tenant_id
        return verifier if tenant_id is None or client.native else verifier_in_tenant(verifier, tenant_id)

    def is_issuer(self, issuer: Any) -> bool:
        """Whether a value of `iss` in the callback names this provider (RFC 9207)."""
        return issuer == self.issuer

    def issuer_of(self, id_token: str) -> str:  # noqa: ARG002 - for overrides
        """The issuer that this id_token must come from. An override may look inside, and believe nothing it sees."""
        return self.issuer or ""

    def keys_for(self, jwks: Jwks, issuer: str) -> Jwks:  # noqa: ARG002 - for overrides
        """Which of the published keys may sign for an issuer; all, where one provider is one issuer."""
        return jwks

    async def ask(self, url: str, access_token: str, *, params: Parameters | None = None) -> Any:
        """GET an address of the provider with an access token and return the JSON.

        Raises:
            AccessTokenRefused: The provider answered 400, 401, 403 or 404.
            ProviderFailed: It is unreachable, or answers with another error.
        """
        headers = present({"Authorization": f"Bearer {access_token}", **self.user_info_endpoint_headers})
        answer = await self.connection.get_json(url, headers=headers, params=present(params or {}))
        if answer.status in (400, 401, 403, 404):
            raise AccessTokenRefused
        if answer.status != 200:
            raise ProviderFailed(self.third_party_id, f"its user-info endpoint answered {answer.status}")
        return answer.body

    def refusal(self, problem: str, callback: RedirectUriInfo | None) -> WatchwordError:
        """Whose fault it is when tokens do not hold.

        Args:
            problem: In our words, without any part of a token.
            callback: `None` when a client brought the tokens: then the client is at fault, otherwise the
                provider, which has just made them.
        """
        if callback is None:
            return BadInput("oAuthTokens", f"oAuthTokens cannot be used: {problem}")
        return ProviderFailed(self.third_party_id, problem)


def present(parameters: Parameters) -> dict[str, str]:
    """The parameters that have a value."""
    return {name: value for name, value in parameters.items() if value is not None}
