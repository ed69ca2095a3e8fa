"""Any provider that speaks OAuth 2.0 but not OpenID Connect, known by its endpoints."""

from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.user_info import UserInfoFields, UserInfoMap


class OAuth2(Provider):
    """Sign in with any OAuth 2.0 provider.

    Needs `third_party_id`, `authorization_endpoint`, `token_endpoint`, `user_info_endpoint` and a client;
    `user_info_map` says which fields of the profile hold what. PKCE is used with `force_pkce=True`.
    """

    openid = False
    trust_email = False
    user_info_map = UserInfoMap(from_user_info_api=UserInfoFields(user_id="id"))
