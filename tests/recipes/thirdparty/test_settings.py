"""What an application may write, and the sentence it gets when that cannot work."""

from collections.abc import Callable
from typing import Any

import pytest

from watchword.errors import BadInput, ConfigurationError
from watchword.recipes.thirdparty.providers import (
    Apple,
    Discord,
    Facebook,
    GitHub,
    GitLab,
    Google,
    LinkedIn,
    MicrosoftEntraId,
    OAuth2,
    OpenIdConnect,
    Provider,
    ProviderClient,
)
from watchword.recipes.thirdparty.recipe import ThirdParty

CLIENT: Any = {"client_id": "the-id", "client_secret": "the-secret"}
OAUTH2: Any = {
    "third_party_id": "corp",
    "authorization_endpoint": "https://corp.example/authorize",
    "token_endpoint": "https://corp.example/token",
    "user_info_endpoint": "https://corp.example/me",
}


def without(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """All settings but one."""
    return {key: value for key, value in settings.items() if key != name}


WRONG: dict[str, Callable[[], Any]] = {
    "Google.client_secret": lambda: Google(client_id="x"),
    "GitHub.client_id": GitHub,
    "GitLab.client_id": lambda: GitLab(client_secret="x"),
    "Discord.client_id": lambda: Discord(client_id=" x", client_secret="y"),
    "Facebook.client_secret": lambda: Facebook(client_id="x", client_secret=""),
    "LinkedIn.client_secret": lambda: LinkedIn(client_id="x", client_secret="y\n"),
    "Google.clients": lambda: Google(**CLIENT, clients=[ProviderClient(client_id="x", client_secret="y")]),
    "GitHub.clients": lambda: GitHub(
        clients=[ProviderClient(client_id="x", client_secret="y"), ProviderClient(client_id="z", client_secret="y")]
    ),
    "Discord.clients": lambda: Discord(
        clients=[ProviderClient(client_id=id, client_secret="y", client_type="web") for id in "ab"]
    ),
    "GitLab.scope": lambda: GitLab(**CLIENT, scope="openid email"),
    "Google.client_secrt": lambda: Google(client_id="x", client_secrt="y"),  # type: ignore[call-arg] - the point
    "OpenIdConnect.third_party_id": lambda: OpenIdConnect(**CLIENT, issuer="https://corp.example"),
    "OpenIdConnect('a/b').third_party_id": lambda: OpenIdConnect(
        **CLIENT, third_party_id="a/b", issuer="https://corp.example"
    ),
    "OpenIdConnect('corp').issuer": lambda: OpenIdConnect(**CLIENT, third_party_id="corp"),
    "OpenIdConnect('http').issuer": lambda: OpenIdConnect(
        **CLIENT, third_party_id="http", issuer="http://corp.example"
    ),
    "OpenIdConnect('d').oidc_discovery_endpoint": lambda: OpenIdConnect(
        **CLIENT, third_party_id="d", issuer="https://corp.example", oidc_discovery_endpoint="corp.example"
    ),
    "OAuth2('corp').authorization_endpoint": lambda: OAuth2(**CLIENT, **without(OAUTH2, "authorization_endpoint")),
    "OAuth2('corp').token_endpoint": lambda: OAuth2(**CLIENT, **without(OAUTH2, "token_endpoint")),
    "OAuth2('corp').user_info_endpoint": lambda: OAuth2(**CLIENT, **without(OAUTH2, "user_info_endpoint")),
    "GitLab.issuer": lambda: GitLab(**CLIENT, base_url="gitlab.example.com"),
    "MicrosoftEntraId.directory_id": lambda: MicrosoftEntraId(**CLIENT, directory_id="contoso.onmicrosoft.com"),
    "Apple.private_key": lambda: Apple(client_id="x", team_id="TEAM", key_id="KEY", private_key="not a key"),
    "Apple.team_id": lambda: Apple(client_id="x", team_id="", key_id="KEY", private_key="x"),
    "Apple.key_id": lambda: Apple(client_id="x", team_id="TEAM", key_id="a b", private_key="x"),
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_setting_that_cannot_work_stops_the_start(setting: str) -> None:
    """The error names the provider and the setting, and does not repeat a secret."""
    with pytest.raises(ConfigurationError) as refused:
        WRONG[setting]()
    assert setting == refused.value.setting
    assert "the-secret" not in str(refused.value)


def test_two_entries_of_one_id_stop_the_start() -> None:
    """Nobody could say which one answers (SC-7)."""
    with pytest.raises(ConfigurationError) as refused:
        ThirdParty(providers=[Google(**CLIENT), Google(**CLIENT)])
    assert "providers" == refused.value.setting
    assert "google" in str(refused.value)
    ThirdParty(providers=[Google(**CLIENT), Google(**CLIENT, third_party_id="google-workspaces")])


def test_a_provider_serves_one_recipe() -> None:
    """And before it serves one it has no way out."""
    provider = Google(**CLIENT)
    with pytest.raises(ConfigurationError):
        _ = provider.connection


def test_secrets_do_not_show() -> None:
    """Neither in the entry's `repr` nor in the client's (a log line away)."""
    provider = Google(**CLIENT)
    assert "<Google 'google', clients: the-id>" == repr(provider)
    assert "the-secret" not in repr(provider.clients)


@pytest.mark.parametrize("client_type", ["web", "ios"])
def test_a_client_is_chosen_by_its_type(client_type: str) -> None:
    """Exactly; with several there is no default (FDI 8.3)."""
    provider = Google(
        clients=[
            ProviderClient(client_id="a", client_secret="s", client_type="web"),
            ProviderClient(client_id="b", client_type="ios", native=True),
        ]
    )
    assert {"web": "a", "ios": "b"}[client_type] == provider.get_client(client_type).client_id
    for unknown in (None, "", "WEB", "android"):
        with pytest.raises(BadInput) as refused:
            provider.get_client(unknown)
        assert "clientType" == refused.value.field


def test_one_client_needs_no_type_and_has_none_of_others() -> None:
    """A type that was not configured is a mistake of the front end."""
    provider = Google(**CLIENT)
    assert "the-id" == provider.get_client(None).client_id
    with pytest.raises(BadInput):
        provider.get_client("web")


async def test_front_ends_are_offered_what_they_can_use() -> None:
    """Ids and names for `/loginmethods`, by the client type (FDI 8.5)."""
    app_only = GitHub(clients=[ProviderClient(client_id="b", client_secret="s", client_type="ios")])
    recipe = ThirdParty(providers=[Google(**CLIENT), app_only])
    offered = {type_: (await recipe.list_first_factors(type_, "public"))[0].providers for type_ in (None, "ios", "web")}
    both = (("google", "Google"), ("github", "GitHub"))
    assert {None: both, "ios": both[1:], "web": ()} == offered


class Twitter(Provider):
    """What an application writes for a provider of its own: one small class."""

    openid = False
    third_party_id = "twitter"
    name = "X"
    scope = ("users.read",)
    force_pkce = True
    authorization_endpoint = "https://x.com/i/oauth2/authorize"
    token_endpoint = "https://api.x.com/2/oauth2/token"
    user_info_endpoint = "https://api.x.com/2/users/me"


def test_settings_stand_over_defaults_and_leave_them_alone() -> None:
    """One entry's settings are not another's."""
    changed = Twitter(**CLIENT, name="Twitter", scope=["tweet.read"], require_email=False)
    usual = Twitter(**CLIENT)
    assert ("Twitter", ["tweet.read"], False) == (changed.name, changed.scope, changed.require_email)
    assert ("X", ("users.read",), True) == (usual.name, usual.scope, usual.require_email)
