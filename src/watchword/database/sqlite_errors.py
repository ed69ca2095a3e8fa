"""Which errors of SQLite are an outage of the storage and not a mistake in the program."""

import sqlite3
from typing import NoReturn

from watchword.errors import StorageUnavailable

BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OUTAGES = BUSY_CODES | {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


class DatabaseLocked(StorageUnavailable):
    """Another process kept the file locked until the caller's time was up."""

    def __init__(self) -> None:
        super().__init__("another process kept the database locked for too long")


def primary_code(error: sqlite3.Error) -> int | None:
    """The primary result code, or `None` where the error is of Python's module itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def outage_of(error: BaseException, *, committing: bool = False) -> BaseException:
    """`StorageUnavailable` with its cause where the storage failed; else the error as it is.

    Args:
        committing: The commit failed, so that any error of SQLite is an outage.
    """
    if not isinstance(error, sqlite3.Error):
        return error
    code = primary_code(error)
    if not committing and code not in _OUTAGES:
        return error
    if code in BUSY_CODES:
        outage: StorageUnavailable = DatabaseLocked()
    else:
        outage = StorageUnavailable(f"the database cannot be used now: {error}")
    outage.__cause__ = error
    return outage


def raise_for(error: sqlite3.Error) -> NoReturn:
    """Raise `outage_of(error)`."""
    answer = outage_of(error)
    if answer is error:
        raise error
    raise answer from error
