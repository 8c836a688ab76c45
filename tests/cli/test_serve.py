"""The event loop of ``warmline serve``."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.cli.serve import new_event_loop

UVLOOP = "import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass\nnew_event_loop = Loop\n"


def test_uvloop_is_used_if_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `fast` installs it."""
    (tmp_path / "uvloop.py").write_text(UVLOOP, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    loop = new_event_loop()
    loop.close()
    assert type(loop).__module__ == "uvloop"
    monkeypatch.delitem(sys.modules, "uvloop")


@pytest.mark.skipif(find_spec("uvloop") is not None, reason="uvloop is installed here")
def test_pythons_own_loop_is_used_without_uvloop() -> None:
    """The server needs no extra."""
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, asyncio.SelectorEventLoop)
