"""Writes a new folder at once: either all of it is there, or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gateway import WarmlineError


def check_free(folder: Path) -> None:
    """Raise WarmlineError unless ``folder`` may be made: it is not there yet, or it is empty."""
    if folder == Path.cwd():
        raise WarmlineError(
            "`warmline init` makes a folder; name one that is not there yet, such as `my-shop`"
        )
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise WarmlineError(f"{folder} is there already; nothing is overwritten: name another")
    if not folder.parent.is_dir():
        raise WarmlineError(f"there is no folder {folder.parent}; make it first")


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Make ``folder`` with ``files`` (name to text). Raises WarmlineError when it is there already.

    They are written into a hidden folder beside it, which is then renamed: a process that dies
    leaves only that one, and the next one removes it.
    """
    _remove_remains(folder)
    draft = folder.with_name(f".{folder.name}.init-{os.getpid()}")
    draft.mkdir(mode=0o700)
    try:
        for name, text in files.items():
            with (draft / name).open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            (draft / name).chmod(0o600)
        try:
            draft.rename(folder)  # POSIX: replaces an empty folder, and nothing else
        except OSError:
            check_free(folder)
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_remains(folder: Path) -> None:
    """Remove the drafts of processes that died."""
    for draft in folder.parent.glob(f".{folder.name}.init-*"):
        number = draft.name.rpartition("-")[2]
        if number.isdigit() and not _lives(int(number)):
            shutil.rmtree(draft, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
