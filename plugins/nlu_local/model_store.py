"""Trained intent models: one file each, named by a fingerprint of the examples and the code."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import structlog

from gateway import WarmlineError, private_folder

from .examples import Example
from .protocol import UnusableModel

KEPT_MODELS = 4
"""Models that stay in the folder: those of the last few versions of the examples."""

DAY = 24 * 3600
"""Seconds; no training takes as long."""

_NOTE = ".adopted"
"""The suffix of the file beside a model that has the ids of its adopted examples."""

_CODE = (
    *("encoder.py", "examples.py", "features.py", "intent_model.py", "intent_training.py"),
    *("protocol.py", "text.py", "universal.py"),
    "data/background.npz",
)

log = structlog.get_logger(__name__)


class TrainingFailed(WarmlineError):
    """The training process ended with an error. The message has its last line."""


def fingerprint(examples: Sequence[Example], encoder: str | None = None) -> str:
    """32 hex digits that depend on the examples, the code, scikit-learn and the encoder's name."""
    digest = hashlib.sha256(json.dumps(sorted(examples)).encode())
    digest.update((encoder or "").encode())
    digest.update(version("scikit-learn").encode())
    for name in _CODE:
        digest.update(files(__package__).joinpath(name).read_bytes())
    return digest.hexdigest()[:32]


def is_trained(examples: Sequence[Example], folder: Path, encoder: str | None = None) -> bool:
    """Whether ``folder`` has the model for these examples and this encoder."""
    return _model_path(examples, folder, encoder).is_file()


def _model_path(examples: Sequence[Example], folder: Path, encoder: str | None) -> Path:
    return folder.absolute() / f"{fingerprint(examples, encoder)}.npz"


async def load_or_train(
    examples: Sequence[Example],
    folder: Path,
    *,
    load: Callable[[Path], Awaitable[None]],
    encoder: str | None = None,
    low_priority: bool = False,
    adopted: Collection[int] = (),
) -> None:
    """``load`` the model for ``examples`` from ``folder``, training it first if necessary.

    Training runs in its own process; with ``low_priority`` that process leaves the processor to
    others first. ``encoder`` names one for `load_encoder`. ``load`` raises FileNotFoundError
    or UnusableModel for a model that must be trained. ``adopted`` are the ids of the adopted ones
    among the examples: see `forget_models`. Raises TrainingFailed. Cancelling kills the process.
    """
    path = await asyncio.to_thread(_model_path, examples, folder, encoder)
    await asyncio.to_thread(_note_adopted, path, adopted)
    try:
        await load(path)
    except FileNotFoundError:
        log.info("nlu.training", examples=len(examples))
    except UnusableModel as error:
        log.warning("nlu.model_unusable", error=str(error))
    else:
        return
    await _train(examples, path, encoder, low_priority=low_priority)
    await asyncio.to_thread(_remove_old_models, folder, path)
    await load(path)


class FirstTraining:
    """The training of a folder that has no model at all, which begins while the server starts.

    It leaves its failures to `load_or_train`, which then trains again. Create it in the event loop.
    """

    def __init__(self, examples: Sequence[Example], folder: Path, encoder: str | None) -> None:
        self._examples = tuple(examples)
        self._task = asyncio.create_task(_train_first(self._examples, folder, encoder))

    async def finish(self, examples: Sequence[Example]) -> None:
        """Wait for its end; cancel it if other ``examples`` than its own are to be learnt."""
        if tuple(examples) != self._examples:
            self._task.cancel()
        await asyncio.wait([self._task])

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def _train_first(examples: Sequence[Example], folder: Path, encoder: str | None) -> None:
    if await asyncio.to_thread(lambda: any(folder.glob("*.npz"))):
        return
    path = await asyncio.to_thread(_model_path, examples, folder, encoder)
    log.info("nlu.training", examples=len(examples))
    try:
        await _train(examples, path, encoder, low_priority=False)
    except (OSError, WarmlineError) as error:
        log.warning("nlu.first_training_failed", error=str(error), hint="it is tried once more")


async def _train(
    examples: Sequence[Example], path: Path, encoder: str | None, *, low_priority: bool
) -> None:
    job = json.dumps({"rows": list(examples), "encoder": encoder}).encode()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{__package__}.intent_training", str(path)),
        *(("low-priority",) if low_priority else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101  (three pipes)
    try:
        errors, *_ = await asyncio.gather(
            process.stderr.read(),
            _send(process.stdin, job),
            _log_progress(process.stdout),
        )
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise TrainingFailed(f"training ended with {process.returncode}: {lines[-1]}")


async def _send(stdin: asyncio.StreamWriter, data: bytes) -> None:
    # A process that ends early writes the reason to stderr.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _log_progress(stdout: asyncio.StreamReader) -> None:
    """Log each line `3 7`: step 3 of 7 is done."""
    async for line in stdout:
        step, _, steps = line.decode(errors="replace").strip().partition(" ")
        log.info("nlu.training", step=step, of=steps)


def forget_models(folder: Path, kept: Collection[int]) -> None:
    """Delete the models that were trained with adopted examples whose ids are not in ``kept``: a
    model holds parts of the words that it was trained with.

    The note of the ids stays: another process may be training that model at this moment.
    """
    for note in folder.glob(f"*{_NOTE}"):
        ids = {int(line) for line in note.read_text("utf-8").split()}
        model = note.with_suffix(".npz")
        if not ids <= set(kept) and model.exists():
            model.unlink(missing_ok=True)
            log.info("nlu.model_forgotten", model=model.stem)


def _note_adopted(model: Path, ids: Collection[int]) -> None:
    """Note the ids beside the model, before it is trained: a crash must not leave it without."""
    note = model.with_suffix(_NOTE)
    if not ids:
        note.unlink(missing_ok=True)
        return
    private_folder(note.parent)
    temporary = note.with_name(f".{note.name}.{os.getpid()}")
    temporary.write_text("\n".join(map(str, sorted(ids))), "utf-8")
    temporary.replace(note)


def _remove_old_models(folder: Path, newest: Path) -> None:
    models = sorted(folder.glob("*.npz"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in [p for p in models if p != newest][KEPT_MODELS - 1 :]:
        path.unlink(missing_ok=True)
        path.with_suffix(_NOTE).unlink(missing_ok=True)
    for note in folder.glob(f"*{_NOTE}"):
        if not note.with_suffix(".npz").exists() and time.time() - note.stat().st_mtime > DAY:
            note.unlink(missing_ok=True)
