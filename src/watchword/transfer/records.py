"""One user in a file: the members of SuperTokens' bulk import, one JSON object a line.

{"externalUserId": "42", "loginMethods": [
  {"recipeId": "emailpassword", "email": "ada@example.com", "isVerified": true, "passwordHash": "$2b$12$…"},
  {"recipeId": "thirdparty", "thirdPartyId": "google", "thirdPartyUserId": "1093…", "email": "ada@example.com"}
], "userRoles": [{"role": "admin", "tenantIds": ["public"]}]}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from watchword.accounts.email import normalise_email, verify_email
from watchword.accounts.tenants import PUBLIC_TENANT_ID
from watchword.errors import BadInput
from watchword.identifiers import LONGEST_ID, LONGEST_NAME, LONGEST_PATH_PIECE
from watchword.transfer.errors import RecordRefused

RecipeId = Literal["emailpassword", "thirdparty"]

_USER_MEMBERS = {"externalUserId", "loginMethods", "userRoles"}
_METHOD_MEMBERS = {
    "recipeId", "tenantIds", "isVerified", "isPrimary", "timeJoinedInMSSinceEpoch", "email", "passwordHash",
    "hashingAlgorithm", "thirdPartyId", "thirdPartyUserId", "externalUserId",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRecord:
    """One way to sign in.

    Attributes:
        recipe_id: Which way.
        email: In normal form; `None` only where a provider told none.
        password_hash: As the other system stored it; `None` for somebody who has to choose a new one.
        third_party_id: The provider, and
        third_party_user_id: the person there.
        verified: Whether the address is known to be this person's.
        tenant_ids: Where it may be used.
        time_joined_ms: Milliseconds since the epoch; 0 when not known.
        recipe_user_id: The id of this login method; `None`: the user's for the first, a new one for others.
    """

    recipe_id: RecipeId
    email: str | None
    password_hash: str | None = field(default=None, repr=False)
    third_party_id: str = ""
    third_party_user_id: str = ""
    verified: bool = False
    tenant_ids: tuple[str, ...] = (PUBLIC_TENANT_ID,)
    time_joined_ms: int = 0
    recipe_user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """One person, login methods with the primary one first.

    Attributes:
        user_id: The id that the application's tables refer to; `None` makes a new one.
        roles: Pairs of role and tenant.
    """

    user_id: str | None
    methods: tuple[MethodRecord, ...]
    roles: tuple[tuple[str, str], ...] = ()


def read_record(value: Any, *, user_names: bool = False) -> UserRecord:
    """What a JSON value says.

    Args:
        value: As it was read.
        user_names: Whether people sign in with user names, which then stand in the place of addresses.

    Raises:
        RecordRefused: A member is missing, unknown, or cannot be what it should.
    """
    user = _object("the line", value)
    _no_others("", user, _USER_MEMBERS)
    methods = [
        _read_method(f"loginMethods[{index}]", method, user_names)
        for index, method in enumerate(_list("loginMethods", user))
    ]
    if not methods:
        raise RecordRefused("loginMethods", "is missing or empty; a user has at least one way to sign in")
    primary = [method for is_primary, method in methods if is_primary]
    if len(primary) > 1:
        raise RecordRefused("loginMethods", "more than one says isPrimary")
    ordered = [*primary, *(method for is_primary, method in methods if not is_primary)]
    return UserRecord(
        user_id=_id("externalUserId", user),
        methods=tuple(ordered),
        roles=tuple(pair for role in _list("userRoles", user) for pair in _read_role(role)),
    )


def write_record(record: UserRecord) -> dict[str, Any]:
    """The JSON object that `read_record` reads back."""
    written: dict[str, Any] = {
        "externalUserId": record.user_id,
        "loginMethods": [_write_method(method, is_primary=index == 0) for index, method in enumerate(record.methods)],
    }
    if record.roles:
        roles: dict[str, list[str]] = {}
        for role, tenant_id in record.roles:
            roles.setdefault(role, []).append(tenant_id)
        written["userRoles"] = [{"role": role, "tenantIds": tenants} for role, tenants in roles.items()]
    return written


def read_address(place: str, text: str, *, user_names: bool = False) -> str:
    """An address in normal form; with `user_names` any text that the application may have people sign in with.

    Raises:
        RecordRefused: It is none: nobody could sign in with it, and no mail would arrive.
    """
    try:
        return normalise_email(text) if user_names else verify_email(text, special_use=True)
    except BadInput:
        raise RecordRefused(place, "is no e-mail address") from None


def _read_method(where: str, value: Any, user_names: bool) -> tuple[bool, MethodRecord]:
    method = _object(where, value)
    _no_others(f"{where}.", method, _METHOD_MEMBERS)
    recipe_id = method.get("recipeId")
    if recipe_id not in ("emailpassword", "thirdparty"):
        raise RecordRefused(f"{where}.recipeId", "is neither emailpassword nor thirdparty")
    text = _text(where, method, "email")
    takes_name = user_names and recipe_id == "emailpassword"
    email = None if text is None else read_address(f"{where}.email", text, user_names=takes_name)
    if recipe_id == "emailpassword" and email is None:
        raise RecordRefused(f"{where}.email", "is missing")
    record = MethodRecord(
        recipe_id=recipe_id,
        email=email,
        password_hash=_text(where, method, "passwordHash") if recipe_id == "emailpassword" else None,
        third_party_id=_name(where, method, "thirdPartyId", LONGEST_PATH_PIECE) if recipe_id == "thirdparty" else "",
        third_party_user_id=_name(where, method, "thirdPartyUserId") if recipe_id == "thirdparty" else "",
        verified=_flag(where, method, "isVerified"),
        tenant_ids=_tenants(where, method),
        time_joined_ms=_time(where, method),
        recipe_user_id=_id("externalUserId", method, where),
    )
    return _flag(where, method, "isPrimary"), record


def _write_method(method: MethodRecord, *, is_primary: bool) -> dict[str, Any]:
    members = {
        "recipeId": method.recipe_id,
        "email": method.email,
        "passwordHash": method.password_hash,
        "thirdPartyId": method.third_party_id or None,
        "thirdPartyUserId": method.third_party_user_id or None,
        "isVerified": method.verified,
        "isPrimary": is_primary,
        "tenantIds": list(method.tenant_ids),
        "timeJoinedInMSSinceEpoch": method.time_joined_ms,
        "externalUserId": method.recipe_user_id,
    }
    return {name: value for name, value in members.items() if value is not None}


def _read_role(value: Any) -> list[tuple[str, str]]:
    role = _object("userRoles", value)
    _no_others("userRoles.", role, {"role", "tenantIds"})
    name = _name("userRoles", role, "role")
    return [(name, tenant_id) for tenant_id in _tenants("userRoles", role)]


def _object(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RecordRefused(where, "is not a JSON object")
    return cast("dict[str, Any]", value)


def _no_others(where: str, members: Mapping[str, Any], known: set[str]) -> None:
    """A misspelt member would be lost without a word."""
    for name in members:
        if name not in known:
            raise RecordRefused(f"{where}{name:.64}", f"is not known; there are: {', '.join(sorted(known))}")


def _list(name: str, members: Mapping[str, Any]) -> list[Any]:
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordRefused(name, "is not a list")
    return cast("list[Any]", value)


def _text(where: str, members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise RecordRefused(f"{where}.{name}", "is not a printable text")
    return value


def _name(where: str, members: Mapping[str, Any], name: str, longest: int = LONGEST_NAME) -> str:
    value = _text(where, members, name)
    if value is None:
        raise RecordRefused(f"{where}.{name}", "is missing")
    if len(value) > longest or value.strip() != value:
        raise RecordRefused(f"{where}.{name}", f"is not a text of at most {longest} characters without blanks around")
    return value


def _id(name: str, members: Mapping[str, Any], where: str = "") -> str | None:
    path = f"{where}.{name}" if where else name
    value = members.get(name)
    if value is None:
        return None
    if (
        not isinstance(value, str)
        or not value.isprintable()
        or not 0 < len(value) <= LONGEST_ID
        or value.strip() != value
    ):
        raise RecordRefused(path, f"is not a text of 1 to {LONGEST_ID} printable characters without blanks around")
    return value


def _flag(where: str, members: Mapping[str, Any], name: str) -> bool:
    value = members.get(name, False)
    if not isinstance(value, bool):
        raise RecordRefused(f"{where}.{name}", "is neither true nor false")
    return value


def _time(where: str, members: Mapping[str, Any]) -> int:
    value = members.get("timeJoinedInMSSinceEpoch", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise RecordRefused(f"{where}.timeJoinedInMSSinceEpoch", "is not a number of milliseconds since 1970")
    return value


def _tenants(where: str, members: Mapping[str, Any]) -> tuple[str, ...]:
    value = members.get("tenantIds", [PUBLIC_TENANT_ID])
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in cast("list[Any]", value)):
        raise RecordRefused(f"{where}.tenantIds", "is not a list of tenants")
    return tuple(dict.fromkeys(cast("list[str]", value)))
