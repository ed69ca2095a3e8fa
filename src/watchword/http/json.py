"""JSON in and out, and the check that a value of the application is one that JSON can hold."""

import math
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from watchword.errors import BadInput, InvalidPayload
from watchword.nesting import nests_deeper_than

MAX_DEPTH = 32
"""Levels of arrays and objects, in what we read and in what we store."""

_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**63 - 1
_MAX_PATH_CHARACTERS = 200


def encode_json(value: Any) -> bytes:
    """Compact UTF-8 JSON of a value that is known to fit; members keep their order.

    For values of the application use `check_json_object`: this function lets NaN become `null`.
    """
    return msgspec.json.encode(value)


def decode_json_object(data: bytes, field: str) -> dict[str, Any]:
    """The object that a JSON text says; of a member named twice the last one counts.

    Args:
        data: UTF-8, at most 32 levels deep.
        field: Its name, for the message.
    Raises:
        BadInput: Not JSON, too deep, a lone surrogate, or not an object.
    """
    if nests_deeper_than(MAX_DEPTH, data):
        raise BadInput(field, f"{field} nests over {MAX_DEPTH} levels")
    try:
        value = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        raise BadInput(field, f"{field} is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadInput(field, f"{field} must be a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have text keys


def check_json_object(field: str, value: Mapping[str, Any], max_bytes: int) -> bytes:
    """The JSON text of a value that JSON can hold: reading it back gives an equal value.

    Args:
        field: Its name, which starts the path in messages: `jwt_payload.roles[2]`.
        value: Text keys; text, whole numbers of 64 bits, finite floats, booleans, `None`, lists and mappings.
        max_bytes: The longest text accepted, in bytes of UTF-8.
    Raises:
        InvalidPayload: Anything else; the message names the place and never the value.
    """
    if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise InvalidPayload(field, f"{field} must be a JSON object (a dict), not {_type_name(value)}")
    text = msgspec.json.encode(_checked(field, field, value, 1))
    if len(text) > max_bytes:
        raise InvalidPayload(field, f"{field} has {len(text)} bytes as JSON, at most {max_bytes} are accepted")
    return text


def _checked(field: str, path: str, value: Any, depth: int) -> Any:
    """A copy in plain types, so that what is encoded is exactly what was checked."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(field, path, value)
    if isinstance(value, int):
        if not _MIN_INTEGER <= value <= _MAX_INTEGER:
            raise _invalid(field, path, "the number does not fit in 64 bits; store it as text")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _invalid(field, path, "NaN and infinity are not JSON")
        return float(value)
    if isinstance(value, list | Mapping):
        if depth > MAX_DEPTH:
            raise _invalid(field, path, f"it nests over {MAX_DEPTH} levels, or contains itself")
        return _checked_container(field, path, cast("list[Any] | Mapping[Any, Any]", value), depth)
    raise _invalid(field, path, f"{_type_name(value)} is not JSON; {_advice(value)}")


def _checked_container(field: str, path: str, value: "list[Any] | Mapping[Any, Any]", depth: int) -> Any:
    if isinstance(value, list):
        return [_checked(field, f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value)]
    checked: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _invalid(field, path, f"a key is {_type_name(key)}; JSON keys are text")
        name = _checked_text(field, path, key)
        checked[name] = _checked(field, f"{path}.{name}", item, depth + 1)
    return checked


def _checked_text(field: str, path: str, value: str) -> str:
    try:
        return value.encode().decode()  # a plain str also for an Enum that is one
    except UnicodeEncodeError:
        raise _invalid(field, path, "the text has a lone surrogate, which UTF-8 cannot hold") from None


def _invalid(field: str, path: str, problem: str) -> InvalidPayload:
    shown = path if len(path) <= _MAX_PATH_CHARACTERS else path[:_MAX_PATH_CHARACTERS] + "…"
    return InvalidPayload(field, f"{shown}: {problem}")


def _type_name(value: Any) -> str:
    return type(value).__name__


def _advice(value: Any) -> str:
    if isinstance(value, tuple | set | frozenset):
        return "make it a list"
    if isinstance(value, bytes | bytearray):
        return "decode it, or store it as base64 text"
    if hasattr(value, "isoformat"):
        return "store it as text (isoformat) or as milliseconds"
    return "store a dict, list, text, number, boolean or None"
