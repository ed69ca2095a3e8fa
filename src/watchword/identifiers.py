"""Which texts can name a user or a session: databases have no NUL, UTF-8 no lone surrogate."""

from watchword.errors import BadInput


def check_id(name: str, value: str) -> None:
    """Refuse a text that cannot be an id.

    Raises:
        BadInput: Empty, which clients take for none, or not storable; the field is `name`.
    """
    if not value or not is_storable(value):
        raise BadInput(name, f"{name} must be a text that is not empty, without NUL and lone surrogates")


def is_storable(value: str) -> bool:
    """Whether a database could hold this text. Asked before a look-up: what cannot be there is not there.

    Handles and user ids reach us from outside through pages of the application, and PostgreSQL answers
    such a text with an error where SQLite finds nothing.
    """
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
