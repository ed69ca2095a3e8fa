"""GitLab, on gitlab.com or an instance of your own.

Console: https://gitlab.com/-/user_settings/applications.
"""

from typing import Unpack

from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderSettings
from watchword.setting_types import checked_settings


@checked_settings("{class}.")
class GitLab(Provider):
    """Sign in with GitLab: OpenID Connect, PKCE, verified addresses.

    Args:
        base_url: Of your own instance, for example `https://gitlab.example.com`. Its administrators can
            declare any address verified, so set `trust_email=True` too if they may decide that here.
        settings: See `ProviderSettings`.
    """

    third_party_id = "gitlab"
    name = "GitLab"
    scope = ("openid", "email", "profile")
    issuer = "https://gitlab.com"
    force_pkce = True

    def __init__(self, *, base_url: str | None = None, **settings: Unpack[ProviderSettings]) -> None:
        if base_url is not None:
            settings.setdefault("issuer", base_url.rstrip("/"))
            settings.setdefault("trust_email", False)
        super().__init__(**settings)
