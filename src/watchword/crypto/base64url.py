"""Base64url without padding, strict: every value has exactly one spelling. Source: RFC 7515, section 2."""

from binascii import a2b_base64, b2a_base64

_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def encode_base64url(data: bytes) -> str:
    """URL-safe text without padding."""
    return _encode(data).decode("ascii")


def decode_base64url(text: str | bytes) -> bytes:
    """The bytes that `encode_base64url` made this text from.

    Raises:
        ValueError: Any other text: padding, line ends, the `+` and `/` of plain base64, stray bits in the
            last character. Accepting a second spelling would let a token be changed and stay valid.
    """
    ascii_text = text.encode("ascii") if isinstance(text, str) else text
    # The decoder of the standard library skips what it does not know; comparing with the one right
    # spelling catches all of that at once.
    data = a2b_base64(ascii_text.translate(_FROM_URL) + b"=" * (-len(ascii_text) % 4))
    if _encode(data) != ascii_text:
        raise ValueError("not canonical base64url")
    return data


def _encode(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")
