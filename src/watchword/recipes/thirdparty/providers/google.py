"""Google.

Console: https://console.cloud.google.com/apis/credentials.
"""

from watchword.recipes.thirdparty.providers.provider import Provider


class Google(Provider):
    """Sign in with Google: OpenID Connect, PKCE, verified addresses.

    For refresh tokens set `authorization_endpoint_query_params={"access_type": "offline"}`.
    """

    third_party_id = "google"
    name = "Google"
    scope = ("openid", "email", "profile")
    issuer = "https://accounts.google.com"
    force_pkce = True
