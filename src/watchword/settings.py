"""Checked configuration of the application: names, domains and paths, normalised once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from watchword.errors import ConfigurationError
from watchword.setting_types import checked_settings


@checked_settings("app_info.")
@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo:
    """Where the application lives. Source: FDI 1.1.

    Attributes:
        app_name: Shown to people, for example in mails.
        api_domain: Scheme, host and port of the API, for example `https://api.example.com`.
        website_domain: Scheme, host and port of the pages that call it.
        api_base_path: The path all our routes start with; `/` allowed.
        website_base_path: Where the sign-in pages live on the website.
        api_gateway_path: A prefix that a gateway strips before the request reaches us.
        origins: Further origins that may call the API with credentials, exact. Links in mails lead back to the
            one that asked.
        allow_insecure_http: Accept an http `api_domain` that is not this machine (security SC-3).
    """

    app_name: str
    api_domain: str
    website_domain: str
    api_base_path: str = "/auth"
    website_base_path: str = "/auth"
    api_gateway_path: str = ""
    origins: Sequence[str] = field(default=())
    allow_insecure_http: bool = False
    #: The origins that may call the API with credentials, each once, the website's first.
    allowed_origins: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if not self.app_name.strip():
            raise ConfigurationError("app_info.app_name", "is empty; set the name that people know the application by")
        set_(self, "api_domain", normalise_origin("app_info.api_domain", self.api_domain))
        set_(self, "website_domain", normalise_origin("app_info.website_domain", self.website_domain))
        set_(self, "origins", tuple(normalise_origin("app_info.origins", origin) for origin in self.origins))
        set_(self, "allowed_origins", tuple(dict.fromkeys((self.website_domain, *self.origins, self.api_domain))))
        for name in ("api_base_path", "website_base_path", "api_gateway_path"):
            set_(self, name, normalise_path(f"app_info.{name}", getattr(self, name)))
        if (
            self.api_domain.startswith("http:")
            and not is_local(host_of(self.api_domain))
            and not self.allow_insecure_http
        ):
            raise ConfigurationError(
                "app_info.api_domain",
                f"{self.api_domain} is plain http and not this machine, so every token could be read on the way; "
                "use https, or set allow_insecure_http=True in a closed test network",
            )

    def website_of(self, origin: str | None) -> str:
        """The website that a request of this origin comes from: one of `origins`, else `website_domain`."""
        return origin if origin is not None and origin in self.origins else self.website_domain

    @property
    def base_path(self) -> str:
        """The path that every URL we emit starts with: gateway path and API base path; empty for `/`."""
        return self.api_gateway_path + self.api_base_path

    @property
    def issuer(self) -> str:
        """The `iss` of our tokens; configuration, never the request's host (security JW-11)."""
        return self.api_domain + self.base_path


def normalise_path(setting: str, path: str) -> str:
    """A path prefix with a leading slash and without a trailing one; the root is the empty text."""
    bare = path.strip().split("?")[0].split("#")[0].strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", bare) or "//" in bare:
        raise ConfigurationError(setting, f"{path!r} is not a path; write it like /auth or /api/v1")
    return f"/{bare}" if bare else ""


def normalise_origin(setting: str, origin: str) -> str:
    """Scheme, host and port in lower case; without a scheme, http for this machine and https elsewhere.

    Raises:
        ConfigurationError: It has a path, user info or a wildcard, or cannot be parsed.
    """
    text = origin.strip().lower().rstrip("/")
    if "://" not in text:
        text = ("http://" if is_local(text.split(":")[0]) else "https://") + text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or not re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", parts.netloc.rsplit(":", 1)[0] if port else parts.netloc)
        or parts.path
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(
            setting, f"{origin!r} is not an origin; write scheme, host and port only, like https://api.example.com"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default_port = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != default_port else "")


def host_of(origin: str) -> str:
    """The host of a normalised origin, without port and brackets."""
    return urlsplit(origin).hostname or ""


def is_local(host: str) -> bool:
    """Whether a host is this machine: localhost, a name under it, or a loopback or unspecified address."""
    if host == "localhost" or host.endswith(".localhost") or host in ("::1", "[::1]"):
        return True
    try:
        address = IPv4Address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
