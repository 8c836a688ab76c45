"""Mailboxes on disk as one list of mails: mbox files, Maildirs, single mails."""

from __future__ import annotations

import mailbox
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gateway import WarmlineError
from plugins.history.importing.archives import open_bounded
from plugins.history.importing.mailboxes.mbox import MOST_MAILS, MboxFile, is_mbox

MOST_FILES = 100_000
"""Single files of a folder that is no Maildir."""
SPAM_FOLDERS = frozenset({"junk", "spam", "bulk mail", "junk e-mail", "junk email"})
OTHER_FOLDERS = frozenset(
    {
        *("trash", "deleted items", "deleted messages", "drafts", "papierkorb", "entwürfe"),
        *("corbeille", "brouillons", "papelera", "borradores"),
    }
)
"""Folders whose mails are nobody's conversation."""
_BOX_SUFFIXES = (".mbox", ".mbx", "")


class Box(Protocol):
    """Some mails, by their number."""

    @property
    def name(self) -> str: ...
    def scan(self) -> Iterator[int]: ...
    def size(self, number: int) -> int: ...
    def read(self, number: int, most: int) -> tuple[bytes, datetime | None]: ...
    def place(self, number: int) -> str: ...
    def close(self) -> None: ...


class FileMails:
    """Mails that are a file each: of a Maildir, or ``.eml``."""

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        self._paths, self.name = paths, name

    def scan(self) -> Iterator[int]:
        return iter(range(len(self._paths)))

    def size(self, number: int) -> int:
        try:
            return self._paths[number].stat().st_size
        except OSError:
            return 0

    def read(self, number: int, most: int) -> tuple[bytes, datetime | None]:
        path = self._paths[number]
        try:
            with path.open("rb") as file:
                raw = file.read(most)
            return raw, datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            return b"", None

    def place(self, number: int) -> str:
        return str(self._paths[number])

    def close(self) -> None:
        """Nothing stays open."""


class DiskMails:
    """All mails of some boxes, numbered through."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self._box, self._number = array("i"), array("i")

    def __len__(self) -> int:
        return len(self._box)

    def scan(self) -> Iterator[int]:
        """The number of each mail; those of all boxes in turn."""
        for index, box in enumerate(self.boxes):
            for number in box.scan():
                if len(self._box) >= MOST_MAILS:
                    raise WarmlineError(
                        f"there are more than {MOST_MAILS:,} mails; import folder by folder"
                    )
                self._box.append(index)
                self._number.append(number)
                yield len(self._box) - 1

    def size(self, mail: int) -> int:
        return self.boxes[self._box[mail]].size(self._number[mail])

    def read(self, mail: int, most: int) -> tuple[bytes, datetime | None]:
        return self.boxes[self._box[mail]].read(self._number[mail], most)

    def place(self, mail: int) -> str:
        return self.boxes[self._box[mail]].place(self._number[mail])

    def close(self) -> None:
        for box in self.boxes:
            box.close()


def is_maildir(path: Path) -> bool:
    return (path / "cur").is_dir() and (path / "new").is_dir()


def find_boxes(path: Path) -> list[Box]:
    """The mailboxes at ``path``: a file, a Maildir, or a folder with any of these within. Folders
    of spam, drafts and deleted mails are left out. Raises WarmlineError when there is none."""
    if path.is_file():
        return [_file_box(path)]
    if is_maildir(path):
        return _maildirs(path)
    boxes: list[Box] = []
    singles: list[Path] = []
    for found in _within(path):
        if found.is_dir():
            boxes += _maildirs(found) if is_maildir(found) else []
        elif found.suffix.lower() == ".eml":
            singles.append(found)
        elif found.suffix.lower() in _BOX_SUFFIXES and is_mbox(found):
            boxes.append(_file_box(found))
    if singles:
        boxes.append(FileMails(singles, str(path)))
    if not boxes:
        raise WarmlineError(
            f"{path} has no mailbox: neither a Maildir (with cur/ and new/) nor an mbox file nor "
            ".eml files"
        )
    return boxes


def _within(path: Path) -> Iterator[Path]:
    """What is in the folder ``path``, but for folders that are left out, and parts of Maildirs."""
    for number, found in enumerate(sorted(path.rglob("*"))):
        if number > MOST_FILES:
            raise WarmlineError(f"{path} has more than {MOST_FILES:,} files; name a folder of it")
        above = [parent for parent in found.parents if parent.is_relative_to(path)]
        left_out = any(map(_is_left_out, found.relative_to(path).parts))
        if not left_out and not found.is_symlink() and not any(map(is_maildir, above)):
            yield found


def _maildirs(path: Path) -> list[Box]:
    """A Maildir with its subfolders (Maildir++)."""
    # `factory` None: no mail is parsed by the library.
    box = mailbox.Maildir(path, factory=None, create=False)
    folders: list[tuple[str, mailbox.Maildir]] = [(path.name, box)]
    folders += [(name, box.get_folder(name)) for name in box.list_folders()]
    found: list[Box] = []
    for name, folder in folders:
        if _is_left_out(name):
            continue
        base = Path(str(folder._path))  # noqa: SLF001  (not public)
        files = [p for sub in ("cur", "new") for p in (base / sub).iterdir() if p.is_file()]
        if len(files) > MOST_MAILS:
            raise WarmlineError(f"{base} has more than {MOST_MAILS:,} mails; split it")
        found.append(FileMails(sorted(files), name))
    return found


def _file_box(path: Path) -> Box:
    if path.suffix.lower() == ".eml":
        return FileMails([path], path.name)
    return MboxFile(open_bounded(path), path.name)


def _is_left_out(name: str) -> bool:
    plain = name.rpartition(".")[2] if name.startswith(".") else name
    bare = plain.lower().removesuffix(".mbox").replace("inbox.", "")
    return bare in OTHER_FOLDERS or bare in SPAM_FOLDERS
