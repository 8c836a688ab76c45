"""The packaged voice, and ways to render with it and to write a guide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from brand_voice import GuidedVoice, load
from gateway import Rendered, Reply, Voice

from .builders import render_context, reply


@pytest.fixture(scope="session")
def voice() -> Voice:
    return GuidedVoice(load(None))


@pytest.fixture
def render(voice: Voice) -> Callable[..., Rendered]:
    """Renders a reply (or a plain text) in a render context given by keywords."""

    def rendered(words: Reply | str, **when: object) -> Rendered:
        return voice.render(reply(words), render_context(**when))

    return rendered


@pytest.fixture
def own_guide(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a guide file and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "guide.yaml"
        path.write_text(text, "utf-8")
        return path

    return write
