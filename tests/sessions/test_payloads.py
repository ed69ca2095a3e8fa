"""Merging, and the names that are ours; pure."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from watchword.sessions.payloads import RESERVED_CLAIMS, checked_jwt_payload, merge, without_reserved_claims

values = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.lists(st.integers(0, 3), max_size=2)
objects = st.dictionaries(st.sampled_from("abcde"), values, max_size=5)


@given(objects, objects)
def test_merge_is_shallow_and_none_removes(stored: dict[str, Any], changes: dict[str, Any]) -> None:
    """Per key: what the change says, nothing where it says `None`, and what was stored where it says nothing."""
    merged = merge(stored, changes)

    for key in stored.keys() | changes.keys():
        if key in changes:
            assert (changes[key] is None) == (key not in merged)
            assert changes[key] is None or changes[key] == merged[key]
        else:
            assert stored[key] == merged[key]


@given(objects, objects, objects)
def test_merges_of_different_keys_commute(stored: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> None:
    """Which of two concurrent merges comes first does not matter unless they speak of the same key."""
    other = {key: value for key, value in other.items() if key not in one}

    assert merge(merge(stored, one), other) == merge(merge(stored, other), one)


def test_merge_does_not_look_inside() -> None:
    """A nested object is replaced as a whole."""
    assert {"a": {"y": 2}, "b": 1} == merge({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}})


def test_reserved_claims_are_left_out_and_only_at_the_top() -> None:
    """What is ours at the top of a payload is the application's one level down."""
    payload = dict.fromkeys(RESERVED_CLAIMS, "ours") | {"role": "member", "inner": {"sub": 1}}

    assert {"role": "member", "inner": {"sub": 1}} == without_reserved_claims(payload)
    assert {"inner": {"sub": 1}} == checked_jwt_payload({"inner": {"sub": 1}})


def test_checked_payload_is_a_copy() -> None:
    """What the application changes afterwards is not what is stored."""
    mine = {"list": [1]}

    checked = checked_jwt_payload(mine)
    mine["list"].append(2)

    assert {"list": [1]} == checked
