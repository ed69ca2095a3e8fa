"""The opaque tokens that lead from one page of a list to the next."""

from typing import NamedTuple

from watchword.crypto.base64url import decode_base64url, encode_base64url
from watchword.errors import BadInput
from watchword.http.json import decode_json_object, encode_json
from watchword.identifiers import is_storable

_LONGEST_TOKEN = 2_048


class Position(NamedTuple):
    """Where a user stands in the order of joining: the millisecond, then the id, compared by its bytes."""

    joined_ms: int
    user_id: str


#: Before everybody, for the first page of either order.
OLDEST = Position(-1, "")
NEWEST = Position(2**62, "")


def write_page_token(last: Position) -> str:
    """A token that goes on after this position."""
    return encode_base64url(encode_json({"ms": last.joined_ms, "id": last.user_id}))


def read_page_token(token: str) -> Position:
    """The position in a token.

    Raises:
        BadInput: It is none of ours.
    """
    position = _read(token)
    if position is None or not -1 <= position.joined_ms <= NEWEST.joined_ms or not is_storable(position.user_id):
        raise BadInput("pagination_token", "invalid pagination token")
    return position


def _read(token: str) -> Position | None:
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        position = decode_json_object(decode_base64url(token), "pagination_token")
    except (ValueError, BadInput):
        return None
    joined_ms, user_id = position.get("ms"), position.get("id")
    if not isinstance(joined_ms, int) or not isinstance(user_id, str):
        return None
    return Position(joined_ms, user_id)
