"""The channels' contract: every channel of ours says how it keeps it, and the docs tell so."""

from __future__ import annotations

import sys
from pathlib import Path

import channels
from gateway.testing import CHECKS, quality

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "channels.md"
FOLDER = Path(channels.__file__).parent
BEGIN, END = "<!-- contract: begin -->", "<!-- contract: end -->"


def _files() -> dict[str, Path]:
    """The quality file of each channel package or module."""
    packages = {path.parent.name: path for path in FOLDER.glob("*/quality.yaml")}
    modules = {path.name.split(".")[0]: path for path in FOLDER.glob("*.quality.yaml")}
    return dict(sorted((packages | modules).items()))


def table() -> str:
    """The table of the docs, as the quality files have it."""
    found = {name: quality(path) for name, path in _files().items()}
    rows = [f"| check | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
    notes: list[str] = []
    for check in CHECKS:
        cells = []
        for name, states in found.items():
            state = states[check]
            if isinstance(state, str):
                cells.append("✓")
            else:
                notes.append(f"{name}, {check.replace('_', ' ')}: {state.exempt}.")
                cells.append(f"–<sup>{len(notes)}</sup>")
        rows.append(f"| {check.replace('_', ' ')} | {' | '.join(cells)} |")
    listed = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*rows, "", *listed])


def test_every_channel_has_a_quality_file() -> None:
    """A channel without one does not come into this folder; each file names every check."""
    guests = {
        path.stem if path.suffix == ".py" else path.name
        for path in FOLDER.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert set(_files()) == guests
    for path in _files().values():
        quality(path)


def test_every_quality_file_is_run() -> None:
    """What a file calls done is run by the channel's tests."""
    for name in _files():
        tests = ROOT / "tests" / name
        runs = [path for path in tests.glob("test_*.py") if "checks(QUALITY)" in path.read_text()]
        assert runs, f"tests/{name} does not run the contract"


def test_the_docs_tell_how_each_channel_keeps_it() -> None:
    """``python -m tests.project.test_quality`` writes the table anew."""
    text = PAGE.read_text("utf-8")
    told = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert told == table()


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}\n\n{table()}\n\n{after}", "utf-8")
    sys.exit(0)
