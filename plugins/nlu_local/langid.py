"""py3langid for some of its languages: its tables are prepared once, and mapped from then on.

It unpacks 70 MB at each start, of which a message touches next to nothing: half a second and
40 MB of every process that reads.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from py3langid import langid, modelio

BROKEN = (OSError, EOFError, ValueError, KeyError, BadZipFile)
"""What reading a file that was cut short, or is none of ours, may raise."""


def identifier(codes: Sequence[str], folder: Path | None) -> Any:
    """A `py3langid.langid.LanguageIdentifier` for ``codes`` alone, which gives probabilities.

    The tables are kept in ``folder``, if it is one that can be written to; without one they are
    prepared for this process alone.
    """
    if folder is None:
        return _without_a_folder(codes)
    named = sha256(" ".join(sorted(codes)).encode()).hexdigest()[:12]
    place = folder / f"langid-{version('py3langid')}-{named}"
    with suppress(*BROKEN):
        return _read(place)
    try:
        _keep(codes, place)
        return _read(place)
    except BROKEN:
        return _without_a_folder(codes)


def _without_a_folder(codes: Sequence[str]) -> Any:
    with tempfile.TemporaryDirectory(prefix="warmline-") as folder:
        _write(codes, Path(folder))
        return _read(Path(folder))


def _keep(codes: Sequence[str], place: Path) -> None:
    """At once or not at all; another process may be doing the same. What other languages, another
    version or a process that was killed left there is taken away."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for other in place.parent.glob("langid-*"):
        shutil.rmtree(other, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="langid-") as folder:
        _write(codes, Path(folder) / "new")
        with suppress(OSError):
            (Path(folder) / "new").rename(place)


def _write(codes: Sequence[str], folder: Path) -> None:
    source = Path(langid.__file__).parent / langid.MODEL_FILE
    table, prior, classes, moves, rows, output = modelio.load_model(source)
    kept = [i for i, code in enumerate(classes) if code in codes]
    folder.mkdir(exist_ok=True)
    np.save(folder / "moves.npy", np.asarray(moves))
    np.savez(
        folder / "rest.npz",
        table=table[:, kept],
        prior=prior[kept],
        classes=np.array([classes[i] for i in kept]),
        rows=np.asarray(rows),
        output=np.asarray(output),
    )


def _read(folder: Path) -> Any:
    """Raises one of `BROKEN` for what is no such folder."""
    moves = np.load(folder / "moves.npy", mmap_mode="r")
    with (folder / "rest.npz").open("rb") as file, np.load(file, allow_pickle=False) as rest:
        # Plain numbers: the walk over a message's bytes takes one after the other.
        return langid.LanguageIdentifier(
            rest["table"],
            rest["prior"],
            rest["classes"].tolist(),
            memoryview(moves),
            rest["output"].tolist(),
            norm_probs=True,
            tk_row=rest["rows"].tolist(),
        )
