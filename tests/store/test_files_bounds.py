"""Stored files are bounded, and none is swept between its upload and its message."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway import File, NotAccepted, NotFound
from gateway.adapters.files import DiskFiles

DAY = 86_400.0


def file(text: str) -> File:
    return File(name="x.txt", media_type="text/plain", data=text.encode())


async def test_a_file_that_is_uploaded_again_is_as_new(tmp_path: Path) -> None:
    """The old copy may be named by nobody: a sweep must not take the new one with it."""
    files = DiskFiles(tmp_path, most=1000)
    kept = await files.keep(file("the same photo"))
    path = tmp_path / kept.digest[:2] / kept.digest
    old = time.time() - 10 * DAY
    os.utime(path, (old, old))
    limit = time.time() - DAY
    assert [d async for folder in files.older_than(limit) for d in folder] == [kept.digest]
    await files.keep(file("the same photo"))
    await files.forget((kept.digest,), before=limit)
    assert await files.open(kept.digest) == b"the same photo"
    await files.forget((kept.digest,))
    with pytest.raises(NotFound):
        await files.open(kept.digest)


async def test_the_quota_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """What is there already counts, also from before the start; deleted files make room."""
    await DiskFiles(tmp_path, most=1000).keep(file("a" * 600))
    files = DiskFiles(tmp_path, most=1000, quota=1000)
    assert await files.trouble() is None
    with pytest.raises(NotAccepted, match="no room"):
        await files.keep(file("b" * 600))
    assert "limits.files" in str(await files.trouble())
    first = hashlib.sha256(b"a" * 600).hexdigest()
    await files.keep(file("a" * 600))  # it is there already
    await files.forget((first,))
    await files.keep(file("b" * 600))


async def test_what_another_process_deletes_makes_room(tmp_path: Path) -> None:
    """Such as `warmline customer erase`: the server's own count is out of date then."""
    files = DiskFiles(tmp_path, most=1000, quota=1000)
    kept = await files.keep(file("a" * 600))
    await DiskFiles(tmp_path, most=1000).forget((kept.digest,))
    await files.keep(file("b" * 600))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_disk_that_fills_up_refuses_the_file_and_keeps_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`limits.disk` may be 0, and others write to the same disk."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotAccepted, match="no room"):
        await DiskFiles(tmp_path, most=1000).keep(file("a" * 600))
    assert files_in(tmp_path) == []


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


async def test_a_nearly_full_disk_refuses_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is for the database."""
    files = DiskFiles(tmp_path, most=1000, least_disk=5_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**6, 10**6, 5_500))
    await files.keep(file("a" * 400))
    with pytest.raises(NotAccepted, match="no room"):
        await files.keep(file("b" * 600))


async def test_a_damaged_file_is_not_found(tmp_path: Path) -> None:
    """Other bytes than were stored are never shown as the customer's file."""
    files = DiskFiles(tmp_path, most=1000)
    kept = await files.keep(file("the photo"))
    (tmp_path / kept.digest[:2] / kept.digest).write_bytes(b"something else")
    with pytest.raises(NotFound, match="damaged"):
        await files.open(kept.digest)
