"""Sealed values open for their purpose, their owner and their ring only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.errors import ConfigurationError

OLD, NEW = "o" * 40, "n" * 40


@given(st.binary(max_size=300), st.binary(max_size=50), st.text(alphabet="abc_", min_size=1))
def test_what_is_sealed_opens_again(plaintext: bytes, associated_data: bytes, purpose: str) -> None:
    """The same purpose and associated data give the plaintext back."""
    ring = SecretRing(NEW)
    assert plaintext == ring.open(purpose, ring.seal(purpose, plaintext, associated_data), associated_data)


def test_every_cut_and_every_flipped_bit_breaks_the_seal() -> None:
    """An attacker who changes, shortens or lengthens a sealed value gets nothing (security section 6, 5)."""
    ring = SecretRing([NEW, OLD])
    sealed = ring.seal("signing_key", b"private", b"app")
    flipped = [
        sealed[:place] + bytes([sealed[place] ^ (1 << bit)]) + sealed[place + 1 :]
        for place in range(len(sealed))
        for bit in range(8)
    ]
    for broken in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0", b"\0" + sealed] + flipped:
        with pytest.raises(SealBroken):
            ring.open("signing_key", broken, b"app")


@pytest.mark.parametrize(
    ("purpose", "associated_data"),
    [("refresh_token", b"app"), ("signing_key", b"other"), ("signing_key", b""), ("signing_keyapp", b"")],
)
def test_a_value_of_another_purpose_or_owner_does_not_open(purpose: str, associated_data: bytes) -> None:
    """A sealed value cannot be carried to another use or another owner (security JW-3, TK-2)."""
    ring = SecretRing(NEW)
    with pytest.raises(SealBroken):
        ring.open(purpose, ring.seal("signing_key", b"private", b"app"), associated_data)


def test_a_new_secret_seals_and_the_old_one_still_opens() -> None:
    """During a change of secrets nothing is lost; afterwards the old values are (security LG-6)."""
    before, during, after = SecretRing(OLD), SecretRing([NEW, OLD]), SecretRing([NEW])
    old_value, new_value = before.seal("x", b"1"), during.seal("x", b"2")
    assert [False, True] == [during.is_newest(value) for value in (old_value, new_value)]
    assert b"1" == during.open("x", old_value)
    assert b"2" == after.open("x", new_value)
    with pytest.raises(SealBroken):
        after.open("x", old_value)
    with pytest.raises(SealBroken):
        before.open("x", new_value)


def test_equal_values_never_look_equal() -> None:
    """The nonce is new each time, so that a reader of the database learns nothing."""
    ring = SecretRing(NEW)
    assert 100 == len({ring.seal("x", b"same") for _ in range(100)})


def test_text_and_its_utf8_are_one_secret() -> None:
    """Text counts as its UTF-8; hexadecimal and base64 are not decoded."""
    secret = "ab" * 16 + "é"
    assert b"1" == SecretRing(secret.encode()).open("x", SecretRing(secret).seal("x", b"1"))


@pytest.mark.parametrize("secrets", ["", b"", [], "short", b"x" * 31, [NEW, "x" * 31], ["x" * 31, NEW]])
def test_a_missing_or_short_secret_stops_the_start(secrets: str | bytes | list[str]) -> None:
    """The refusal says what to run, and does not show the secret (security LG-4, SC-1)."""
    with pytest.raises(ConfigurationError) as caught:
        SecretRing(secrets)
    assert "secret" == caught.value.setting
    assert "set WATCHWORD_SECRET" in str(caught.value)
    assert "token_urlsafe(48)" in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_secrets_are_never_shown() -> None:
    """`repr` and the error of a broken seal hold neither secret nor plaintext (security LG-1, LG-4)."""
    ring = SecretRing([NEW, OLD])
    assert "SecretRing(2 secrets, not shown)" == repr(ring)
    with pytest.raises(SealBroken) as caught:
        ring.open("x", ring.seal("y", b"plaintext"))
    assert "a sealed x does not open: damaged, or its secret is no longer configured" == str(caught.value)
