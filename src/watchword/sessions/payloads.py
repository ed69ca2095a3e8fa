"""What may stand in a JWT payload and in session data, checked before anything is written.

Source: security SE-7 (reserved names), CK-8 (sizes).
"""

from collections.abc import Collection, Mapping
from typing import Any

from watchword.errors import InvalidPayload
from watchword.http.json import check_json_object, decode_json_object

#: Browsers drop a cookie whose name and value are longer (RFC 6265bis 5.7; security CK-8).
MAX_COOKIE_BYTES = 4096
#: Beyond this not even the sizes of the keys are counted; `check_fits_cookies` names them below it.
_MAX_UNMERGED_BYTES = 1_048_576
#: Claims that are ours: an application that could set one could forge a session (security SE-7).
RESERVED_CLAIMS = frozenset(
    {
        "sub",
        "iat",
        "exp",
        "iss",
        "aud",
        "sessionHandle",
        "refreshTokenHash1",
        "parentRefreshTokenHash1",
        "antiCsrfToken",
        "tId",
        "rsub",
        "stt",
    }
)


def without_reserved_claims(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an access token's payload that are not ours."""
    return {name: value for name, value in payload.items() if name not in RESERVED_CLAIMS}


def refuse_claims(changes: Mapping[str, Any], claims: Collection[str]) -> None:
    """Refuse values for claims, which say what somebody may do: a claim alone puts its own into a payload.

    `None`, which takes one out, is allowed: who has no claim has no right.

    Args:
        changes: What the application wants in the JWT payload.
        claims: The names of claims.

    Raises:
        InvalidPayload: There is a value for one of them.
    """
    for name in claims:
        if changes.get(name) is not None:
            raise InvalidPayload(
                "jwt_payload", f"{name!r} is a claim; use set_claim_value or fetch_and_set_claim, or another name"
            )


def checked_jwt_payload(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the application wants in the JWT payload, as plain JSON values.

    Raises:
        InvalidPayload: A reserved name, or something that JSON cannot hold.
    """
    text = check_json_object("jwt_payload", changes, _MAX_UNMERGED_BYTES)
    for name in changes:
        if name in RESERVED_CLAIMS:
            raise InvalidPayload("jwt_payload", f"{name!r} is a reserved claim; choose another name")
    return decode_json_object(text, "jwt_payload")


def checked_session_data(changes: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """What the application wants in the session data, as plain JSON values.

    Raises:
        InvalidPayload: Something that JSON cannot hold, or more than `max_bytes` of it.
    """
    return decode_json_object(check_json_object("session_data", changes, max_bytes), "session_data")


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A shallow merge: a key of `changes` replaces, and `None` removes it."""
    removed = {name for name, value in changes.items() if value is None}
    return {name: value for name, value in {**stored, **changes}.items() if name not in removed}
