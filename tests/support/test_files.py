"""Files that change while the gateway runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway import BadConfig, FileWatcher, Problem, ReloadedFiles, yaml_files


def put(file: Path, text: str) -> None:
    """Write ``text`` with a time of change later than any before."""
    later = file.stat().st_mtime_ns + 1_000_000_000 if file.exists() else None
    file.write_text(text, "utf-8")
    if later:
        os.utime(file, ns=(later, later))


def join(files: Sequence[Path]) -> str:
    """The files' texts joined; one that says `wrong` has a mistake."""
    text = "".join(file.read_text("utf-8") for file in files)
    if "wrong" in text:
        raise BadConfig([Problem(file=str(files[0]), line=3, key="a", message="is wrong")])
    return text


def test_a_folder_stands_for_its_yaml_files(tmp_path: Path) -> None:
    """Those below it too; a file is itself, even when it is missing."""
    (tmp_path / "below").mkdir()
    for name in ("b.yml", "below/a.yaml", "notes.md"):
        (tmp_path / name).touch()
    missing = tmp_path / "missing.yaml"
    found = [tmp_path / "b.yml", tmp_path / "below" / "a.yaml", missing]
    assert yaml_files([tmp_path, missing]) == found


def test_a_change_is_noticed_once(tmp_path: Path) -> None:
    """A file changed, added to the folder, or removed."""
    file, more = tmp_path / "a.yml", tmp_path / "b.yml"
    put(file, "one")
    watcher = FileWatcher([tmp_path])
    assert not watcher.changed()
    put(file, "two")
    assert [watcher.changed(), watcher.changed()] == [True, False]
    put(more, "three")
    assert [watcher.changed(), watcher.changed()] == [True, False]
    more.unlink()
    assert [watcher.changed(), watcher.changed()] == [True, False]


async def test_changed_files_are_loaded_again(tmp_path: Path) -> None:
    """Files that changed and say the same are no new value."""
    file = tmp_path / "a.yml"
    put(file, "one")
    files = ReloadedFiles([file], join, name="test")
    assert await files.current() == "one"
    put(file, "two")
    assert await files.current() == "two"
    put(file, "two")
    assert not files.refresh()


async def test_a_mistake_leaves_the_old_value(tmp_path: Path) -> None:
    """Until it is corrected; at the start it is an error."""
    file = tmp_path / "a.yml"
    put(file, "one")
    files = ReloadedFiles([file], join, name="test")
    put(file, "wrong")
    assert await files.current() == "one"
    with pytest.raises(BadConfig):
        ReloadedFiles([file], join, name="test")
    put(file, "right")
    assert await files.current() == "right"


async def test_files_are_looked_at_now_and_then(tmp_path: Path) -> None:
    """Between two looks the value stays as it is."""
    file = tmp_path / "a.yml"
    put(file, "one")
    files = ReloadedFiles([file], join, name="test", every=3600.0)
    put(file, "two")
    assert await files.current() == "one"
    assert files.refresh()
    assert await files.current() == "two"
