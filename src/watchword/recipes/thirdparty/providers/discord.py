"""Discord.

Console: https://discord.com/developers/applications.
"""

from typing import Any, cast

from watchword.recipes.thirdparty.providers.link import AccessTokenRefused
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.user_info import UserInfoFields, UserInfoMap


class Discord(Provider):
    """Sign in with Discord: OAuth 2.0, PKCE, verified addresses."""

    openid = False
    third_party_id = "discord"
    name = "Discord"
    scope = ("identify", "email")
    issuer = "https://discord.com"  # named in its callbacks (RFC 9207)
    force_pkce = True
    authorization_endpoint = "https://discord.com/oauth2/authorize"
    token_endpoint = "https://discord.com/api/oauth2/token"
    user_info_endpoint = "https://discord.com/api/users/@me"
    user_info_map = UserInfoMap(from_user_info_api=UserInfoFields(user_id="id", email_verified="verified"))
    authorization_info_endpoint = "https://discord.com/api/oauth2/@me"

    async def verify_access_token(self, client: ProviderClient, access_token: str) -> None:
        """Discord tells which application a token was issued to."""
        try:
            info = await self.ask(self.authorization_info_endpoint, access_token)
        except AccessTokenRefused:
            raise self.refusal("the access_token is not accepted by the provider", None) from None
        application: Any = cast("dict[str, Any]", info).get("application") if isinstance(info, dict) else None
        if not isinstance(application, dict) or cast("dict[str, Any]", application).get("id") != client.client_id:
            raise self.refusal("the access_token was issued to another application", None)
