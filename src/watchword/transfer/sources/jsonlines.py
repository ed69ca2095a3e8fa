"""Files of JSON, one user a line, in the form of `records.py`; and what other files of JSON share."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec

from watchword.transfer.errors import RecordRefused, SourceUnreadable
from watchword.transfer.records import read_record
from watchword.transfer.run import Brought
from watchword.transfer.sources.reading import record_or_refusal

MAX_LINE_BYTES = 1_048_576


async def read_users(path: Path, *, user_names: bool = False) -> AsyncIterator[Brought]:
    """Each line as a user, or as the reason why it is none; see `read_record`. Raises `SourceUnreadable`."""
    for place, value in read_lines(path):
        if isinstance(value, RecordRefused):
            yield Brought(place, value)
            continue
        yield Brought(place, record_or_refusal(partial(read_record, value, user_names=user_names)))


def read_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Place and JSON value of each line that is not empty, or why it has none.

    Raises:
        SourceUnreadable: There is no such file, or it is of another encoding than UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield f"line {number}", _decode(text)
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}") from error


def _decode(line: bytes) -> Any:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceUnreadable("the file is UTF-16; save it as UTF-8")
    if len(line) > MAX_LINE_BYTES:
        return RecordRefused("the line", f"has more than {MAX_LINE_BYTES} bytes")
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        where = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "is not valid JSON"
        return RecordRefused("the line", where)


def read_document(path: Path, member: str) -> list[Any]:
    """The list under one member of a file that is one JSON object.

    Raises:
        SourceUnreadable: There is no such file, or nothing of the kind in it.
    """
    try:
        document: Any = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{path} is not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get(member), list):  # pyright: ignore[reportUnknownMemberType] - JSON
        raise SourceUnreadable(f"{path} has no list under {member!r}")
    return cast("list[Any]", document[member])
