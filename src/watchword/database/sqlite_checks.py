"""Where an SQLite file may lie: looked at before it is opened, so that the refusal is a sentence."""

import os
from pathlib import Path

from watchword.errors import ConfigurationError

# SQLite's locks and its shared memory do not hold across machines (security SC-9).
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "fuse.glusterfs", "lustre"}
    | {"gpfs", "beegfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph"}
)
MOUNTS = Path("/proc/self/mountinfo")


def check_place(path: Path) -> None:
    """Refuse a place where a database cannot live.

    Raises:
        ConfigurationError: No such folder, not writable, not a file, or on a network file system (as far
            as the operating system tells: Linux only).
    """
    folder = path.parent
    if not folder.is_dir():
        raise ConfigurationError("database", f"the folder {folder} does not exist; create it, or set another file")
    if path.exists() and not path.is_file():
        raise ConfigurationError("database", f"{path} is not a file; set the path of a file")
    for place, what in ((path, "file"), (folder, "folder")):
        if place.exists() and not os.access(place, os.W_OK):
            raise ConfigurationError(
                "database", f"the {what} {place} cannot be written by this user; change its rights, or set another"
            )
    kind = file_system_of(path, MOUNTS.read_text() if MOUNTS.exists() else "")
    if kind in _NETWORK_FILE_SYSTEMS:
        raise ConfigurationError(
            "database", f"{path} lies on a network file system ({kind}); use a local disk, or PostgreSQL"
        )


def file_system_of(path: Path, mounts: str) -> str:
    """The kind of file system that holds a path, by the text of Linux's `mountinfo`; empty when unknown."""
    best, kind = "", ""
    resolved = path.resolve()
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].replace("\\040", " ")
        if len(point) >= len(best) and resolved.is_relative_to(point):  # a later mount hides an earlier one
            best, kind = point, right.split(" ")[0]
    return kind


def create_for_owner_only(path: Path) -> None:
    """Make an empty file that only its owner may read: it will hold addresses and password hashes."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError("database", f"{path} cannot be created: {error.strerror}; set another file") from error
