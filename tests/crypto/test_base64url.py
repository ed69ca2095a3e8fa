"""Base64url has one spelling per value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.base64url import decode_base64url, encode_base64url


@given(st.binary())
def test_what_is_encoded_decodes_to_itself(data: bytes) -> None:
    """Encoding and decoding are inverse, for text and for bytes."""
    assert data == decode_base64url(encode_base64url(data))
    assert data == decode_base64url(encode_base64url(data).encode())


@given(st.text(alphabet="ABCDwxyz0189-_+/= \n.é", max_size=12))
def test_there_is_no_second_spelling(text: str) -> None:
    """Whatever decodes is exactly what encoding gives: no padding, no other alphabet, no stray bits."""
    try:
        data = decode_base64url(text)
    except ValueError:
        return
    assert text == encode_base64url(data)


@pytest.mark.parametrize(
    "text",
    ["QQ==", "QR", "Q", "QUJ", "+/+/", "QU I", "QUI\n", "QUI=", "é", "QQ.QQ", "QUJD====", "=", "\ud800", "\x00QQ"],
)
def test_other_spellings_are_refused(text: str) -> None:
    """Padding, stray bits, single characters, the other alphabet, blanks and line ends raise ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        decode_base64url(text)
