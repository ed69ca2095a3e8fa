"""Counting the commits of an SQLite database: each leaves a mark in its write-ahead log."""

import struct
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")


def count_commits(database: Path) -> tuple[bytes, int]:
    """What names the current log, and how many commits are in it.

    The log begins anew now and then; two counts may be compared only when the names are equal.
    Source: "The WAL File Format" in SQLite's documentation: frame headers hold the size of the database for commits,
    else 0, and repeat the salt of the log they belong to.
    """
    log = database.with_name(database.name + "-wal").read_bytes()
    if len(log) < _HEADER.size:
        return b"", 0
    page_size, salt = _HEADER.unpack_from(log)[2], log[16:24]
    commits = 0
    for place in range(_HEADER.size, len(log) - _FRAME.size + 1, _FRAME.size + page_size):
        if log[place + 8 : place + 16] != salt:  # left over from before the log began anew
            break
        commits += _FRAME.unpack_from(log, place)[1] > 0
    return salt, commits
