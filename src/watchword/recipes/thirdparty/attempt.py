"""One attempt to sign in with a provider: what the browser takes along, and the secret that ties both ends together."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from watchword.crypto.base64url import encode_base64url
from watchword.crypto.hashes import sha256
from watchword.errors import BadInput

_NONCE_LABEL = "watchword nonce of an OpenID attempt\0"
_TENANT_LABEL = "watchword attempt in a tenant\0"
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636, section 4.1


@dataclass(frozen=True, slots=True)
class AuthorisationUrl:
    """Where the browser goes to sign in at the provider.

    Attributes:
        url: The provider's authorization endpoint with all parameters but `state`, which the client adds.
        pkce_code_verifier: The secret of this attempt, kept by the client and sent back with the code;
            `None` when the provider supports neither PKCE nor a nonce.
    """

    url: str
    pkce_code_verifier: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RedirectUriInfo:
    """How the browser came back from the provider. Source: FDI 8.3, `redirectURIInfo`.

    Attributes:
        redirect_uri: The redirect URI as it was sent to the provider.
        query_params: What the provider appended to it: `code`, perhaps `iss`, `error`, or Apple's `user`.
        pkce_code_verifier: The secret of the attempt, as `AuthorisationUrl` gave it.
    """

    redirect_uri: str
    query_params: Mapping[str, Any] = field(repr=False)
    pkce_code_verifier: str | None = field(default=None, repr=False)

    def get_code(self) -> str:
        """The authorization code. Raises `BadInput` when there is none, or it cannot be one."""
        code = self.query_params.get("code")
        if not isinstance(code, str) or not is_token_text(code) or len(code) > 4096:
            raise BadInput("code", "Please provide the provider's code in redirectURIInfo.redirectURIQueryParams")
        return code

    def get_verifier(self) -> str:
        """The verifier. Raises `BadInput` when it is missing or is not one (RFC 7636, section 4.1)."""
        verifier = self.pkce_code_verifier
        if verifier is None or _VERIFIER.fullmatch(verifier) is None:
            raise BadInput(
                "pkceCodeVerifier",
                "Please provide the pkceCodeVerifier that came with the authorisation URL in redirectURIInfo",
            )
        return verifier


def is_token_text(text: str) -> bool:
    """Whether a text can be a code or token: visible ASCII, nothing that a header or a form cannot carry.

    Source: RFC 6749, appendix A.
    """
    return 0 < len(text) <= 8192 and text.isascii() and text.isprintable()


def new_verifier() -> str:
    """64 characters from 384 random bits: the PKCE code verifier, and the seed of the nonce."""
    return secrets.token_urlsafe(48)


def verifier_in_tenant(verifier: str, tenant_id: str) -> str:
    """The code verifier that a tenant's own provider is shown, in place of the client's: 43 characters.

    The server keeps nothing between the two calls of an attempt. As code challenge and nonce come from this, an
    attempt that began in one tenant cannot be finished in another, whatever their providers have in common.
    """
    return encode_base64url(sha256(f"{_TENANT_LABEL}{tenant_id}\0{verifier}"))


def challenge_of(verifier: str) -> str:
    """The S256 code challenge. Source: RFC 7636, section 4.2."""
    return encode_base64url(sha256(verifier))


def nonce_of(verifier: str) -> str:
    """The OpenID nonce of the attempt that has this verifier; whoever sees the nonce learns nothing of it.

    Over FDI the server keeps nothing between the two calls of an attempt, so the nonce is derived:
    the verifier that comes back proves that the id_token was issued for the same attempt (security OA-3).
    """
    return encode_base64url(sha256(_NONCE_LABEL + verifier))
