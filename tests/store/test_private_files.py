"""What the gateway writes is for its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from channels.email.outgoing import MaildirTransport
from gateway import File
from gateway.support.private import close_folder, open_to_others, private_folder
from gateway.testing import FakeChannel, running


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Files are readable by all unless somebody sees to it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The rights of ``folder`` and of all that is in it."""
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


@pytest.mark.sqlite
async def test_database_and_uploads_are_private(tmp_path: Path) -> None:
    """The database with its write-ahead log, the folders and files of uploads: 0600 and 0700."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("hello")
        await gw.services.files.keep(File(name="a.txt", media_type="text/plain", data=b"secret"))
        folder = gw.gateway.settings.data_dir
        found = modes(folder)
        assert {"warmline.db", "warmline.db-wal", "warmline.db-shm", "files"} <= set(found)
        assert not list(open_to_others(folder))
        for name, mode in found.items():
            assert mode == (0o700 if (folder / name).is_dir() else 0o600), name


@pytest.mark.sqlite
async def test_an_open_database_is_closed(tmp_path: Path) -> None:
    """One that an earlier version left readable loses the rights of others."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        database = gw.gateway.settings.data_dir / "warmline.db"
    database.chmod(0o644)
    async with running(FakeChannel(), tmp_path=tmp_path):
        assert stat.S_IMODE(database.stat().st_mode) == 0o600


async def test_mail_folders_are_private(tmp_path: Path) -> None:
    """The Maildir, its three folders and each mail."""
    mail = EmailMessage()
    mail.set_content("hello")
    await MaildirTransport(tmp_path / "mail").send(
        mail, sender="a@b.example", recipient="c@d.example"
    )
    for name, mode in modes(tmp_path / "mail").items():
        assert mode & 0o077 == 0, name


def test_a_folder_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    """With everything in it, once; later starts look at its own entries only."""
    folder = tmp_path / "var"
    (folder / "files" / "ab").mkdir(parents=True)
    (folder / "files" / "ab" / "x").touch()
    close_folder(folder)
    assert all(mode & 0o077 == 0 for mode in modes(folder).values())
    (folder / "new").touch(mode=0o644)
    close_folder(folder)
    assert all(mode & 0o077 == 0 for mode in modes(folder).values())
    close_folder(tmp_path / "none")


def test_new_parents_are_private(tmp_path: Path) -> None:
    """A folder that existed keeps its rights."""
    (tmp_path / "a").mkdir(mode=0o755)
    private_folder(tmp_path / "a" / "b" / "c")
    assert modes(tmp_path / "a") == {".": 0o755, "b": 0o700, "b/c": 0o700}
