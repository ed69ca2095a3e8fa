"""Where a provider is reached, from its discovery document or from configuration."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from watchword.crypto.jwt import ASYMMETRIC_ALGORITHMS
from watchword.recipes.thirdparty.documents import UnusableDocument
from watchword.settings import is_local


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The addresses of one provider, and what it can do.

    Attributes:
        authorization_endpoint: Where the browser goes.
        token_endpoint: Where a code is exchanged.
        user_info_endpoint: Where the profile is, if there is one.
        jwks_endpoint: Where its keys are; `None` for providers without OpenID Connect.
        issuer: Exact; `None` when not known.
        signing_algorithms: What its id_tokens may be signed with; asymmetric only (security OA-5).
        supports_s256: Whether it announces PKCE with S256.
        sends_iss: Whether it announces that it names itself in the callback (RFC 9207).
        basic_only: Whether it takes the client secret in the `Authorization` header only.
    """

    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str | None = None
    jwks_endpoint: str | None = None
    issuer: str | None = None
    signing_algorithms: tuple[str, ...] = tuple(ASYMMETRIC_ALGORITHMS)
    supports_s256: bool = False
    sends_iss: bool = False
    basic_only: bool = False

    def with_configured(
        self,
        authorization_endpoint: str | None,
        token_endpoint: str | None,
        user_info_endpoint: str | None,
        jwks_endpoint: str | None,
    ) -> "Endpoints":
        """The same, with the addresses that the application configured in place of the announced ones."""
        return replace(
            self,
            authorization_endpoint=authorization_endpoint or self.authorization_endpoint,
            token_endpoint=token_endpoint or self.token_endpoint,
            user_info_endpoint=user_info_endpoint or self.user_info_endpoint,
            jwks_endpoint=jwks_endpoint or self.jwks_endpoint,
        )


def endpoints_from_discovery(document: dict[str, Any], issuer: str) -> Endpoints:
    """Check a discovery document and take what is needed out of it.

    Raises:
        UnusableDocument: It speaks for another issuer, or names no usable address where one must be.
    Source: OpenID Connect Discovery, section 3 and 4.3; security SS-2.
    """
    if document.get("issuer") != issuer:
        raise UnusableDocument("its discovery document speaks for another issuer than the configured one")
    methods = _texts(document.get("token_endpoint_auth_methods_supported"))
    announced = _texts(document.get("id_token_signing_alg_values_supported"))
    return Endpoints(
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        user_info_endpoint=_address(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None,
        jwks_endpoint=_address(document, "jwks_uri"),
        issuer=issuer,
        signing_algorithms=tuple(name for name in ASYMMETRIC_ALGORITHMS if not announced or name in announced),
        supports_s256="S256" in _texts(document.get("code_challenge_methods_supported")),
        sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
        basic_only="client_secret_basic" in methods and "client_secret_post" not in methods,
    )


def is_web_address(url: str) -> bool:
    """Whether a URL is https, or http to this machine, and nothing in it can be read in two ways."""
    if re.fullmatch(r"[!-~]+", url) is None or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname))


def _address(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not is_web_address(value):
        raise UnusableDocument(f"its discovery document has no usable {name}")
    return value


def _texts(value: Any) -> Sequence[str]:
    return [item for item in cast("list[Any]", value) if isinstance(item, str)] if isinstance(value, list) else []


def with_query(url: str, parameters: Mapping[str, str | None]) -> str:
    """The URL with these parameters in its query; `None` removes one, a name that is there is replaced."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in parameters]
    added = [(name, value) for name, value in parameters.items() if value is not None]
    return urlunsplit(parts._replace(query=urlencode(kept + added, quote_via=quote)))
