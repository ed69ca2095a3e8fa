"""Verifying an id_token with the keys that its issuer publishes, which may just have changed."""

from collections.abc import Callable
from typing import Any, cast

from watchword.crypto.jwt import UnknownKey
from watchword.recipes.thirdparty.documents import Documents, UnusableDocument
from watchword.recipes.thirdparty.id_token import Expectation, verify_id_token

Jwks = dict[str, Any]


async def verify_with_published_keys(
    documents: Documents,
    jwks_endpoint: str,
    algorithms: tuple[str, ...],
    id_token: str,
    expected: Expectation,
    keys_for: Callable[[Jwks, str], Jwks],
) -> dict[str, Any]:
    """Verify an id_token and return its payload; an unknown key loads the keys again, within bounds.

    Args:
        documents: Of the provider.
        jwks_endpoint: Where its keys are.
        algorithms: Which it announces.
        id_token: As it came in.
        expected: What must hold.
        keys_for: Which of the keys may sign for an issuer.

    Raises:
        ProviderFailed, UnusableDocument: There are no keys.
        InvalidToken, UntrueToken: See `verify_id_token`.
    """
    jwks = await documents.get(jwks_endpoint, parse_jwks)
    try:
        return verify_id_token(id_token, keys_for(jwks, expected.issuer), algorithms, expected)
    except UnknownKey:
        jwks = await documents.reload(jwks_endpoint, parse_jwks)
        return verify_id_token(id_token, keys_for(jwks, expected.issuer), algorithms, expected)


def parse_jwks(document: dict[str, Any]) -> Jwks:
    """Check that a document is a set of keys; each key is checked when it is used.

    Raises:
        UnusableDocument: It is not, or the set is empty.
    """
    keys = document.get("keys")
    if not isinstance(keys, list) or not any(isinstance(key, dict) for key in cast("list[Any]", keys)):
        raise UnusableDocument("its key document holds no keys")
    return document
