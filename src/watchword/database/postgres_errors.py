"""What an error of PostgreSQL or of its driver means: run again, an outage, or a mistake in the program."""

from enum import Enum, auto

from watchword.errors import ConfigurationError, StorageUnavailable

READ_ONLY = "25006"  # the server we know has become a replica
NOT_ALLOWED = "42501"
NO_PRIMARY = "TargetServerAttributeNotMatched"  # the driver's word for a standby; it has no SQLSTATE
MADE_MEANWHILE = frozenset({"23505", "42P06", "42P07"})  # two processes create the same thing; one of them wins

_RUN_AGAIN = frozenset({"40001", "40P01", "0A000"})  # serialisation, deadlock; 0A000 only as named below
_OUTAGE_CODES = frozenset(
    {READ_ONLY, "25P03", "3D000", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "26000", "42P05"}
)
_OUTAGE_CLASSES = ("08", "28", "53", "58", "F0", "XX")
_REASONS = {
    READ_ONLY: "this PostgreSQL server takes no writes",
    NO_PRIMARY: "no PostgreSQL server takes writes now",
    "26000": "the server forgot a prepared statement; behind PgBouncer add ?pgbouncer=true to the database URL",
    "42P05": "the server mixed up prepared statements; behind PgBouncer add ?pgbouncer=true to the database URL",
    "55P03": "a row stayed locked for too long",
    "57014": "a statement took longer than its limit",
}


class IsStandby(Exception):
    """The server behind a pooler is a standby. It has the code that a write would have met."""

    sqlstate = READ_ONLY


class Meaning(Enum):
    """What to do about an error."""

    RUN_AGAIN = auto()
    CONNECTION_LOST = auto()
    OUTAGE = auto()
    PROGRAMMING = auto()


def meaning_of(error: BaseException, *, connection_is_closed: bool) -> Meaning:
    """Sort an error that came out of the driver."""
    if isinstance(error, TimeoutError):
        return Meaning.OUTAGE  # the server is silent; asking again would make the caller wait as long again
    code = sqlstate_of(error)
    if code == "0A000" and type(error).__name__ != "InvalidCachedStatementError":
        return Meaning.PROGRAMMING  # a feature that does not exist; not a table that changed under a plan
    if code in _RUN_AGAIN:
        return Meaning.RUN_AGAIN
    if code is not None and not code.startswith("08") and code not in ("57P01", "57P02"):
        return Meaning.OUTAGE if code in _OUTAGE_CODES or code.startswith(_OUTAGE_CLASSES) else Meaning.PROGRAMMING
    if connection_is_closed:
        return Meaning.CONNECTION_LOST
    if code is not None or isinstance(error, OSError):
        return Meaning.OUTAGE
    return Meaning.PROGRAMMING


def sqlstate_of(error: BaseException | None) -> str | None:
    """The five characters of SQLSTATE, where the server gave them."""
    code = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else None


def must_leave(error: BaseException | None) -> bool:
    """Whether an error says that the server is a standby by now, or that its answers do not arrive any more."""
    return isinstance(error, TimeoutError) or sqlstate_of(error) == READ_ONLY


def outage(error: BaseException) -> StorageUnavailable:
    """`StorageUnavailable` with its cause, in words that hold no value, no SQL and no password."""
    code = sqlstate_of(error) or type(error).__name__
    reason = _REASONS.get(code, f"PostgreSQL cannot be used now ({code})")
    answer = StorageUnavailable(reason)
    answer.__cause__ = error
    return answer


def not_allowed(error: BaseException) -> ConfigurationError:
    """The sentence for a role without rights (security DB-7). The server's own text names things, never values."""
    return ConfigurationError(
        "database",
        f"PostgreSQL says: {error}. Grant the role usage of the schema, and select, insert, update and delete on our "
        "tables; where it may not create tables, let a role that may run what `watchword db sql` prints",
    )
