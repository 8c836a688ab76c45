"""The key file: made once, made anew only where nothing can be lost, named when it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.webchat.tokens import lasting_secret
from gateway import WarmlineError


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The next start finds the same one."""
    file = tmp_path / "webchat.key"
    secret = lasting_secret(file)
    assert len(secret) == 64
    assert lasting_secret(file) == secret
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n"])
def test_an_empty_key_is_made_anew(content: bytes, tmp_path: Path) -> None:
    """No session can rest on it: with an empty key everybody could sign one."""
    file = tmp_path / "webchat.key"
    file.write_bytes(content)
    secret = lasting_secret(file)
    assert len(secret) == 64
    assert lasting_secret(file) == secret


@pytest.mark.parametrize("content", [b"cut-off", b"\xff\xfe" * 40], ids=["short", "no text"])
def test_a_broken_key_is_named_and_kept(content: bytes, tmp_path: Path) -> None:
    """A new one would end all sessions, so a person decides."""
    file = tmp_path / "webchat.key"
    file.write_bytes(content)
    with pytest.raises(WarmlineError, match=r"webchat\.key.*restore it from a backup"):
        lasting_secret(file)
    assert file.read_bytes() == content


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As when a folder has its name."""
    (tmp_path / "webchat.key").mkdir()
    with pytest.raises(WarmlineError, match=r"cannot read the key .*webchat\.key"):
        lasting_secret(tmp_path / "webchat.key")
