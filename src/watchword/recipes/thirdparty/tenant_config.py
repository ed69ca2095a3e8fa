"""A tenant's own provider from the settings that are stored: read strictly, and made as the listed ones are."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import msgspec

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
    ProviderSettings,
)

#: What `provider` may name.
KINDS: Mapping[str, type[Provider]] = {
    kind.__name__: kind
    for kind in (
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
    )
}
_BY_USUAL_ID = {kind.third_party_id: kind for kind in KINDS.values() if kind.third_party_id}

_OF_CLIENTS = frozenset({"client_id", "client_secret", "clients"})
#: What may be laid over a listed provider. Anything else could send that one's secret somewhere, or its trust to
#: somebody: with such a setting the config stands alone.
_MAY_BE_LAID_OVER = _OF_CLIENTS | {
    "third_party_id",
    "name",
    "scope",
    "force_pkce",
    "redirect_uris",
    "require_email",
    "authorization_endpoint_query_params",
}
_OF_KINDS = frozenset({"provider", "team_id", "key_id", "directory_id", "base_url"})  # readable, and of no setting
_MAY_BE_SECRET = frozenset({"client_secret", "token_endpoint_body_params", "user_info_endpoint_headers"})
_READABLE = (frozenset(ProviderSettings.__annotations__) | _OF_KINDS) - _MAY_BE_SECRET

_LONGEST_BYTES = 65_536


def encode_config(config: Mapping[str, Any]) -> bytes:
    """The settings as JSON, after their types were checked.

    Args:
        config: As `ProviderSettings`, with plain objects in place of `ProviderClient` and `UserInfoMap` if liked;
            beside these `provider`, one of `KINDS`, and what that kind needs, as texts.

    Raises:
        BadInput: A setting has the wrong type, or all are too long; it names the setting, and never shows a value.
    """
    checked = _typed(config)
    try:
        data = msgspec.json.encode(checked)
    except (TypeError, ValueError):  # a lone surrogate
        raise BadInput("config", "config holds what cannot be stored as JSON") from None
    if len(data) > _LONGEST_BYTES:
        raise BadInput("config", f"config is longer than {_LONGEST_BYTES} bytes")
    return data


def decode_config(data: bytes) -> dict[str, Any]:
    """What `encode_config` made, with its types."""
    return _typed(msgspec.json.decode(data, type=dict[str, Any]))


def make_provider(config: Mapping[str, Any], listed: Mapping[str, Provider]) -> Provider:
    """The provider that a config describes.

    Where the application lists one of its id, the config is laid over that one's settings as long as it leaves alone
    where the provider is and what it is trusted with; otherwise it stands alone, as one of the same class.

    Args:
        config: With its types, as `decode_config` returns it.
        listed: The application's providers, by id.

    Raises:
        BadInput: It cannot work; the field is the setting.
    """
    third_party_id = config.get("third_party_id", "")
    base = listed.get(third_party_id)
    settings = {name: value for name, value in config.items() if name != "provider"}
    if base is not None and is_laid_over(config, listed):
        kind: type[Provider] = type(base)
        kept = {name: value for name, value in base.made_with.items() if not _replaces(settings, name)}
        settings = {**kept, **settings}
    elif "provider" in config:
        kind = KINDS.get(config["provider"], Provider)
        if kind is Provider:
            raise BadInput("provider", f"provider: is no provider that we know; there are: {', '.join(KINDS)}")
    else:
        kind = type(base) if base is not None else _BY_USUAL_ID.get(third_party_id, OpenIdConnect)
    try:
        return kind(**settings)
    except ConfigurationError as error:
        setting = error.setting.rpartition(".")[2]
        raise BadInput(setting, f"{setting}: {error.remedy}") from None
    except TypeError:  # its message names arguments of a constructor, which may be the application's
        raise BadInput("config", _needs(kind)) from None


def is_laid_over(config: Mapping[str, Any], listed: Mapping[str, Provider]) -> bool:
    """Whether a config is laid over the listed provider of its id, and does not stand alone."""
    return config.get("third_party_id", "") in listed and config.keys() <= _MAY_BE_LAID_OVER


def readable(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a config that may be read back, as plain objects (security SS-4)."""
    shown: dict[str, Any] = msgspec.to_builtins({name: value for name, value in config.items() if name in _READABLE})
    for client in shown.get("clients", ()):
        del client["client_secret"]
    return shown


def _replaces(settings: Mapping[str, Any], name: str) -> bool:
    """Whether a setting of the listed provider is not taken over: clients go as a whole, never one's secret alone."""
    return name in _OF_CLIENTS and not _OF_CLIENTS.isdisjoint(settings)


def _needs(kind: type[Provider]) -> str:
    needed = {"Apple": "team_id, key_id and private_key", "MicrosoftEntraId": "directory_id"}.get(kind.__name__)
    if needed is not None:
        return f"{kind.__name__} needs {needed} beside the client, and takes the settings of ProviderSettings"
    return f"{kind.__name__} cannot be made of these settings; set what its constructor asks for"


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list, whatever it is and whatever else is in it."""
    listed = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", one) for one in listed if isinstance(one, Mapping)]


def _typed(config: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in config.items():
        if name not in ProviderSettings.__annotations__ and not isinstance(value, str):
            raise BadInput(name, f"{name:.64}: is no setting of ProviderSettings; what else a provider needs are texts")
    known = {field.name for field in dataclasses.fields(ProviderClient)}
    for client in _objects(config.get("clients")):
        for name in client:
            if name not in known:
                there_are = ", ".join(sorted(known))
                raise BadInput("clients", f"clients: a client has no setting {name!r:.64}; there are: {there_are}")
    settings = {name: value for name, value in config.items() if name in ProviderSettings.__annotations__}
    try:
        typed = msgspec.convert(settings, ProviderSettings)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        setting = path.rstrip("`")
        raise BadInput(setting.partition(".")[0].partition("[")[0] or "config", f"{setting}: {problem}") from None
    others = {name: value for name, value in config.items() if name not in settings}
    return {**cast("dict[str, Any]", typed), **others}
