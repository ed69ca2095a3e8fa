"""Facebook.

Console: https://developers.facebook.com/apps.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, cast

from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.providers.link import AccessTokenRefused, present
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.user_info import UserInfoFields, UserInfoMap


class Facebook(Provider):
    """Sign in with Facebook: OAuth 2.0. It never says that an address is verified, so none counts as such.

    For a fixed version of the Graph API put it into the three endpoints; without one Facebook takes the
    oldest that the app may use.
    """

    openid = False
    third_party_id = "facebook"
    name = "Facebook"
    scope = ("email", "public_profile")
    authorization_endpoint = "https://www.facebook.com/dialog/oauth"
    token_endpoint = "https://graph.facebook.com/oauth/access_token"
    user_info_endpoint = "https://graph.facebook.com/me"
    user_info_endpoint_query_params: Mapping[str, str | None] = {"fields": "id,name,email"}
    user_info_map = UserInfoMap(from_user_info_api=UserInfoFields(user_id="id", email_verified=None))
    debug_token_endpoint = "https://graph.facebook.com/debug_token"

    async def get_profile(self, client: ProviderClient, access_token: str) -> dict[str, Any] | None:
        """With the proof that the caller knows the app's secret, which Facebook can be told to demand."""
        params = {**self.user_info_endpoint_query_params, "appsecret_proof": _proof(client, access_token)}
        profile = await self.ask(self.user_info_endpoint or "", access_token, params=params)
        if not isinstance(profile, dict):
            raise ProviderFailed(self.third_party_id, "its profile is not an object")
        return cast("dict[str, Any]", profile)

    async def verify_access_token(self, client: ProviderClient, access_token: str) -> None:
        """Facebook tells which app a token was issued to, and whether it is still good."""
        params = {"input_token": access_token}
        try:
            answer = await self.ask(
                self.debug_token_endpoint, f"{client.client_id}|{client.client_secret or ''}", params=present(params)
            )
        except AccessTokenRefused:
            raise ProviderFailed(
                self.third_party_id, "it does not accept the app's id and secret; check client_id and client_secret"
            ) from None
        data: Any = cast("dict[str, Any]", answer).get("data") if isinstance(answer, dict) else None
        told = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        if told.get("is_valid") is not True or str(told.get("app_id")) != client.client_id:
            raise self.refusal("the access_token is not valid, or was issued to another application", None)


def _proof(client: ProviderClient, access_token: str) -> str | None:
    if client.client_secret is None:
        return None
    return hmac.new(client.client_secret.encode(), access_token.encode(), hashlib.sha256).hexdigest()
