"""Microsoft Entra ID and Microsoft accounts.

Console: https://entra.microsoft.com, App registrations.
"""

import re
from typing import Any, Unpack, cast

from watchword.crypto.jwt import read_unverified
from watchword.recipes.thirdparty.id_token import UntrueToken
from watchword.recipes.thirdparty.openid import Jwks
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderSettings
from watchword.setting_types import checked_settings

_HOST = "https://login.microsoftonline.com"
_DIRECTORY = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the one directory of all personal accounts
_SEVERAL = ("common", "organizations")


@checked_settings("{class}.")
class MicrosoftEntraId(Provider):
    """Sign in with Microsoft: OpenID Connect, PKCE.

    Args:
        directory_id: The GUID of your directory (its tenant id); `organizations` for every directory,
            `consumers` for personal accounts, `common` for both. With several directories a person is
            known by the directory's id and the person's id there.
        settings: See `ProviderSettings`. Any administrator of a directory can write any address into a
            user's `email`, so addresses count as unverified; set `trust_email=True` only for a directory
            whose administrators may decide that here.
    """

    third_party_id = "active-directory"
    name = "Microsoft"
    scope = ("openid", "email", "profile")
    force_pkce = True  # supported, though not announced in the discovery document
    trust_email = False

    def __init__(self, *, directory_id: str, **settings: Unpack[ProviderSettings]) -> None:
        self.directory_id = _PERSONAL if directory_id == "consumers" else directory_id.lower()
        if self.directory_id not in _SEVERAL and re.fullmatch(_DIRECTORY, self.directory_id) is None:
            raise self.misconfigured(
                "directory_id", "is not a GUID, common, organizations or consumers; the portal shows it as tenant id"
            )
        directory = "{tenantid}" if self.directory_id in _SEVERAL else self.directory_id
        settings.setdefault("issuer", f"{_HOST}/{directory}/v2.0")
        settings.setdefault(
            "oidc_discovery_endpoint", f"{_HOST}/{self.directory_id}/v2.0/.well-known/openid-configuration"
        )
        super().__init__(**settings)

    def is_issuer(self, issuer: Any) -> bool:
        """With several directories, any of them."""
        pattern = re.escape(self.issuer or "").replace(re.escape("{tenantid}"), _DIRECTORY)
        return isinstance(issuer, str) and re.fullmatch(pattern, issuer) is not None

    def issuer_of(self, id_token: str) -> str:
        """The directory that the token names in `tid`, put into the issuer's template.

        Raises:
            UntrueToken: It names none that may sign in.
        """
        directory = read_unverified(id_token).payload.get("tid")
        if not isinstance(directory, str) or re.fullmatch(_DIRECTORY, directory) is None:
            raise UntrueToken("its tid does not hold")
        if self.directory_id == "organizations" and directory == _PERSONAL:
            raise UntrueToken("its tid is that of personal accounts, which may not sign in")
        return (self.issuer or "").replace("{tenantid}", directory)

    def keys_for(self, jwks: Jwks, issuer: str) -> Jwks:
        """Each key says for which issuer it signs: a directory's own key must not sign for another."""
        keys = cast("list[Any]", jwks["keys"])
        return {"keys": [key for key in keys if isinstance(key, dict) and _may_sign(cast("Jwks", key), issuer)]}

    def read_third_party_user_id(self, payload: dict[str, Any] | None, profile: dict[str, Any] | None) -> str:
        """With several directories, `{directory}.{sub}`: no directory can name a person of another (security OA-7)."""
        user_id = super().read_third_party_user_id(payload, profile)
        if self.directory_id not in _SEVERAL or payload is None:
            return user_id
        return f"{payload['tid']}.{user_id}"


def _may_sign(key: Jwks, issuer: str) -> bool:
    signs_for = key.get("issuer", issuer)
    if not isinstance(signs_for, str):
        return False
    pattern = re.escape(signs_for).replace(re.escape("{tenantid}"), _DIRECTORY)
    return re.fullmatch(pattern, issuer) is not None
