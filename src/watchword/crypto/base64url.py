"""Base64url without padding, strict: every value has exactly one spelling. Source: RFC 7515, section 2."""

import base64


def encode_base64url(data: bytes) -> str:
    """URL-safe text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str | bytes) -> bytes:
    """The bytes that `encode_base64url` made this text from.

    Raises:
        ValueError: Any other text: padding, line ends, the `+` and `/` of plain base64, stray bits in the
            last character. Accepting a second spelling would let a token be changed and stay valid.
    """
    ascii_text = text.encode("ascii") if isinstance(text, str) else text
    # The decoder of the standard library skips what it does not know; comparing with the one right
    # spelling catches all of that at once.
    data = base64.urlsafe_b64decode(ascii_text + b"=" * (-len(ascii_text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != ascii_text:
        raise ValueError("not canonical base64url")
    return data
