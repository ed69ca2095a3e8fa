"""A text message as data: what is to be sent, what it looks like once it is rendered, and how long it is."""

import re
import secrets
from dataclasses import dataclass, field
from typing import ClassVar

from watchword.delivery.message import Message
from watchword.errors import BadInput

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

#: What a phone's 7-bit alphabet has; each of the second ones takes two places. Source: 3GPP TS 23.038, 6.2.1.
_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_TWICE = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms(Message):
    """One text message to one person, before rendering: `to` as E.164 has it, like `+4915112345678`.

    The shipped kinds need `code` or `link` among the values, and `minutes`.

    Raises:
        BadInput: `to` is not a phone number.
    """

    channel: ClassVar[str] = "sms"

    def __post_init__(self) -> None:
        check_phone_number(self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSms:
    """A text message as the person will read it.

    Attributes:
        to: The phone number, as E.164 has it.
        text: What they read.
        sms_id: The `id` of the message.
        kind: Its `kind`.
    """

    to: str = field(repr=False)
    text: str = field(repr=False)
    sms_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    kind: str = ""

    @property
    def segments(self) -> int:
        """How many messages the networks make of it, and charge."""
        return count_segments(self.text)


def check_phone_number(number: str) -> None:
    """Refuse what is not one phone number with its country.

    Raises:
        BadInput: It is not. Source: ITU-T E.164, 6.
    """
    if _E164.fullmatch(number) is None:
        raise BadInput("phoneNumber", "Phone number is not valid; write it with the country, like +4915112345678")


def count_segments(text: str) -> int:
    """How many messages a text becomes: 160 characters each, 153 if several; 70 and 67 with any other letter.

    One letter that the phones' alphabet does not have makes all of it UTF-16. Source: 3GPP TS 23.038, 23.040.
    """
    if set(text) <= _GSM_7 | _GSM_7_TWICE:
        places = len(text) + sum(character in _GSM_7_TWICE for character in text)
        return _parts(places, alone=160, of_several=153)
    return _parts(len(text.encode("utf-16-be", "surrogatepass")) // 2, alone=70, of_several=67)


def _parts(places: int, *, alone: int, of_several: int) -> int:
    return 1 if places <= alone else -(-places // of_several)
