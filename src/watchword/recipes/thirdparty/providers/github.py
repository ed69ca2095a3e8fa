"""GitHub.

Console: https://github.com/settings/developers.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.providers.link import AccessTokenRefused, present
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.token_answers import basic
from watchword.recipes.thirdparty.user_info import ProviderUserInfo, UserInfoFields, UserInfoMap, read_email


class GitHub(Provider):
    """Sign in with GitHub: OAuth 2.0, PKCE. Only addresses that GitHub has verified count, the primary first.

    `raw_user_info["from_user_info_api"]` holds `user` and `emails`.
    """

    openid = False
    third_party_id = "github"
    name = "GitHub"
    scope = ("read:user", "user:email")
    force_pkce = True
    authorization_endpoint = "https://github.com/login/oauth/authorize"
    token_endpoint = "https://github.com/login/oauth/access_token"
    user_info_endpoint = "https://api.github.com/user"
    user_info_endpoint_headers: Mapping[str, str | None] = {
        "Accept": "application/vnd.github+json",
        "User-Agent": "watchword",
    }
    user_info_map = UserInfoMap(from_user_info_api=UserInfoFields(user_id="user.id", email=None, email_verified=None))
    check_token_endpoint = "https://api.github.com/applications/{client_id}/token"

    async def get_profile(self, client: ProviderClient, access_token: str) -> dict[str, Any] | None:  # noqa: ARG002 - for overrides
        """The user, and the addresses, which GitHub keeps apart."""
        endpoint = self.user_info_endpoint or ""
        user = await self.ask(endpoint, access_token, params=self.user_info_endpoint_query_params)
        try:
            emails = await self.ask(endpoint + "/emails", access_token)
        except AccessTokenRefused:  # without the scope for it, a person without an address
            emails = []
        if not isinstance(user, dict) or not isinstance(emails, list):
            raise ProviderFailed(self.third_party_id, "its profile has not the documented shape")
        return {"user": cast("dict[str, Any]", user), "emails": cast("list[Any]", emails)}

    def read_user_info(self, payload: dict[str, Any] | None, profile: dict[str, Any] | None) -> ProviderUserInfo:
        """The id, which a renamed account keeps, and the primary address or another one, if verified (OA-8)."""
        found = super().read_user_info(payload, profile)
        email = read_email(_best_verified_email((profile or {}).get("emails")))
        return replace(found, email=email, is_verified=self.trust_email and email is not None)

    async def verify_access_token(self, client: ProviderClient, access_token: str) -> None:
        """GitHub tells whether a token was issued to this client; for a token of another it answers 404."""
        url = self.check_token_endpoint.format(client_id=quote(client.client_id, safe=""))
        headers = {
            **present(self.user_info_endpoint_headers),
            "Authorization": basic(client.client_id, client.client_secret or ""),
        }
        answer = await self.connection.post_json(url, {"access_token": access_token}, headers=headers)
        if answer.status in (404, 422):
            raise self.refusal("the access_token is not valid, or was issued to another application", None)
        if answer.status != 200:
            raise ProviderFailed(self.third_party_id, f"its token check answered {answer.status}; check client_secret")


def _best_verified_email(entries: Any) -> Any:
    listed = cast("list[Any]", entries) if isinstance(entries, list) else []
    objects = [cast("dict[str, Any]", entry) for entry in listed if isinstance(entry, dict)]
    verified = [entry for entry in objects if entry.get("verified") is True]
    primary_first = sorted(verified, key=lambda entry: entry.get("primary") is not True)
    return primary_first[0].get("email") if primary_first else None
