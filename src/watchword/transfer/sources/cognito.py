"""Users of Amazon Cognito: the JSON that `aws cognito-idp list-users` writes. It never gives password hashes."""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec

from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.jsonlines import read_document
from watchword.transfer.sources.reading import find_address, milliseconds, record_or_refusal

#: What Cognito calls providers, where our entries have another id by default.
PROVIDER_IDS = {"Google": "google", "SignInWithApple": "apple", "Facebook": "facebook"}


async def read_users(file: Path) -> AsyncIterator[Brought]:
    """Every user under their `sub`; with a password they choose a new one. Who is not enabled is refused.

    Raises:
        SourceUnreadable: The file is missing, or is no such list.
    """
    for index, value in enumerate(read_document(file, "Users")):
        place = f"Users[{index}]"
        yield Brought(place, record_or_refusal(partial(_record, value)))


def _record(value: Any) -> UserRecord:
    if not isinstance(value, dict):
        raise RecordRefused("the user", "is not a JSON object")
    user = cast("dict[str, Any]", value)
    if user.get("Enabled") is False:
        raise RecordRefused("Enabled", "is false: this person may not sign in there")
    listed = cast("list[Mapping[str, Any]]", user.get("Attributes") or [])
    attributes = {str(attribute.get("Name")): str(attribute.get("Value", "")) for attribute in listed}
    if "sub" not in attributes:
        raise RecordRefused("Attributes", "has no sub")
    email = find_address("email", attributes.get("email"))
    common: dict[str, Any] = {
        "verified": attributes.get("email_verified") == "true",
        "time_joined_ms": milliseconds(str(user.get("UserCreateDate", ""))),
    }
    methods = [
        MethodRecord(
            recipe_id="thirdparty",
            email=email,
            third_party_id=PROVIDER_IDS.get(provider, provider),
            third_party_user_id=id,
            **common,
        )
        for provider, id in _identities(attributes.get("identities", "[]"))
    ]
    if user.get("UserStatus") != "EXTERNAL_PROVIDER":
        if email is None:
            raise RecordRefused("email", "is missing")
        methods.insert(0, MethodRecord(recipe_id="emailpassword", email=email, **common))
    if not methods:
        raise RecordRefused("identities", "is empty: no way to sign in here")
    return UserRecord(user_id=attributes["sub"], methods=tuple(methods))


def _identities(text: str) -> list[tuple[str, str]]:
    """Provider and the person's id there; the attribute is JSON in a text."""
    try:
        found: Any = msgspec.json.decode(text)
        return [(str(identity["providerName"]), str(identity["userId"])) for identity in found]
    except (ValueError, KeyError, TypeError):
        raise RecordRefused("identities", "is not the list of providers that Cognito writes") from None
