"""Talking to a token endpoint: who we are, and what it answers: tokens, a refusal of the code, or trouble."""

import base64
from typing import Any, cast
from urllib.parse import quote_plus

from watchword.errors import BadInput
from watchword.http.client import JsonAnswer
from watchword.recipes.thirdparty.errors import ProviderFailed

#: Errors that say the code is to blame: used, expired, or of another attempt, client or redirect URI.
_REFUSES_CODE = frozenset({"invalid_grant", "bad_verification_code"})  # the second is GitHub's
#: Errors that the operator can do something about; other text made by a provider is not logged.
_REMEDIES = {
    "invalid_client": "check client_id and client_secret",
    "incorrect_client_credentials": "check client_id and client_secret",  # GitHub's
    "unauthorized_client": "allow the authorization code flow for this client at the provider",
    "redirect_uri_mismatch": "register the redirect URI at the provider",
    "invalid_request": "a parameter is missing or not expected; check the endpoint and its parameters",
}


def basic(client_id: str, secret: str) -> str:
    """The value of `Authorization` for HTTP Basic, both parts form-encoded first (RFC 6749, section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def read_tokens(third_party_id: str, answer: JsonAnswer) -> dict[str, Any]:
    """The tokens of a token endpoint's answer, as it came.

    Raises:
        BadInput: The provider refuses the code; the field is `code`.
        ProviderFailed: Anything else but tokens.
    """
    said: Any = answer.body
    body = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if 200 <= answer.status < 300 and "error" not in body:
        if isinstance(body.get("access_token"), str) or isinstance(body.get("id_token"), str):
            return body
        raise ProviderFailed(third_party_id, "its token endpoint answered without a token")
    error = body.get("error")
    if error in _REFUSES_CODE if isinstance(error, str) else _is_facebooks_refusal(error):
        raise BadInput(
            "code",
            "the provider does not accept this code: it was used before, has expired, or belongs to another "
            "attempt (pkceCodeVerifier, redirectURIOnProviderDashboard); start again",
        )
    known = error if isinstance(error, str) and error in _REMEDIES else None
    remedy = f" {known}; {_REMEDIES[known]}" if known else ""
    raise ProviderFailed(third_party_id, f"its token endpoint answered {answer.status}{remedy}")


def _is_facebooks_refusal(error: Any) -> bool:
    # The Graph API has errors of its own shape; 100 is a parameter it cannot accept, here the code.
    return isinstance(error, dict) and cast("dict[str, Any]", error).get("code") == 100
