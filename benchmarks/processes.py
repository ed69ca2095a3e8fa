"""CPU time and memory of other processes, read from Linux."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU time that a process with all its threads has used, and all that came from it.

    Children that live are read to the nanosecond by their CPU clock, those that ended to a hundredth of a second.
    """
    family = _family_of(pid)
    return sum(_clock_of(member) for member in family) + _of_ended_children(pid)


def resident_bytes(pid: int) -> int:
    """The memory that a process and its children hold."""
    pages = 0
    for member in _family_of(pid):
        try:
            pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
        except OSError:  # it ended meanwhile
            continue
    return pages * _PAGE


def parent_of(pid: int) -> int:
    """The process that started this one."""
    return int(_stat_of(pid)[1])


def _clock_of(pid: int) -> float:
    # The id of a process's CPU clock is made from its pid: `MAKE_PROCESS_CPUCLOCK` of Linux, kind "scheduler".
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _of_ended_children(pid: int) -> float:
    fields = _stat_of(pid)
    return (int(fields[13]) + int(fields[14])) / _TICKS


def _stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the second may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _family_of(pid: int) -> list[int]:
    family = [pid]
    for member in family:  # grows while we walk
        family += _children_of(member)
    return family


def _children_of(pid: int) -> list[int]:
    try:
        lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it, or a thread of it, ended while we looked
        return []
    return [int(child) for children in lists for child in children.split()]
