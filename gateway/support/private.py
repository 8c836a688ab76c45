"""Files and folders that only their owner may read: 0600 and 0700."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The rights of the group and of everyone else."""
SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite writes beside a database; it gives them the database's rights when it makes them."""


def private_folder(folder: Path) -> Path:
    """Make ``folder`` and the missing ones above it, for their owner alone; return it. A folder
    that exists keeps its rights."""
    missing = [folder, *folder.parents]
    missing = [each for each in missing if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    return folder


def private_database(file: Path) -> None:
    """Make the SQLite database ``file`` if it is missing, and take the rights of others from it
    and from what lies beside it."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
    except OSError:  # it exists, or SQLite says what is wrong
        for path in (file, *(file.with_name(file.name + suffix) for suffix in SIDE_FILES)):
            close_to_others(path)


def close_to_others(path: Path) -> None:
    """Take the rights of others from ``path``, if it exists and is ours: files of another owner,
    such as a mounted volume, are the administrator's business, and the check names them."""
    try:
        found = path.stat()
        if found.st_mode & OTHERS and found.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except FileNotFoundError:
        return


def close_folder(folder: Path) -> None:
    """Take the rights of others from ``folder`` and what is in it, which earlier versions left
    open.

    Below a folder that was closed before, only its own entries are looked at, so that a start does
    not read the names of all files.
    """
    was_open = folder.exists() and folder.stat().st_mode & OTHERS
    close_to_others(folder)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            close_to_others(Path(path, name))
        if not was_open or folder.stat().st_mode & OTHERS:
            break


def open_to_others(path: Path) -> Iterator[tuple[Path, int]]:
    """``path`` and, of a folder, what is in it, as far as others may read or write it, each with
    its rights.

    Below a folder that is closed to others nothing is reachable for them, so nothing there is
    named. What a running server deletes meanwhile is left out.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not mode & OTHERS:
        return
    yield path, stat.S_IMODE(mode)
    if stat.S_ISDIR(mode):
        for each in sorted(path.iterdir()):
            if not each.is_symlink():
                yield from open_to_others(each)
