"""How a server starts: one server per database, limits, and failures in words."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from gateway import WarmlineError
from gateway.cli.main import main
from gateway.cli.serve import raise_open_files_limit, serving_lock
from gateway.settings import CoreSettings, Settings


def settings(data_dir: Path, database: Path | None = None) -> Settings:
    data_dir.mkdir(exist_ok=True)
    url = f"sqlite:///{database}" if database else None
    core = CoreSettings(data_dir=data_dir, database_url=url)
    return Settings(core, {}, base=data_dir)


def refuse(chosen: Settings, words: str) -> None:
    """The lock is refused with these words."""
    with pytest.raises(WarmlineError, match=words), serving_lock(chosen):
        pass


@pytest.mark.parametrize("path", ["shared/w.db", "link/w.db", "shared/../shared/w.db"])
def test_two_servers_on_one_file_are_refused_wherever_it_lies(tmp_path: Path, path: str) -> None:
    """Each has a data folder of its own, and reaches the file by another path."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    first = settings(tmp_path / "a", tmp_path / "shared" / "w.db")
    second = settings(tmp_path / "b", tmp_path / path)
    with serving_lock(first):
        refuse(second, "another `warmline serve` uses the database")
    with serving_lock(second):
        pass


def test_a_server_whose_file_lies_in_anothers_folder_is_refused(tmp_path: Path) -> None:
    """The other one uses the folder's default file."""
    first = settings(tmp_path / "a")
    second = settings(tmp_path / "b", tmp_path / "a" / "warmline.db")
    with serving_lock(first):
        refuse(second, "another `warmline serve` uses the database")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The message says which setting to correct."""
    refuse(settings(tmp_path / "a", tmp_path / "nowhere" / "w.db"), "there is no folder")


def test_the_limit_of_open_files_is_raised() -> None:
    """To the hard limit, at most to what a server can use."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        raise_open_files_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft == min(65_536, hard) or hard == resource.RLIM_INFINITY
        assert soft > 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_refusal_of_the_system_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path, the reason, and what to do; no traceback."""
    (tmp_path / "file").write_text("", "utf-8")
    (tmp_path / "warmline.yaml").write_text(
        f"data_dir: {tmp_path / 'file' / 'var'}\nbrand_voice: {{}}\nchannels: {{rest: {{}}}}\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["warmline"])
    with pytest.raises(SystemExit) as left:
        main(["serve", "--port", "0"])
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said
    assert "Traceback" not in said
