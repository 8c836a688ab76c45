"""The contract of channels: each of our channels has a quality file, and the documentation shows
all of them."""

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
    """The table for the documentation, from the quality files."""
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
    """Each file names every check."""
    expected = {
        path.stem if path.suffix == ".py" else path.name
        for path in FOLDER.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert set(_files()) == expected
    for path in _files().values():
        quality(path)


def test_every_quality_file_is_run() -> None:
    """The tests of a channel run the checks that its file calls done."""
    for name in _files():
        tests = ROOT / "tests" / name
        runs = [path for path in tests.glob("test_*.py") if "checks(QUALITY)" in path.read_text()]
        assert runs, f"tests/{name} does not run the contract"


def test_the_documentation_has_the_table_of_checks() -> None:
    """``python -m tests.project.test_quality`` writes the table."""
    text = PAGE.read_text("utf-8")
    documented = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert documented == table()


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}\n\n{table()}\n\n{after}", "utf-8")
    sys.exit(0)
