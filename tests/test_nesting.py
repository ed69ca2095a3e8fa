"""How deep a JSON text nests, told before it is decoded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.nesting import nests_deeper_than

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def depth_of(value: Any) -> int:
    """The depth of a decoded value, the slow and certain way."""
    if isinstance(value, dict):
        return 1 + max((depth_of(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(item) for item in value), default=0)
    return 0


@given(JSON_VALUES, st.booleans())
def test_the_depth_of_the_text_is_the_depth_of_the_value(value: Any, ascii_only: bool) -> None:
    """The text nests as deep as what it decodes to, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    depth = depth_of(value)
    assert not nests_deeper_than(depth, text)
    assert depth == 0 or nests_deeper_than(depth - 1, text)


@pytest.mark.parametrize("text", [rb'["\"[[[[", "]"]', rb'["\\", [1]]', b'{"[[[": {"}}}": "{{{"}}'])
def test_brackets_inside_strings_do_not_count(text: bytes) -> None:
    """An escaped quote does not end a string, an escaped backslash does not hide the end."""
    assert not nests_deeper_than(2, text)
    json.loads(text)


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """What is not JSON is the decoder's to refuse; counting never raises."""
    assert nests_deeper_than(3, data) in (True, False)


def test_a_megabyte_of_brackets_is_told_at_once() -> None:
    """Deep nesting is refused by counting, not by running out of stack."""
    assert nests_deeper_than(32, b"[" * 1_000_000)
    assert not nests_deeper_than(32, b'"' + b"[" * 1_000_000)
