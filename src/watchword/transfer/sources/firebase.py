"""Users of Firebase: the JSON that `firebase auth:export users.json` writes."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.jsonlines import read_document
from watchword.transfer.sources.reading import find_address, record_or_refusal

#: What Firebase calls providers, where our entries have another id by default.
PROVIDER_IDS = {
    "google.com": "google",
    "github.com": "github",
    "apple.com": "apple",
    "facebook.com": "facebook",
    "microsoft.com": "active-directory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HashParameters:
    """What the console shows as the project's password hash parameters, but for the signer key.

    Attributes:
        rounds: `rounds`.
        mem_cost: `mem_cost`.
        salt_separator: `base64_salt_separator`.
    """

    rounds: int = 8
    mem_cost: int = 14
    salt_separator: str = "Bw=="


async def read_users(file: Path, parameters: HashParameters) -> AsyncIterator[Brought]:
    """Every user under their `localId`; people who are disabled are refused.

    Raises:
        SourceUnreadable: The file is missing, or is no export.
    """
    for index, value in enumerate(read_document(file, "users")):
        place = f"users[{index}]"
        yield Brought(place, record_or_refusal(partial(_record, value, parameters)))


def _record(value: Any, parameters: HashParameters) -> UserRecord:
    if not isinstance(value, dict):
        raise RecordRefused("the user", "is not a JSON object")
    user = cast("dict[str, Any]", value)
    if not isinstance(user.get("localId"), str):
        raise RecordRefused("localId", "is missing")
    if user.get("disabled"):
        raise RecordRefused("disabled", "is true: this person may not sign in there")
    email = find_address("email", user.get("email"))
    joined = str(user.get("createdAt", "0"))
    joined_ms = int(joined) if joined.isascii() and joined.isdigit() else 0
    verified = bool(user.get("emailVerified"))
    methods: list[MethodRecord] = []
    if user.get("passwordHash") and email is not None:
        hashed = _hash(user, parameters)
        methods.append(
            MethodRecord(
                recipe_id="emailpassword",
                email=email,
                password_hash=hashed,
                verified=verified,
                time_joined_ms=joined_ms,
            )
        )
    for info in cast("list[Mapping[str, Any]]", user.get("providerUserInfo") or []):
        provider = str(info.get("providerId", ""))
        if provider in ("password", "phone", ""):
            continue
        there = find_address("providerUserInfo.email", info.get("email")) or email
        methods.append(
            MethodRecord(
                recipe_id="thirdparty",
                email=there,
                verified=verified and there == email,  # proof for one address says nothing about another (TK-8)
                third_party_id=PROVIDER_IDS.get(provider, provider),
                third_party_user_id=str(info.get("rawId", "")),
                time_joined_ms=joined_ms,
            )
        )
    if not methods:
        raise RecordRefused("providerUserInfo", "has neither a password nor a provider: no way to sign in here")
    return UserRecord(user_id=user["localId"], methods=tuple(methods))


def _hash(user: Mapping[str, Any], parameters: HashParameters) -> str:
    tag, salt = (str(user.get(name, "")).replace("-", "+").replace("_", "/") for name in ("passwordHash", "salt"))
    return f"$f_scrypt${tag}${salt}$m={parameters.mem_cost}$r={parameters.rounds}$s={parameters.salt_separator}"
