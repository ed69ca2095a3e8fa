"""What the sources share: rows of one user together, times, addresses, and no user who ends the import."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from watchword.database.foreign import ForeignDatabase
from watchword.transfer.errors import RecordRefused, SourceUnreadable
from watchword.transfer.records import UserRecord, read_address

Rows = list[dict[str, Any]]


async def users_of(db: ForeignDatabase, sql: str, key: str) -> AsyncGenerator[Rows]:
    """The rows of each user together.

    Args:
        db: The other application's.
        sql: A query whose rows are ordered by `key`.
        key: The column that names the user.
    """
    of_one: Rows = []
    async with aclosing(db.rows(sql)) as rows:
        async for row in rows:
            if of_one and of_one[0][key] != row[key]:
                yield of_one
                of_one = []
            of_one.append(row)
    if of_one:
        yield of_one


async def require_table(db: ForeignDatabase, table: str, option: str) -> None:
    """Raises `SourceUnreadable` where there is no such table; `option` is how another is named."""
    if not await db.has_table(table):
        raise SourceUnreadable(f"there is no table {table}, or it cannot be read; name it with {option}")


def record_or_refusal(read: Callable[[], UserRecord]) -> UserRecord | RecordRefused:
    """The user that `read` makes of what the other system wrote, or why it cannot."""
    try:
        return read()
    except RecordRefused as refusal:
        return refusal
    except (AttributeError, KeyError, TypeError, ValueError):  # a list for a text, and whatever else JSON can be
        return RecordRefused("the user", "is not of the form that this system writes")


def milliseconds(value: Any) -> int:
    """A time of a driver, or its ISO 8601 text, in milliseconds since 1970; times without a zone are UTC. 0: none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if not isinstance(value, datetime):
        return 0
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return max(0, int(zoned.timestamp() * 1000))


def find_address(place: str, text: Any, *, user_names: bool = False) -> str | None:
    """As `read_address`, or `None` for none. Raises `RecordRefused`."""
    if not isinstance(text, str) or not text.strip():
        return None
    return read_address(place, text, user_names=user_names)
