"""What a provider says about a person, and how strictly it is read: an answer may hold anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from watchword.accounts.email import normalise_email
from watchword.errors import BadInput
from watchword.identifiers import LONGEST_NAME
from watchword.setting_types import checked_settings

JsonObject = dict[str, Any]


class UnusableProfile(Exception):
    """The provider told something that no person can be known by; the message names the field, not the value."""


@checked_settings()
@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfoFields:
    """Names of the fields in one source; a dot steps into an object: `data.id`. `None`: not there."""

    user_id: str | None = "sub"
    email: str | None = "email"
    email_verified: str | None = "email_verified"


@checked_settings()
@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfoMap:
    """Which fields of the two sources hold the user id, the e-mail address and whether it is verified."""

    from_id_token_payload: UserInfoFields = field(default_factory=UserInfoFields)
    from_user_info_api: UserInfoFields = field(default_factory=UserInfoFields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUserInfo:
    """Who the provider says this is.

    Attributes:
        third_party_user_id: The provider's stable id of the person; never an address or a name (security OA-7).
        email: In normal form; `None` when the provider told none.
        is_verified: Whether the provider vouches for the address, and is trusted to.
        issuer: The issuer that signed for it; empty for providers without OpenID Connect.
        raw_user_info: `from_id_token_payload` and `from_user_info_api`, as they came; `{}` for what did not.
    """

    third_party_user_id: str
    email: str | None = None
    is_verified: bool = False
    issuer: str = ""
    raw_user_info: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject], repr=False)


def raw_user_info(id_token_payload: JsonObject | None, profile: JsonObject | None) -> dict[str, JsonObject]:
    """Both sources under the names that hooks and overrides know."""
    return {"from_id_token_payload": id_token_payload or {}, "from_user_info_api": profile or {}}


def read_user_id(value: Any) -> str:
    """A user id as text: a text or a whole number.

    Raises:
        UnusableProfile: Nothing, empty, too long, or of another kind (`true` is not the number 1).
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**30 else ""  # longer numbers cost more to print than ids are worth
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not _is_storable(value):
        raise UnusableProfile(f"the user id is missing or not a text of up to {LONGEST_NAME} characters")
    return value


def read_email(value: Any) -> str | None:
    """An e-mail address in normal form; `None` when there is none.

    Raises:
        UnusableProfile: It is there, and cannot be an address.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "@" not in value:
        raise UnusableProfile("the e-mail address is not one")
    try:
        return normalise_email(value)
    except BadInput:
        raise UnusableProfile("the e-mail address is not one") from None


def read_verified(value: Any) -> bool:
    """Whether a flag says *verified*: `true`, or the text `true` that Apple sends, nothing else (security OA-8)."""
    return value is True or value == "true"


def find_field(source: JsonObject | None, name: str | None) -> Any:
    """The value under a name, else under the path that its dots make, else `None`."""
    if source is None or name is None:
        return None
    if name in source:  # some providers name their own claims by a URL, dots and all
        return source[name]
    value: Any = source
    for step in name.split("."):
        if not isinstance(value, dict):
            return None
        value = cast("JsonObject", value).get(step)
    return value


def _is_storable(text: str) -> bool:
    # NUL and unpaired surrogates cannot be stored; other control characters are nobody's id.
    return text.isprintable()
