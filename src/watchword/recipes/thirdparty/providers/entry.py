"""A provider as the application lists it: settings over defaults, checked before anything is served."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack
from urllib.parse import urlsplit

from watchword.errors import BadInput, ConfigurationError
from watchword.identifiers import LONGEST_PATH_PIECE
from watchword.recipes.thirdparty.connection import ProviderConnection
from watchword.recipes.thirdparty.endpoints import is_web_address
from watchword.recipes.thirdparty.providers.settings import ProviderClient, ProviderSettings
from watchword.recipes.thirdparty.user_info import UserInfoMap
from watchword.setting_types import checked_settings

_ID = re.compile(
    rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_PATH_PIECE - 1}}}"
)  # it is a piece of paths and of stored keys
_OF_KEYS = frozenset({"oidc_discovery_endpoint", "jwks_endpoint"})
_OF_PROFILES = frozenset({"user_info_endpoint_query_params", "user_info_endpoint_headers"})
_ADDRESSES = (
    "oidc_discovery_endpoint",
    "authorization_endpoint",
    "token_endpoint",
    "user_info_endpoint",
    "jwks_endpoint",
)


@checked_settings("{class}.")
class ProviderEntry:
    """The settings of one provider. A subclass gives the defaults as class attributes.

    Args:
        settings: See `ProviderSettings`.

    Raises:
        ConfigurationError: A setting is missing, unknown or cannot work; it names provider and setting.
    """

    #: Whether it speaks OpenID Connect, and so gives an id_token that says for whom it is.
    openid: ClassVar[bool] = True

    third_party_id: str = ""
    name: str = ""
    scope: Sequence[str] = ()
    force_pkce: bool = False
    nonce_in_id_token: bool = True
    redirect_uris: Sequence[str] = ()
    issuer: str | None = None
    former_issuers: Sequence[str] = ()
    oidc_discovery_endpoint: str | None = None
    authorization_endpoint: str | None = None
    authorization_endpoint_query_params: Mapping[str, str | None] = {}
    token_endpoint: str | None = None
    token_endpoint_body_params: Mapping[str, str | None] = {}
    user_info_endpoint: str | None = None
    user_info_endpoint_query_params: Mapping[str, str | None] = {}
    user_info_endpoint_headers: Mapping[str, str | None] = {}
    jwks_endpoint: str | None = None
    user_info_map: UserInfoMap = UserInfoMap()
    require_email: bool = True
    trust_email: bool = True
    accept_access_tokens: bool = False

    #: What the constructor was given, by name: a tenant's own settings may be laid over it.
    made_with: Mapping[str, Any]

    def __new__(cls, *_: Any, **settings: Any) -> Self:
        """Note what the entry is made with, whatever a subclass makes of it before it calls our constructor."""
        self = super().__new__(cls)
        self.made_with = settings
        return self

    def __init__(self, **settings: Unpack[ProviderSettings]) -> None:
        for setting, value in settings.items():
            if setting not in ProviderSettings.__annotations__:
                raise self.misconfigured(setting, "there is no such setting; see ProviderSettings for all there are")
            if setting not in ("client_id", "client_secret", "clients"):
                setattr(self, setting, value)
        self.clients: Sequence[ProviderClient] = self._clients_of(settings)
        self._connection: ProviderConnection | None = None
        self._check()

    def __repr__(self) -> str:
        client_ids = ", ".join(client.client_id for client in self.clients)
        return f"<{type(self).__name__} {self.third_party_id!r}, clients: {client_ids}>"

    @property
    def connection(self) -> ProviderConnection:
        """The way to the provider. Raises `ConfigurationError` before a recipe has wired this entry."""
        if self._connection is None:
            raise ConfigurationError("providers", f"{self!r} is not in the providers of a recipe yet")
        return self._connection

    def bind(self, connection: ProviderConnection) -> None:
        """Called once by the recipe that lists this entry. Raises `ConfigurationError` the second time."""
        if self._connection is not None:
            raise ConfigurationError("providers", f"one {self!r} serves one recipe; make another")
        self._connection = connection

    def require_https(self) -> None:
        """Refuse http also to this machine, where the application itself is not served from it.

        Raises:
            ConfigurationError: An address is not https.
        """
        for setting in ("issuer", *_ADDRESSES):
            address: str | None = getattr(self, setting)
            if address is not None and not address.startswith("https://"):
                raise self.misconfigured(setting, f"{address!r} is not an https URL")

    def find_own_place(self) -> str | None:
        """Where people come from, for an entry that is not at the place its class knows; `None` for others.

        Two such entries of one id may be two providers: their people must not be taken for each other.
        """
        kind = type(self)
        if self.openid:
            return None if self.issuer == kind.issuer else self.issuer
        if (self.token_endpoint, self.user_info_endpoint) == (kind.token_endpoint, kind.user_info_endpoint):
            return None
        parts = urlsplit(self.user_info_endpoint or "")
        return f"{parts.scheme}://{parts.netloc}"

    def decides_who_people_are(self) -> bool:
        """Whether settings decide who somebody is, and not its issuer, or the place its class knows, alone.

        Other keys sign for anybody, another field holds what people write there, and a profile at an address that
        was set says anything: whoever writes these settings can have anybody named.
        """
        kind = type(self)
        if _id_fields(self.user_info_map) != _id_fields(kind.user_info_map):
            return True
        if self.openid:
            return not _OF_KEYS.isdisjoint(self.made_with)
        return not self.is_usual() or not _OF_PROFILES.isdisjoint(self.made_with)

    def is_usual(self) -> bool:
        """Whether it is at the place its class knows, and has the id of its class."""
        return self.third_party_id == type(self).third_party_id and self.find_own_place() is None

    def get_client(self, client_type: str | None) -> ProviderClient:
        """The client of this type; without a type the only one there is.

        Raises:
            BadInput: Several and no type, or none of this type.
        """
        if client_type is None:
            if len(self.clients) > 1:
                raise BadInput(
                    "clientType", f"Please provide the clientType: {self.third_party_id} has several clients"
                )
            return self.clients[0]
        for client in self.clients:
            if client.client_type == client_type:
                return client
        raise BadInput("clientType", f"the provider {self.third_party_id} has no client of this clientType")

    def check_client(self, client: ProviderClient) -> None:
        """Refuse a client that cannot work; an override knows what its provider demands.

        Raises:
            ConfigurationError: No secret, and not said to be public.
        """
        if client.client_secret is None and not client.public and not client.native:
            raise self.misconfigured(
                "client_secret",
                "is missing; set it, or list clients=[ProviderClient(client_id=…, public=True)] for a registration "
                "without a secret",
            )

    def misconfigured(self, setting: str, remedy: str) -> ConfigurationError:
        """The error that names this entry and the setting."""
        usual_id = type(self).third_party_id
        which = "" if self.third_party_id == usual_id else f"({self.third_party_id!r})"
        return ConfigurationError(f"{type(self).__name__}{which}.{setting}", remedy)

    def _clients_of(self, settings: ProviderSettings) -> tuple[ProviderClient, ...]:
        listed = tuple(settings.get("clients", ()))
        if "client_id" not in settings:
            if "client_secret" in settings or not listed:
                raise self.misconfigured("client_id", "is missing; it is in the provider's console")
            return listed
        if listed:
            raise self.misconfigured("clients", "is set beside client_id; list all clients there, or set the one here")
        return (ProviderClient(client_id=settings["client_id"], client_secret=settings.get("client_secret")),)

    def _check(self) -> None:
        if not self.third_party_id or _ID.fullmatch(self.third_party_id) is None:
            raise self.misconfigured(
                "third_party_id", "must be 1 to 64 letters, digits, dots, hyphens or underscores, like my-provider"
            )
        self.name = self.name or self.third_party_id
        for setting in _ADDRESSES:
            address = getattr(self, setting)
            if address is not None and not is_web_address(address):
                raise self.misconfigured(setting, f"{address!r} is not an https URL (http is for this machine only)")
        self._check_where()
        for client in self.clients:
            self._check_client(client)
        types = [client.client_type for client in self.clients]
        if len(self.clients) > 1 and (None in types or len(set(types)) < len(types)):
            raise self.misconfigured("clients", "several clients need a client_type each, all different")

    def _check_where(self) -> None:
        if self.openid:
            if not self.issuer or not is_web_address(self.issuer.replace("{tenantid}", "tenantid")):
                raise self.misconfigured("issuer", "is not an https URL; copy `issuer` from the discovery document")
            return
        for setting in ("authorization_endpoint", "token_endpoint", "user_info_endpoint"):
            if getattr(self, setting) is None:
                raise self.misconfigured(setting, "is missing; the provider's documentation names it")

    def _check_client(self, client: ProviderClient) -> None:
        for setting in ("client_id", "client_secret"):
            value = getattr(client, setting)
            if value is not None and (not value or value != value.strip() or not value.isprintable()):
                raise self.misconfigured(setting, "is empty, or has blanks or line ends around it; copy it again")
        self.check_client(client)


def _id_fields(fields: UserInfoMap) -> tuple[str | None, str | None]:
    return fields.from_id_token_payload.user_id, fields.from_user_info_api.user_id
