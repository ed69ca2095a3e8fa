"""A mail as data: what is to be sent, and what it looks like once it is rendered."""

import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import ClassVar

from watchword.delivery.message import Message
from watchword.errors import BadInput
from watchword.identifiers import LONGEST_EMAIL

_NOT_IN_AN_ADDRESS = frozenset(',;:<>()[]"\\')


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail(Message):
    """One mail to one person, before rendering: exactly one address in normal form, and `link` among the values.

    Raises:
        BadInput: `to` could be read as something other than one address (security TK-5).
    """

    channel: ClassVar[str] = "mail"

    def __post_init__(self) -> None:
        check_one_address(self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """A mail as the person will read it.

    Attributes:
        to: Exactly one address.
        subject: One line.
        text: The plain text.
        html: The same as HTML, or `None` for a mail in plain text only.
        mail_id: The `id` of the mail; it becomes the `Message-ID`.
        kind: The `kind` of the mail.
    """

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    mail_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    kind: str = ""


def check_one_address(address: str) -> None:
    """Refuse what a mail system could read as several addresses, a name, a comment or a header.

    The last line of defence: whoever stores an address has checked it by the whole grammar before.

    Raises:
        BadInput: It is not one plain address (security TK-5, ML-1).
    """
    local, _, domain = address.rpartition("@")
    if (
        not local
        or not domain
        or "@" in local
        or "=?" in address
        or len(address) > LONGEST_EMAIL
        or any(unicodedata.category(character)[0] in "CZ" for character in address)
        or not _NOT_IN_AN_ADDRESS.isdisjoint(unicodedata.normalize("NFKC", address))
    ):
        raise BadInput("email", "Email is not valid")
