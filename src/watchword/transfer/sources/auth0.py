"""Users of Auth0: the NDJSON of its user export job, and the NDJSON of hashes that its support gives on request."""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.jsonlines import read_lines
from watchword.transfer.sources.reading import find_address, milliseconds, record_or_refusal

PASSWORD_PROVIDER = "auth0"
#: What Auth0 calls providers, where our entries have another id by default.
PROVIDER_IDS = {"google-oauth2": "google", "windowslive": "active-directory", "waad": "active-directory"}


async def read_users(file: Path, hashes_file: Path | None = None) -> AsyncIterator[Brought]:
    """Every user under the id that Auth0's tokens had in `sub`, such as `auth0|5dea…`.

    Blocked people are refused. Without the file of hashes, people choose a new password.

    Raises:
        SourceUnreadable: A file is missing, or no file of lines of JSON.
    """
    hashes = {} if hashes_file is None else _read_hashes(hashes_file)
    for place, value in read_lines(file):
        yield Brought(place, record_or_refusal(partial(_record, value, hashes)))


def _read_hashes(file: Path) -> dict[str, str]:
    """The hash of each user, by the id without the name of the provider."""
    hashes: dict[str, str] = {}
    for place, value in read_lines(file):
        line = _object(place, value)
        id = line.get("alt_id") or _object("_id", line.get("_id", {})).get("$oid")
        if id is not None and line.get("passwordHash"):
            hashes[str(id)] = str(line["passwordHash"])
    return hashes


def _record(value: Any, hashes: Mapping[str, str]) -> UserRecord:
    user = _object("the line", value)
    user_id = user.get("user_id") or user.get("Id")
    if not isinstance(user_id, str) or not user_id:
        raise RecordRefused("user_id", "is missing; export it under this name")
    if user.get("blocked"):
        raise RecordRefused("blocked", "is true: this person may not sign in there")
    email = find_address("email", user.get("email"))
    common: dict[str, Any] = {
        "verified": bool(user.get("email_verified")),
        "time_joined_ms": milliseconds(str(user.get("created_at", ""))),
    }
    methods = [_method(identity, email, hashes, common) for identity in _identities(user, user_id)]
    return UserRecord(user_id=user_id, methods=tuple(methods))


def _identities(user: Mapping[str, Any], user_id: str) -> list[tuple[str, str]]:
    """Provider and the person's id there; the export job gives the list only when it is asked for."""
    listed: Any = user.get("identities")
    if isinstance(listed, list) and listed:
        identities = [_object("identities", identity) for identity in cast("list[Any]", listed)]
        return [(str(identity.get("provider", "")), str(identity.get("user_id", ""))) for identity in identities]
    provider, bar, id = user_id.partition("|")
    if not bar:
        raise RecordRefused("user_id", "names no provider; export the field identities as well")
    return [(provider, id)]


def _method(
    identity: tuple[str, str], email: str | None, hashes: Mapping[str, str], common: dict[str, Any]
) -> MethodRecord:
    provider, id = identity
    if provider == PASSWORD_PROVIDER:
        if email is None:
            raise RecordRefused("email", "is missing")
        return MethodRecord(recipe_id="emailpassword", email=email, password_hash=hashes.get(id), **common)
    if provider in ("email", "sms"):
        raise RecordRefused("identities", f"has {provider}, which is no way to sign in here")
    return MethodRecord(
        recipe_id="thirdparty",
        email=email,
        third_party_id=PROVIDER_IDS.get(provider, provider),
        third_party_user_id=id,
        **common,
    )


def _object(place: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, RecordRefused):
        raise value
    if not isinstance(value, dict):
        raise RecordRefused(place, "is not a JSON object")
    return cast("dict[str, Any]", value)
