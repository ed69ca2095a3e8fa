"""Stored hashes are read strictly; whatever else is stored is refused, never an accident."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.phc import UnsupportedHash, parse_argon2id

SALT, TAG = "eQwMpZoixSmnthzdz3PzwA", "VvPNreqdiuAf6GzCNrY/9CHe+g1Ae187SJ8gy6pGFlg"
GOOD = f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}"


def test_the_parameters_are_read() -> None:
    """Memory in KiB, passes, salt and tag."""
    parsed = parse_argon2id(GOOD)
    assert (19_456, 2, 16, 32) == (parsed.memory_kib, parsed.iterations, len(parsed.salt), len(parsed.tag))
    assert "Argon2idHash(memory_kib=19456, iterations=2)" == repr(parsed)


@pytest.mark.parametrize(
    "phc",
    [
        "",
        "password",
        "$2b$12$abcdefghijklmnopqrstuuJ7q3l6v5C4GQe2XyCzLqBvN0b1m2n3o",
        GOOD.replace("argon2id", "argon2i"),
        GOOD.replace("argon2id", "argon2d"),
        GOOD.replace("v=19", "v=16"),
        GOOD.replace("$v=19", ""),
        GOOD.replace("m=19456,t=2", "t=2,m=19456"),
        GOOD.replace("m=19456", "m=019456"),
        GOOD.replace("m=19456", "m=7"),
        GOOD.replace("m=19456", "m=-1"),
        GOOD.replace("m=19456", "m=1048577"),
        GOOD.replace("m=19456", "m=99999999999"),
        GOOD.replace("t=2", "t=17"),
        GOOD.replace("t=2", "t=0"),
        GOOD.replace("t=2", "t=٢"),
        GOOD.replace("p=1", "p=4"),
        GOOD.replace("p=1", "p=1,keyid=x"),
        GOOD.replace(SALT, "c2FsdA"),
        GOOD.replace(SALT, SALT + "=="),
        GOOD.replace(SALT, SALT[:-1] + "B"),
        GOOD.replace(SALT, SALT.replace("A", "-")),
        GOOD.replace(TAG, ""),
        GOOD.replace(TAG, "c2FsdA"),
        GOOD.replace(TAG, TAG * 10),
        GOOD + "$",
        GOOD + "\n",
        " " + GOOD,
        GOOD * 20,
        "\x00" + GOOD,
        "\ud800",
    ],
)
def test_other_texts_are_refused(phc: str) -> None:
    """Other algorithms, versions, orders, lanes, lengths and spellings raise one error without the hash in it."""
    with pytest.raises(UnsupportedHash) as caught:
        parse_argon2id(phc)
    assert SALT not in str(caught.value)


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_a_changed_character_is_read_or_refused(place: int, character: str) -> None:
    """Fuzzed PHC strings never raise another exception (security PW-3)."""
    with contextlib.suppress(UnsupportedHash):
        parse_argon2id(GOOD[:place] + character + GOOD[place + 1 :])
