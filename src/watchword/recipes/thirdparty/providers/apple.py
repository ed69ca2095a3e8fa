"""Apple.

Console: https://developer.apple.com/account/resources/identifiers.
"""

import json
from collections.abc import Mapping
from typing import Any, Unpack

import msgspec

from watchword.crypto.jwt import InvalidKey, SigningKey, sign
from watchword.nesting import nests_deeper_than
from watchword.recipes.thirdparty.attempt import RedirectUriInfo
from watchword.recipes.thirdparty.providers.provider import Provider, UserContext
from watchword.recipes.thirdparty.providers.settings import ProviderClient, ProviderSettings
from watchword.recipes.thirdparty.user_info import ProviderUserInfo
from watchword.setting_types import checked_settings

_SECRET_SECONDS = 3600  # Apple accepts up to six months; a leaked one should not
_RENEW_SECONDS = 600
_MAX_USER_CHARACTERS = 4096


@checked_settings("{class}.")
class Apple(Provider):
    """Sign in with Apple: OpenID Connect with a nonce, a client secret signed from a key, a form POST callback.

    Apple posts to `{api_domain}{api_base_path}/callback/apple`, so that is the return URL to register. It
    tells the person's name once, at the first sign-in: `raw_user_info["from_id_token_payload"]["user"]`.

    Args:
        team_id: Ten characters, from the membership page.
        key_id: Of the key for Sign in with Apple.
        private_key: The text of its `.p8` file.
        settings: See `ProviderSettings`; `client_id` is the Services ID (web) or the bundle ID (apps).
    """

    third_party_id = "apple"
    name = "Apple"
    scope = ("openid", "email", "name")
    issuer = "https://appleid.apple.com"
    authorization_endpoint_query_params: Mapping[str, str | None] = {
        "response_mode": "form_post"
    }  # demanded with scopes

    def __init__(self, *, team_id: str, key_id: str, private_key: str, **settings: Unpack[ProviderSettings]) -> None:
        for setting, value in (("team_id", team_id), ("key_id", key_id)):
            if not value.isalnum():
                raise self.misconfigured(setting, "must be the ten letters and digits that Apple's console shows")
        try:
            # An environment variable often holds the line ends of the file as \n, two characters.
            self._key = SigningKey.from_pem("ES256", key_id, private_key.replace("\\n", "\n").strip() + "\n")
        except InvalidKey as error:
            raise self.misconfigured("private_key", f"is not the text of a .p8 file from Apple: {error}") from None
        self._team_id = team_id
        self._secrets: dict[str, tuple[str, int]] = {}
        super().__init__(**settings)

    def check_client(self, client: ProviderClient) -> None:
        """No client of Apple's has a secret of its own: it is signed from the key."""
        if client.client_secret is not None:
            raise self.misconfigured(
                "client_secret", "is not used; Apple's is made from team_id, key_id and private_key"
            )

    async def get_client_secret(self, client: ProviderClient) -> str | None:
        """A JWT that says who we are, signed with the team's key and good for an hour; renewed 10 min before its end.

        Source: Apple, "Creating a client secret".
        """
        now_seconds = self.connection.clock.now_ms() // 1000
        secret, made_at_seconds = self._secrets.get(client.client_id, ("", 0))
        if not secret or not 0 <= now_seconds - made_at_seconds < _SECRET_SECONDS - _RENEW_SECONDS:
            claims = {
                "iss": self._team_id,
                "iat": now_seconds,
                "exp": now_seconds + _SECRET_SECONDS,
                "aud": "https://appleid.apple.com",
                "sub": client.client_id,
            }
            secret = sign({}, json.dumps(claims).encode(), self._key)
            self._secrets[client.client_id] = (secret, now_seconds)
        return secret

    async def get_user_info(
        self,
        client: ProviderClient,
        oauth_tokens: dict[str, Any],
        *,
        callback: RedirectUriInfo | None,
        user_context: UserContext,
    ) -> ProviderUserInfo:
        """With the `user` field that Apple posts at the first sign-in; the browser carries it, so it proves nothing."""
        found = await super().get_user_info(client, oauth_tokens, callback=callback, user_context=user_context)
        user = _read_user(callback.query_params.get("user")) if callback is not None else None
        if user is not None:
            found.raw_user_info["from_id_token_payload"]["user"] = user
        return found


def _read_user(value: Any) -> dict[str, Any] | None:
    """The object, or the object that a JSON text holds; anything else is left out."""
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
        if len(value) > _MAX_USER_CHARACTERS or nests_deeper_than(8, data):
            return None
        try:
            value = msgspec.json.decode(data)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType] - JSON
