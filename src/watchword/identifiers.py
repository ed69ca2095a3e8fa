"""Which texts can name something: databases have no NUL, UTF-8 no lone surrogate, an index no room for books."""

from watchword.errors import BadInput, HookFailed

#: Characters of the id of a user, a login method or a session; as the SuperTokens core's columns (CDI 1).
LONGEST_ID = 128
#: Characters of the name of a role or a permission, and of a person's id at a provider (OpenID Connect Core 2).
LONGEST_NAME = 255
#: Characters of the id of a tenant or a provider, which are pieces of paths.
LONGEST_PATH_PIECE = 64
#: Characters of an e-mail address: 64 before the @, 255 behind it.
LONGEST_EMAIL = 320


def check_id(name: str, value: str) -> None:
    """Refuse a text that cannot be an id.

    Raises:
        BadInput: As `check_text`, with `LONGEST_ID`.
    """
    check_text(name, value, LONGEST_ID)


def check_text(name: str, value: str, longest: int) -> None:
    """Refuse what no column of ours could hold.

    Args:
        name: The field, for the sentence.
        value: What was given, whatever its type says.
        longest: Characters at most.

    Raises:
        BadInput: No text, empty, which clients take for none, not storable, or too long; the field is `name`.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
        raise BadInput(name, f"{name} must be a text, and is {type(value).__name__}")
    if not value or not is_storable(value):
        raise BadInput(name, f"{name} must be a text that is not empty, without NUL and lone surrogates")
    if len(value) > longest:
        raise BadInput(name, f"{name} may have at most {longest} characters, and has {len(value)}")


def check_made_id(function: str, value: str) -> None:
    """Refuse an id that a function of the application made, and that cannot be one.

    Raises:
        HookFailed: It names the function.
    """
    try:
        check_id("it", value)
    except BadInput as error:
        raise HookFailed(function, f"made an id that cannot be one: {error.message}") from None


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
