"""A disk that is made of a recording, and what is on it when the power goes."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

Kind = Literal["C", "U", "W", "T", "S", "D"]

SECTOR = 512  # what a disk writes whole, or not at all
_HEAD = struct.Struct("=cIQI")
_HALVES = 0.5


@dataclass(frozen=True, slots=True)
class Record:
    """One call of the recorded process; see `recorder.c`.

    Attributes:
        end: Where the next record begins, which says what was before what.
    """

    kind: Kind
    file: int
    offset: int
    data: bytes = field(repr=False)
    end: int


def read_recording(path: Path) -> Iterator[Record]:
    """The records in the order in which things happened."""
    recording = path.read_bytes()
    at = 0
    while at < len(recording):
        kind, file, offset, length = _HEAD.unpack_from(recording, at)
        data = recording[at + _HEAD.size : at + _HEAD.size + length]
        at += _HEAD.size + length
        yield Record(kind.decode(), file, offset, data, at)


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list[Record])


class Disk:
    """Plays a recording. What was synced stays; of the rest any part may be there when the power goes.

    Names are kept apart from content, as POSIX has it: a file whose folder was not synced may have no name.
    """

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._pending_names: list[Record] = []

    def play(self, record: Record) -> None:
        """One more thing that happened."""
        file = self._files.setdefault(record.file, _File())
        match record.kind:
            case "W" | "T":
                file.pending.append(record)
            case "S":
                for change in file.pending:
                    _apply(file.durable, change)
                file.pending.clear()
            case "C" | "U":
                self._pending_names.append(record)
            case "D":
                for change in self._pending_names:
                    _rename(self._names, change)
                self._pending_names.clear()

    def write_to(self, folder: Path, random: Random, share: float) -> None:
        """Leave in a folder what a machine finds that lost its power now.

        Args:
            folder: An empty one.
            random: Decides what of that which was not synced is there.
            share: How likely each part is: 0 for nothing of it, 1 for all of it.
        """
        names = dict(self._names)
        for change in self._pending_names:
            if random.random() < share:
                _rename(names, change)
        for name, number in names.items():
            file = self._files[number]
            content = bytearray(file.durable)
            for change in file.pending:
                for part in _parts(change, random, share):
                    _apply(content, part)
            (folder / name).write_bytes(content)


def _parts(change: Record, random: Random, share: float) -> Iterator[Record]:
    """What of an unsynced change is there: all, nothing, or some of its sectors."""
    if random.random() < _HALVES or change.kind == "T" or share in (0, 1):
        if random.random() < share:
            yield change
        return
    start, end = change.offset, change.offset + len(change.data)
    while start < end:
        stop = min(start - start % SECTOR + SECTOR, end)
        if random.random() < share:
            part = change.data[start - change.offset : stop - change.offset]
            yield Record("W", change.file, start, part, change.end)
        start = stop


def _apply(content: bytearray, change: Record) -> None:
    end = change.offset + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if change.kind == "T":
        del content[change.offset :]
    content[change.offset : end] = change.data


def _rename(names: dict[str, int], change: Record) -> None:
    name = change.data.decode()
    if change.kind == "C":
        names[name] = change.file
    elif names.get(name) == change.file:
        del names[name]
