"""Where trained models are kept: one file each, named by what it was trained from and how."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import structlog

from .failures import BadModel, TrainingFailed

Row = tuple[str, str]

KEPT = 4
"""Models left in the folder: those of the last few versions of the examples."""

_CODE = (
    *("background.py", "features.py", "intent.py", "training.py", "text.py"),
    "data/background.npz",
)

log = structlog.get_logger(__name__)


def fingerprint(rows: Sequence[Row], semantic: str | None = None) -> str:
    """The same for the same examples, code, scikit-learn and name of an encoder; 32 hex digits."""
    digest = hashlib.sha256(json.dumps(sorted(rows)).encode())
    digest.update((semantic or "").encode())
    digest.update(version("scikit-learn").encode())
    for name in _CODE:
        digest.update(files(__package__).joinpath(name).read_bytes())
    return digest.hexdigest()[:32]


def is_learnt(rows: Sequence[Row], folder: Path, semantic: str | None = None) -> bool:
    """Whether the model for ``rows`` and that encoder lies in ``folder``."""
    return (folder / f"{fingerprint(rows, semantic)}.npz").is_file()


async def learnt(
    rows: Sequence[Row],
    folder: Path,
    *,
    use: Callable[[Path], Awaitable[None]],
    semantic: str | None = None,
    gently: bool = False,
) -> None:
    """``use`` the model for ``rows``: from ``folder``, else trained now in a process of its own,
    which if ``gently`` leaves the processor to others first. ``semantic`` names an encoder.

    ``use`` raises FileNotFoundError or BadModel for one that must be trained (again). Raises
    TrainingFailed. Cancelling it ends that process.
    """
    name = await asyncio.to_thread(fingerprint, rows, semantic)
    path = await asyncio.to_thread(lambda: folder.absolute() / f"{name}.npz")
    try:
        await use(path)
    except FileNotFoundError:
        log.info("nlu.training", examples=len(rows))
    except BadModel as error:
        log.warning("nlu.model_unusable", error=str(error))
    else:
        return
    told = json.dumps({"rows": list(rows), "encoder": semantic}).encode()
    await _train(told, path, gently=gently)
    await asyncio.to_thread(_tidy, folder, path)
    await use(path)


async def _train(told: bytes, path: Path, *, gently: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{__package__}.training", str(path)),
        *(("gently",) if gently else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101  (pipes were asked for)
    try:
        errors, *_ = await asyncio.gather(
            process.stderr.read(),
            _feed(process.stdin, told),
            _follow(process.stdout),
        )
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise TrainingFailed(f"training ended with {process.returncode}: {lines[-1]}")


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    # A process that ends early says why on stderr.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _follow(stdout: asyncio.StreamReader) -> None:
    """Log how far it is: a line `3 7` is step 3 of 7."""
    async for line in stdout:
        step, _, steps = line.decode(errors="replace").strip().partition(" ")
        log.info("nlu.training", step=step, of=steps)


def _tidy(folder: Path, newest: Path) -> None:
    """Remove all but the newest models, and what an interrupted training left."""
    models = sorted(folder.glob("*.npz"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in [p for p in models if p != newest][KEPT - 1 :]:
        path.unlink(missing_ok=True)
