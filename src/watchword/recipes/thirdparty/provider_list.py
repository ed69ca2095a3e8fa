"""The providers of one recipe: each found by its id, with its client and its redirect URIs."""

from collections.abc import Sequence

from watchword.clock import Clock
from watchword.errors import BadInput, ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.recipes.thirdparty.connection import ProviderConnection
from watchword.recipes.thirdparty.operations import Identity
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.redirects import RedirectUris, check_redirect_uris
from watchword.settings import AppInfo


class ProviderList:
    """The entries of the `providers` setting, or those that a tenant has for itself.

    Args:
        providers: Each with an id of its own.
        redirect_uris: Those of every provider, beside the usual and the provider's own.
        tenant_id: The tenant that has these for itself; `None` for the application's.

    Raises:
        ConfigurationError: Two of one id, or redirect URIs that are none.
    """

    def __init__(
        self, providers: Sequence[Provider], redirect_uris: Sequence[str], *, tenant_id: str | None = None
    ) -> None:
        self._tenant_id = tenant_id
        self._by_id: dict[str, Provider] = {}
        self._redirect_uris: dict[str, tuple[str, ...]] = {}
        self._allowed: dict[str, RedirectUris] = {}
        for_all = check_redirect_uris("redirect_uris", redirect_uris)
        for provider in providers:
            id = provider.third_party_id
            if id in self._by_id:
                raise ConfigurationError("providers", f"{id!r} is there twice; give one another third_party_id")
            own = check_redirect_uris(f"{type(provider).__name__}.redirect_uris", provider.redirect_uris)
            self._by_id[id] = provider
            self._redirect_uris[id] = (*for_all, *own)

    def bind(self, app_info: AppInfo, outgoing: OutgoingClient, clock: Clock) -> None:
        """Give each provider its way out, and fix its redirect URIs."""
        for id, provider in self._by_id.items():
            provider.bind(ProviderConnection(id, outgoing, clock, self._tenant_id))
            self._allowed[id] = RedirectUris(app_info, id, self._redirect_uris[id])

    def get(self, third_party_id: str, client_type: str | None) -> tuple[Provider, ProviderClient]:
        """The provider of this id, and its client of this type.

        Raises:
            BadInput: There is no such provider or client, or which client is meant is not clear.
        """
        provider = self._by_id.get(third_party_id)
        if provider is None:
            shown = third_party_id if third_party_id.isprintable() and len(third_party_id) <= 64 else "with this id"
            raise BadInput("thirdPartyId", f"the provider {shown} could not be found in the configuration")
        return provider, provider.get_client(client_type)

    def get_for_redirect(
        self, third_party_id: str, client_type: str | None, redirect_uri: str
    ) -> tuple[Provider, ProviderClient]:
        """The same, after making sure that the redirect URI is one of this provider's (security OA-6).

        Raises:
            BadInput: As `get`, or another redirect URI.
        """
        provider, client = self.get(third_party_id, client_type)
        self._allowed[third_party_id].verify(redirect_uri, client)
        return provider, client

    def knows(self, third_party_id: str) -> bool:
        """Whether there is a provider of this id."""
        return third_party_id in self._by_id

    def identify(self, third_party_id: str, third_party_user_id: str, issuer: str) -> Identity:
        """A person at a provider, with what decides whether two such are one; also where the provider is not listed.

        Args:
            third_party_id: The provider.
            third_party_user_id: The person's id there.
            issuer: Who vouched for it; empty without OpenID Connect.
        """
        provider = self._by_id.get(third_party_id)
        if provider is None:
            return Identity(third_party_id=third_party_id, third_party_user_id=third_party_user_id, issuer=issuer)
        place = None if self._tenant_id is None else provider.find_own_place()
        return Identity(
            third_party_id=third_party_id,
            third_party_user_id=third_party_user_id,
            # Without OpenID Connect nobody signs for the id: where it is from has to tell two tenants' providers apart.
            issuer=issuer if provider.openid or issuer else place or "",
            former_issuers=provider.former_issuers,
            has_issuer=provider.openid or place is not None,
            is_of_one_tenant=place is not None,
        )

    def offered(self, client_type: str | None) -> tuple[tuple[str, str], ...]:
        """Id and name of each provider that has a client of this type, in the order they were listed."""
        return tuple((id, provider.name) for id, provider in self._by_id.items() if _has_client(provider, client_type))


def _has_client(provider: Provider, client_type: str | None) -> bool:
    try:
        provider.get_client(client_type)
    except BadInput:
        return False
    return True
