"""What ``warmline serve`` runs on."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.cli.serve import new_event_loop

UVLOOP = "import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass\nnew_event_loop = Loop\n"


def test_the_extra_fast_is_used_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop's loop, for whoever installed it."""
    (tmp_path / "uvloop.py").write_text(UVLOOP, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    loop = new_event_loop()
    loop.close()
    assert type(loop).__module__ == "uvloop"
    monkeypatch.delitem(sys.modules, "uvloop")


@pytest.mark.skipif(find_spec("uvloop") is not None, reason="uvloop is installed here")
def test_python_has_a_loop_of_its_own() -> None:
    """Nothing more is needed."""
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, asyncio.SelectorEventLoop)
