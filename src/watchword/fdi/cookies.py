"""Which attributes our cookies carry, decided per request and checked at start-up. Source: FDI 4.3, security 2.6."""

from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from typing import Literal
from urllib.parse import quote

from watchword.errors import ConfigurationError
from watchword.http.messages import HttpRequest
from watchword.http.sites import is_public_suffix, is_same_site
from watchword.protection.devices import DEVICE_COOKIE
from watchword.sessions.settings import SessionSettings
from watchword.settings import AppInfo, host_of, is_local

ACCESS_COOKIE = "sAccessToken"
REFRESH_COOKIE = "sRefreshToken"
#: What browsers take from this very host over https only, or over https only (6265bis 4.1.3).
HOST_PREFIX, SECURE_PREFIX = "__Host-", "__Secure-"
#: Marks a session of FDI 1.15 or older; a refresh replaces it (FDI 4.9, 4.10).
LEGACY_COOKIE = "sIdRefreshToken"

SameSite = Literal["strict", "lax", "none"]
_ONE_YEAR_MS = 31_536_000_000


@dataclass(frozen=True)
class CookiePolicy:
    """Writes our cookies: one place for names, paths and attributes.

    Attributes:
        app_info: Domains and paths.
        settings: The session settings that speak of cookies.
    """

    app_info: AppInfo
    settings: SessionSettings

    @cached_property
    def secure(self) -> bool:
        """Whether cookies carry `Secure`: as set, else whether the API is on https."""
        if self.settings.cookie_secure is not None:
            return self.settings.cookie_secure
        return self.app_info.api_domain.startswith("https:")

    @cached_property
    def access_cookie(self) -> str:
        """The name of the cookie with the access token."""
        return HOST_PREFIX + ACCESS_COOKIE if self.settings.cookie_prefixes else ACCESS_COOKIE

    @cached_property
    def refresh_cookie(self) -> str:
        """The name of the cookie with the refresh token, which has a path, and so cannot be `__Host-`."""
        return SECURE_PREFIX + REFRESH_COOKIE if self.settings.cookie_prefixes else REFRESH_COOKIE

    @cached_property
    def refresh_path(self) -> str:
        """The path of the refresh cookie: the refresh endpoint only, gateway path included."""
        return self.app_info.base_path + "/session/refresh"

    def website_origin(self, request: HttpRequest) -> str:
        """The website this request comes from: its origin where that is configured, else the website's."""
        origin = request.header("origin")
        return origin if origin in self.app_info.allowed_origins else self.app_info.website_domain

    def same_site(self, website_origin: str) -> SameSite:
        """`SameSite` towards one website: as set, else `none` only when the two sites differ (FDI 4.3)."""
        if self.settings.cookie_same_site is not None:
            return self.settings.cookie_same_site
        return "lax" if is_same_site(self.app_info.api_domain, website_origin) else "none"

    def set_access_token(self, value: str, now_ms: int, same_site: SameSite) -> str:
        """The `Set-Cookie` value of an access token; it outlives the token on purpose (FDI 4.3)."""
        return self._write(
            self.access_cookie, value, "/", now_ms + _ONE_YEAR_MS, same_site, self.settings.cookie_domain
        )

    def set_refresh_token(self, value: str, expires_at_ms: int, same_site: SameSite) -> str:
        """The `Set-Cookie` value of a refresh token."""
        return self._write(
            self.refresh_cookie, value, self.refresh_path, expires_at_ms, same_site, self.settings.cookie_domain
        )

    def set_known_device(self, value: str, now_ms: int, same_site: SameSite) -> str:
        """The `Set-Cookie` value that makes this browser a known device at the accounts that sign in there."""
        path, domain = self.app_info.base_path or "/", self.settings.cookie_domain
        return self._write(DEVICE_COOKIE, value, path, now_ms + _ONE_YEAR_MS, same_site, domain)

    def clear(self, name: str, same_site: SameSite, *domains: str | None) -> list[str]:
        """`Set-Cookie` values that delete a cookie on the given domains, else where we set it."""
        path = self.refresh_path if name == self.refresh_cookie else "/"
        return [
            self._write(name, "", path, 0, same_site, domain) for domain in (domains or (self.settings.cookie_domain,))
        ]

    def foreign_domains(self) -> tuple[str | None, ...]:
        """The other cookie domains from which a cookie of ours could reach the API: old or planted ones (CK-4)."""
        host = host_of(self.app_info.api_domain)
        ours = self.settings.cookie_domain
        if is_local(host):
            return (None,) if ours is not None else ()
        labels = host.split(".")
        parents = (".".join(labels[start:]) for start in range(len(labels) - 1))
        domains: list[str | None] = [None, *(parent for parent in parents if not is_public_suffix(parent))]
        return tuple(domain for domain in domains if (domain or "") != (ours or "").lstrip("."))

    def _write(
        self, name: str, value: str, path: str, expires_at_ms: int, same_site: SameSite, domain: str | None
    ) -> str:
        pieces = [f"{name}={quote(value, safe='')}"]
        if domain:
            pieces.append(f"Domain={domain}")
        pieces += [f"Path={path}", f"Expires={formatdate(expires_at_ms // 1000, usegmt=True)}", "HttpOnly"]
        if self.secure:
            pieces.append("Secure")
        pieces.append(f"SameSite={same_site.capitalize()}")
        return "; ".join(pieces)

    def check(self) -> None:
        """Refuse, at start-up, what browsers would reject (security SC-2, SC-5, SC-6).

        Raises:
            ConfigurationError: Names the setting to change.
        """
        self._check_domain()
        self._check_secure()
        if self.settings.token_transfer_method == "header":  # no cookie is ever written
            return
        for origin in (self.app_info.website_domain, *self.app_info.origins):
            self._check_website(origin)

    def _check_domain(self) -> None:
        domain = self.settings.cookie_domain
        if domain is None:
            return
        host, bare = host_of(self.app_info.api_domain), domain.lstrip(".")
        if is_public_suffix(bare) and bare != host:
            raise ConfigurationError(
                "cookie_domain", f"{domain} is a public suffix, browsers refuse it; use your own domain"
            )
        if host != bare and not host.endswith("." + bare):
            raise ConfigurationError(
                "cookie_domain",
                f"{domain} does not cover the API at {host}, so browsers would drop the cookie; "
                "use the API's own domain or a parent of it, or leave cookie_domain out",
            )

    def _check_secure(self) -> None:
        if self.settings.cookie_secure is False and self.app_info.api_domain.startswith("https:"):
            raise ConfigurationError(
                "cookie_secure",
                f"is False, and {self.app_info.api_domain} is https: every token would also travel over http, where it "
                "can be read; leave it out",
            )
        if not self.settings.cookie_prefixes:
            return
        if not self.secure:
            raise ConfigurationError(
                "cookie_prefixes", "is set, and browsers take such cookies over https only; serve the API over https"
            )
        if self.settings.cookie_domain is not None:
            raise ConfigurationError(
                "cookie_prefixes",
                "is set beside cookie_domain, and browsers refuse __Host- cookies with a Domain; leave one of them out",
            )

    def _check_website(self, website: str) -> None:
        api = self.app_info.api_domain
        same_site = self.same_site(website)
        local = is_local(host_of(api)) and is_local(host_of(website))
        if same_site == "none" and not self.secure and not local:
            raise ConfigurationError(
                "app_info.api_domain" if self.settings.cookie_same_site is None else "cookie_same_site",
                f"cookies between {website} and {api} need SameSite=None, which browsers take with https only; "
                "serve both over https, put both on one site, or set token_transfer_method='header'",
            )
        if same_site != "none" and not is_same_site(api, website):
            raise ConfigurationError(
                "cookie_same_site",
                f"{website} and {api} are different sites, so browsers would not send a {same_site!r} cookie; "
                "leave cookie_same_site out, or set token_transfer_method='header'",
            )
