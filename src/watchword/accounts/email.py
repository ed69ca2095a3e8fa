"""E-mail addresses: the normal form they are stored and compared in, and which ones are accepted."""

import unicodedata
from functools import lru_cache

from watchword.errors import BadInput
from watchword.identifiers import LONGEST_EMAIL

INVALID_EMAIL = "Email is not valid"  # the contract's sentence (FDI 3.3)

FAKE_EMAIL_DOMAIN = "stfakeemail.supertokens.com"

_MAX_TYPED_CHARACTERS = 2 * LONGEST_EMAIL  # before composing: an accent may come as a character of its own
_LIST_AND_COMMENT_CHARACTERS = frozenset('@,;:<>()[]"\\')


def normalise_email(address: str) -> str:
    """The form in which addresses are stored and compared, as bytes: one address, one spelling.

    Blanks around are cut, the rest is NFC and lower case, and the domain is in its Unicode form, with
    the dots and widths of other scripts folded. The form of a normal form is itself. Nothing is folded
    that mail servers may tell apart (dots and tags before the @, compatibility characters).

    An application with an e-mail validator of its own may use this field for something else, such as
    user names; they are normalised the same way, and still may not hold what could split an address
    into two or hide in it.

    Raises:
        BadInput: Empty, over 320 characters (640 as typed), or with a character that no address may hold.

    Source: security TK-5, DB-6; FDI 15, 30.
    """
    # Before anything else: Unicode's composing takes time that grows with the square of the length, and
    # 30 000 accents in a row would hold the event loop for seconds.
    address = address.strip()
    if len(address) > _MAX_TYPED_CHARACTERS:
        raise BadInput("email", INVALID_EMAIL)
    normal = _normal_form(address)
    if normal is None:
        raise BadInput("email", INVALID_EMAIL)
    return normal


def verify_email(address: str, *, special_use: bool = False) -> str:
    """Check that a text is exactly one e-mail address, by a strict grammar and without the network.

    Args:
        address: As it was typed.
        special_use: Whether names that no mail server on the internet has (`.test`, `.local`,
            `.localhost`) are accepted: right for an application that runs on the developer's machine.

    Returns:
        The address in normal form.

    Raises:
        BadInput: It is not one; lists, comments, quotes, display names, encoded words and bracketed
            addresses are not, nor is a domain without a dot.

    Source: security TK-5; FDI 3.3.
    """
    parsed = _parse(normalise_email(address), special_use=special_use)
    if parsed is None:
        raise BadInput("email", INVALID_EMAIL)
    return parsed


def is_fake_email(email: str) -> bool:
    """Whether this address, in normal form, was made up for somebody without one (FDI 8.2, 8.3)."""
    return email.endswith(("@" + FAKE_EMAIL_DOMAIN, ".fakeemail.com"))


def _plain_form(address: str) -> str:
    # Lower case can leave NFC (a dotted capital I becomes two characters), so it is restored.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address.strip()).lower())


@lru_cache(maxsize=256)  # a sign-in asks five times about its one address, at 40 µs
def _normal_form(address: str) -> str | None:
    """The normal form of what is short enough; `None` for what may not even be a user name."""
    plain = _plain_form(address)
    if not plain or len(plain) > LONGEST_EMAIL or any(_is_unsafe(character) for character in plain):
        return None
    return _parse(plain, special_use=True) or plain


def _is_unsafe(character: str) -> bool:
    # Control, format, unpaired surrogate, unassigned; every kind of blank; and what joins several addresses.
    return unicodedata.category(character)[0] in "CZ" or character in ",;<>"


@lru_cache(maxsize=256)  # by a tenth of a millisecond dearer than all around it
def _parse(plain: str, *, special_use: bool) -> str | None:
    """The normal form of an address in plain form; `None` when it is not an address."""
    # Imported at first use: it costs 23 ms, and an application without passwords never needs it.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see above

    # The library has no switch for all special-use names. Under a name that may be used, what is
    # checked and normalised is the same grammar.
    shelter = ".example" if special_use else ""
    try:
        found = validate_email(plain + shelter, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    address = _plain_form(found.normalized.removesuffix(shelter))
    local, _, domain = address.rpartition("@")
    if "." not in domain or domain[-1].isdigit() or _looks_like_a_header(local):  # an address in digits has no name
        return None
    return address


def _looks_like_a_header(local: str) -> bool:
    # Encoded words (RFC 2047), and look-alikes of the characters that structure a mail header: a mail
    # system that folds compatibility characters would read a fullwidth comma as the start of a second address.
    return "=?" in local or not _LIST_AND_COMMENT_CHARACTERS.isdisjoint(unicodedata.normalize("NFKC", local))
