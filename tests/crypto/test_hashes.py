"""SHA-256 and the comparison of secrets."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.hashes import constant_time_equal, sha256

ANY_TEXT = st.text(alphabet=st.characters())


def test_text_and_its_utf8_have_one_hash() -> None:
    """Text is hashed as UTF-8."""
    assert hashlib.sha256("tökén".encode()).digest() == sha256("tökén") == sha256("tökén".encode())


@given(ANY_TEXT, ANY_TEXT)
def test_only_equal_secrets_are_equal(left: str, right: str) -> None:
    """The comparison agrees with `==` for any text, lone surrogates included, and for mixed types."""
    assert (left == right) == constant_time_equal(left, right)
    assert constant_time_equal(left, left.encode("utf-8", "surrogatepass"))
