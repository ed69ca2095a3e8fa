"""What JSON can hold goes in and comes out equal; what it cannot is refused with its place named."""

import enum
import json
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import BadInput, InvalidPayload
from watchword.http.json import MAX_DEPTH, check_json_object, decode_json_object, encode_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
JSON_OBJECTS = st.dictionaries(st.text(), JSON_VALUES, max_size=5)


class Role(enum.StrEnum):
    """Text that is also an enumeration member."""

    ADMIN = "admin"


class Level(enum.IntEnum):
    """A number that is also one."""

    HIGH = 3


class OldRole(str, enum.Enum):  # noqa: UP042 - the older way is the test
    """The older way to write it, whose `str()` is not its text."""

    ADMIN = "admin"


@given(JSON_OBJECTS)
def test_what_json_can_hold_comes_back_equal(value: dict[str, Any]) -> None:
    """Checking and decoding are inverse, in value, type and order of members."""
    again = decode_json_object(check_json_object("session_data", value, 1_000_000), "session_data")
    assert repr(value) == repr(again)  # repr also tells 1 from 1.0 and -0.0 from 0.0, and shows the order
    assert again == json.loads(check_json_object("session_data", value, 1_000_000))


def test_the_text_is_compact_utf8_in_the_given_order() -> None:
    """Members keep their order, letters stay letters, NUL is escaped: the bytes that go into tokens."""
    value = {"z": "é", "a": [1, 2.5, None, True], "nul": "\0", "": {}}
    assert '{"z":"é","a":[1,2.5,null,true],"nul":"\\u0000","":{}}'.encode() == check_json_object("x", value, 100)
    assert '{"z":"é"}'.encode() == encode_json({"z": "é"})


def test_kinds_of_dict_text_and_number_become_plain() -> None:
    """Other mappings and enumerations of text or numbers are stored as what they are at heart."""
    value = OrderedDict(b=Role.ADMIN, a=MappingProxyType({"c": Level.HIGH}), d=[OldRole.ADMIN])
    assert b'{"b":"admin","a":{"c":3},"d":["admin"]}' == check_json_object("x", value, 100)
    assert b'{"admin":1}' == check_json_object("x", {Role.ADMIN: 1}, 100)


def deep(levels: int) -> dict[str, Any]:
    """An object that nests this many levels."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


CIRCULAR: dict[str, Any] = {}
CIRCULAR["self"] = [CIRCULAR]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"roles": [1, 2, float("nan")]}, "jwt_payload.roles[2]: NaN and infinity are not JSON"),
        ({"a": {"b": float("-inf")}}, "jwt_payload.a.b: NaN and infinity are not JSON"),
        ({"n": 2**63}, "jwt_payload.n: the number does not fit in 64 bits; store it as text"),
        ({"n": -(2**63) - 1}, "jwt_payload.n: the number does not fit in 64 bits; store it as text"),
        ({1: "a"}, "jwt_payload: a key is int; JSON keys are text"),
        ({"a": {None: 1}}, "jwt_payload.a: a key is NoneType; JSON keys are text"),
        ({"a": [{b"k": 1}]}, "jwt_payload.a[0]: a key is bytes; JSON keys are text"),
        ({"a": "x\ud800"}, "jwt_payload.a: the text has a lone surrogate, which UTF-8 cannot hold"),
        ({"x\udfff": 1}, "jwt_payload: the text has a lone surrogate, which UTF-8 cannot hold"),
        ({"a": (1, 2)}, "jwt_payload.a: tuple is not JSON; make it a list"),
        ({"a": {1}}, "jwt_payload.a: set is not JSON; make it a list"),
        ({"a": b"x"}, "jwt_payload.a: bytes is not JSON; decode it, or store it as base64 text"),
        (
            {"a": datetime(2026, 1, 1, tzinfo=UTC)},
            "jwt_payload.a: datetime is not JSON; store it as text (isoformat) or as milliseconds",
        ),
        (
            {"a": date(2026, 1, 1)},
            "jwt_payload.a: date is not JSON; store it as text (isoformat) or as milliseconds",
        ),
        (
            {"a": Decimal(1)},
            "jwt_payload.a: Decimal is not JSON; store a dict, list, text, number, boolean or None",
        ),
        ({"a": UUID(int=0)}, "jwt_payload.a: UUID is not JSON; store a dict, list, text, number, boolean or None"),
        ({"a": [object()]}, "jwt_payload.a[0]: object is not JSON; store a dict, list, text, number, boolean or None"),
        ({"a": int}, "jwt_payload.a: type is not JSON; store a dict, list, text, number, boolean or None"),
        ([1], "jwt_payload must be a JSON object (a dict), not list"),
        (None, "jwt_payload must be a JSON object (a dict), not NoneType"),
        ("{}", "jwt_payload must be a JSON object (a dict), not str"),
        ({"a": "é" * 60}, "jwt_payload has 128 bytes as JSON, at most 100 are accepted"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place(value: Any, message: str) -> None:
    """The message names field, path and remedy, never the value; nothing is guessed (seed: both kinds of data)."""
    with pytest.raises(InvalidPayload) as caught:
        check_json_object("jwt_payload", value, 100)
    assert ("jwt_payload", message) == (caught.value.field, caught.value.message)


def test_depth_is_limited_and_circles_are_found() -> None:
    """32 levels pass, 33 do not, and a value that contains itself ends there too; long paths are cut."""
    assert check_json_object("x", deep(MAX_DEPTH), 1000)
    for value in (deep(MAX_DEPTH + 1), CIRCULAR):
        with pytest.raises(InvalidPayload, match="it nests over 32 levels, or contains itself"):
            check_json_object("x", value, 1000)
    with pytest.raises(InvalidPayload) as caught:
        check_json_object("x", {"k" * 5000: float("nan")}, 10_000)
    assert len(caught.value.message) < 300


def test_the_size_limit_is_exact() -> None:
    """Bytes of UTF-8, all punctuation included."""
    assert b'{"a":"xyz"}' == check_json_object("x", {"a": "xyz"}, 11)
    with pytest.raises(InvalidPayload):
        check_json_object("x", {"a": "xyz"}, 10)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "body is not valid JSON"),
        (b"{", "body is not valid JSON"),
        (b"{} {}", "body is not valid JSON"),
        (b"\xef\xbb\xbf{}", "body is not valid JSON"),
        (b'{"a":NaN}', "body is not valid JSON"),
        (b'{"a":1e999}', "body is not valid JSON"),
        (b'{"a":"\\ud800"}', "body is not valid JSON"),
        (b'{"a":"\\udc00\\ud800"}', "body is not valid JSON"),
        (b'{"a":"\xff"}', "body is not valid JSON"),
        (b'{"a":"\n"}', "body is not valid JSON"),
        (b'{"a":' + b"9" * 10_000 + b"}", "body is not valid JSON"),
        (b"[" * 33 + b"]" * 33, "body nests over 32 levels"),
        (b'{"a":' * 100_000, "body nests over 32 levels"),
        (b"null", "body must be a JSON object"),
        (b"[{}]", "body must be a JSON object"),
        (b'"{}"', "body must be a JSON object"),
    ],
)
def test_broken_bodies_are_bad_input(data: bytes, message: str) -> None:
    """Each is one typed error with the field's name and no part of the data."""
    with pytest.raises(BadInput) as caught:
        decode_json_object(data, "body")
    assert ("body", message) == (caught.value.field, caught.value.message)


def test_legal_oddities_are_read() -> None:
    """NUL is text, the last of equal names counts, blanks and paired surrogates are fine."""
    data = b' {"a":"x\\u0000y", "b":1, "b":2, "c":"\\ud83d\\ude00"}\n'
    assert {"a": "x\0y", "b": 2, "c": "😀"} == decode_json_object(data, "body")


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_bad_input(data: bytes) -> None:
    """Fuzz: no other exception, and whatever is read can be stored again or is refused in words."""
    try:
        value = decode_json_object(data, "body")
    except BadInput:
        return
    assert value == decode_json_object(encode_json(value), "body")
