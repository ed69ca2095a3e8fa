"""The providers that come with Watchword, one small file each, and the base for your own."""

from watchword.recipes.thirdparty.attempt import AuthorisationUrl, RedirectUriInfo
from watchword.recipes.thirdparty.providers.apple import Apple
from watchword.recipes.thirdparty.providers.discord import Discord
from watchword.recipes.thirdparty.providers.facebook import Facebook
from watchword.recipes.thirdparty.providers.github import GitHub
from watchword.recipes.thirdparty.providers.gitlab import GitLab
from watchword.recipes.thirdparty.providers.google import Google
from watchword.recipes.thirdparty.providers.linkedin import LinkedIn
from watchword.recipes.thirdparty.providers.microsoft import MicrosoftEntraId
from watchword.recipes.thirdparty.providers.oauth2 import OAuth2
from watchword.recipes.thirdparty.providers.openid_connect import OpenIdConnect
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.providers.settings import ProviderClient, ProviderSettings
from watchword.recipes.thirdparty.user_info import ProviderUserInfo, UserInfoFields, UserInfoMap

__all__ = [
    "Apple",
    "AuthorisationUrl",
    "Discord",
    "Facebook",
    "GitHub",
    "GitLab",
    "Google",
    "LinkedIn",
    "MicrosoftEntraId",
    "OAuth2",
    "OpenIdConnect",
    "Provider",
    "ProviderClient",
    "ProviderSettings",
    "ProviderUserInfo",
    "RedirectUriInfo",
    "UserInfoFields",
    "UserInfoMap",
]
