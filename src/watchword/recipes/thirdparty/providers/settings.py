"""What can be set for a provider, as the application writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from watchword.recipes.thirdparty.user_info import UserInfoMap
from watchword.setting_types import checked_settings

Parameters = Mapping[str, str | None]
"""Further parameters of a request; `None` removes one that would be sent otherwise."""


@checked_settings()
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderClient:
    """One registration of the application at a provider.

    Attributes:
        client_id: As the provider's console shows it.
        client_secret: The same; never shown, never sent to a browser.
        client_type: Which of several clients this is: the value of the frontends' `clientType`.
        scope: Instead of the provider entry's scope.
        force_pkce: Use PKCE although the provider does not announce it.
        public: The registration has no secret; PKCE alone protects the code.
        native: A mobile or desktop app starts the attempt itself (AppAuth, Sign in with Apple on iOS),
            keeps its own verifier and nonce, and may listen on any port of a loopback redirect URI.
            The verifier is then passed on when it comes along, and the nonce is the app's to check.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    client_type: str | None = None
    scope: Sequence[str] | None = None
    force_pkce: bool = False
    public: bool = False
    native: bool = False


class ProviderSettings(TypedDict, total=False):
    """Every setting of a provider entry; a provider's own file gives the defaults.

    Which client of ours:
        client_id, client_secret: The simple form, for one client.
        clients: One or several, for web and mobile apps (see `ProviderClient`).
        scope: What to ask for.
        force_pkce: Use PKCE although the provider does not announce it.
        nonce_in_id_token: Whether the provider repeats the nonce in its id_token, as the standard says;
            `False` for one that does not, and only then.
        redirect_uris: Further redirect URIs for this provider alone, exact (see `ThirdParty`).

    Which provider:
        third_party_id: In paths, answers and stored identities; never change it once people signed in.
        name: On buttons.
        issuer: The OpenID issuer, exact.
        former_issuers: Issuers that this one went by before; identities stored under them stay the same people.
        oidc_discovery_endpoint: Instead of `{issuer}/.well-known/openid-configuration`.
        authorization_endpoint, authorization_endpoint_query_params: Instead of, and besides, the usual.
        token_endpoint, token_endpoint_body_params: The same for the exchange of the code.
        user_info_endpoint, user_info_endpoint_query_params, user_info_endpoint_headers: The same for the profile.
        jwks_endpoint: Instead of the discovered one.

    What to believe:
        user_info_map: Which fields of the profile hold what.
        require_email: Refuse people without an e-mail address (default), or make a placeholder address.
        trust_email: Whether the provider's word that an address is verified counts (security OA-8).
        accept_access_tokens: Accept an access token that a mobile client brings although the provider
            offers no way to see which application it was issued to: then any application that the same
            person uses can sign in as that person here. Leave it off.
    """

    client_id: str
    client_secret: str
    clients: Sequence[ProviderClient]
    scope: Sequence[str]
    force_pkce: bool
    nonce_in_id_token: bool
    redirect_uris: Sequence[str]
    third_party_id: str
    name: str
    issuer: str
    former_issuers: Sequence[str]
    oidc_discovery_endpoint: str
    authorization_endpoint: str
    authorization_endpoint_query_params: Parameters
    token_endpoint: str
    token_endpoint_body_params: Parameters
    user_info_endpoint: str
    user_info_endpoint_query_params: Parameters
    user_info_endpoint_headers: Parameters
    jwks_endpoint: str
    user_info_map: UserInfoMap
    require_email: bool
    trust_email: bool
    accept_access_tokens: bool
