"""A disk of a few megabytes that can be filled up, without rights and without a trace on the machine.

A process in a mount namespace of its own mounts a file system in memory that nobody else sees; others reach it by
way of `/proc`. It is gone with that process, whatever happens. Linux lets every user do this, unless a container or
an administrator forbids it.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o "size=$1,mode=777" none "$0" && '
_WAIT = "echo ready && read word"
_AS_USER = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT + _WAIT]
# Only a process of the same user may look at a file system by way of another: so root becomes `nobody` then.
_AS_NOBODY = "exec setpriv --reuid nobody --regid nogroup --clear-groups sh -c"
_AS_ROOT = ["unshare", "--mount", "sh", "-c", f"{_MOUNT}{_AS_NOBODY} '{_WAIT}'"]


class SmallDisk:
    """A file system with little room.

    Attributes:
        folder: Its root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Use up all the room that is left."""
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(65_536))

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink(missing_ok=True)


@contextmanager
def small_disk(size: str) -> Iterator[SmallDisk]:
    """A disk of this size, such as `160m`; writable for whoever runs the tests, or `nobody` where that is root.

    Raises:
        AssertionError: This machine forbids it.
    """
    with tempfile.TemporaryDirectory(prefix="watchword-disk-") as folder:
        Path(folder).chmod(0o755)
        command = [*(_AS_USER if os.geteuid() else _AS_ROOT), folder, size]
        holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline() != "ready\n":
                raise AssertionError(f"no file system can be mounted here: {holder.stderr.read().strip()}")
            yield SmallDisk(Path(f"/proc/{holder.pid}/root{folder}"))
        finally:
            holder.kill()
            holder.communicate()
