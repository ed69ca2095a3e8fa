"""The providers of one recipe: each found by its id, with its client and its redirect URIs."""

from collections.abc import Collection, Sequence

from watchword.clock import Clock
from watchword.errors import BadInput, ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.recipes.thirdparty.connection import ProviderConnection
from watchword.recipes.thirdparty.operations import Identity
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.redirects import RedirectUris, check_redirect_uris
from watchword.settings import AppInfo

_WORD_OF_TENANT = "tenant:"  # begins no issuer, which is a URL


class ProviderList:
    """The entries of the `providers` setting, or those that a tenant has for itself.

    Args:
        providers: Each with an id of its own.
        redirect_uris: Those of every provider, beside the usual and the provider's own.
        tenant_id: The tenant that has these for itself; `None` for the application's.
        alone: The ids of those that are as the tenant says and not laid over one of the application's.

    Raises:
        ConfigurationError: Two of one id, or redirect URIs that are none.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        redirect_uris: Sequence[str],
        *,
        tenant_id: str | None = None,
        alone: Collection[str] = (),
    ) -> None:
        self._tenant_id = tenant_id
        self._alone = frozenset(alone)
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
            issuer: Who vouched for it, as `voucher_of` says; empty where nobody knows.
        """
        provider = self._by_id.get(third_party_id)
        voucher = self.voucher_of(third_party_id, issuer)
        is_tenants_word = voucher.startswith(_WORD_OF_TENANT)
        return Identity(
            third_party_id=third_party_id,
            third_party_user_id=third_party_user_id,
            issuer=voucher,
            former_issuers=() if provider is None else provider.former_issuers,
            has_issuer=provider is None or provider.openid or is_tenants_word,
            is_of_one_tenant=is_tenants_word
            or (provider is not None and third_party_id in self._alone and not provider.is_usual()),
        )

    def voucher_of(self, third_party_id: str, issuer: str) -> str:
        """Who vouches for people of a provider: its issuer, or the tenant whose settings decide who they are.

        To be asked of the list that named the person: the settings may be others a moment later.

        Args:
            third_party_id: The provider.
            issuer: Who signed; empty without OpenID Connect.
        """
        provider = self._by_id.get(third_party_id)
        if provider is None or issuer.startswith(_WORD_OF_TENANT):
            return issuer
        if third_party_id not in self._alone or not provider.decides_who_people_are():
            return issuer
        return f"{_WORD_OF_TENANT}{self._tenant_id} {issuer or provider.find_own_place() or ''}".rstrip()

    def offered(self, client_type: str | None) -> tuple[tuple[str, str], ...]:
        """Id and name of each provider that has a client of this type, in the order they were listed."""
        return tuple((id, provider.name) for id, provider in self._by_id.items() if _has_client(provider, client_type))


def _has_client(provider: Provider, client_type: str | None) -> bool:
    try:
        provider.get_client(client_type)
    except BadInput:
        return False
    return True
