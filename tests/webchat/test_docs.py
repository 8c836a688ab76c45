"""docs/webchat.md agrees with the code."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from channels.webchat import WebchatSettings, wire

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "webchat.md").read_text("utf-8")


@pytest.mark.parametrize("key", WebchatSettings.model_fields)
def test_a_setting_is_documented(key: str) -> None:
    """Each setting is listed with its default."""
    default = WebchatSettings.model_fields[key].default
    shown = "none" if default is None else f"`{msgspec.json.encode(default).decode()}`"
    assert f"\n| `{key}` | {shown.replace(',', ', ')} | " in PAGE


@pytest.mark.parametrize(
    "frame", wire.WebchatFrame.__subclasses__(), ids=lambda frame: frame.__name__
)
def test_a_frame_is_documented(frame: type[wire.WebchatFrame]) -> None:
    """Each frame is listed with all its fields."""
    lines = [line for line in PAGE.splitlines() if f"`{frame.__struct_config__.tag}`" in line]
    for field in frame.__struct_fields__:
        assert any(f"`{field}`" in line for line in lines), field


def test_pictures_are_small() -> None:
    """Each picture is smaller than 150 kB."""
    pictures = list((DOCS / "images").glob("webchat-*.png"))
    assert pictures
    assert all(file.stat().st_size < 150_000 for file in pictures)
