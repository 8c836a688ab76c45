"""The packaged voice, compiled once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from brand_voice import GuidedVoice, load
from gateway import Rendered, Reply, Voice

from .builders import occasion, reply


@pytest.fixture(scope="session")
def voice() -> Voice:
    return GuidedVoice(load(None))


@pytest.fixture
def say(voice: Voice) -> Callable[..., Rendered]:
    """Render a reply (or plain words) on an occasion given by keywords."""

    def said(words: Reply | str, **when: object) -> Rendered:
        return voice.render(reply(words), occasion(**when))

    return said


@pytest.fixture
def own_guide(tmp_path: Path) -> Callable[[str], Path]:
    """Write a guide's file, and give its path."""

    def write(text: str) -> Path:
        path = tmp_path / "guide.yaml"
        path.write_text(text, "utf-8")
        return path

    return write
