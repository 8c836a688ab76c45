"""What messages mean, as points: a sentence-transformers model of your choice, on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .failures import NoEncoder
from .text import bounded

Floats = NDArray[np.float32]

REMEMBERED = 256
"""Points that are kept, so that the several readers of one batch cost one reading of it. No more:
customers seldom write the same, and figures would flatter."""

BATCH = 8
"""Texts that the model is given at once, the short ones together: all of them cost what the longest
does. With 32 a message cost half as much again."""


class Encoder:
    """Texts to points of length 1: the nearer two points, the nearer what was meant.

    Loading takes seconds and some hundred MB: make it off the event loop. One encoder may be
    asked from several threads; they wait for one another.
    """

    def __init__(self, name: str | Path, *, remembered: int = REMEMBERED) -> None:
        """``name`` is a folder with a model, or the model's name on the Hugging Face hub (fetched
        once, then read from the hub's cache; with ``HF_HUB_OFFLINE=1`` from there alone).
        ``remembered`` points are kept.

        Raises NoEncoder when the library or the model is missing or no model.
        """
        self.name = str(name)
        self._model = _load(self.name)
        self._lock = threading.Lock()
        self._most = remembered
        self._known: OrderedDict[bytes, Floats] = OrderedDict()
        self.size = int(self.encode([""]).shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """A row of `size` numbers for each text."""
        if not texts:
            return np.zeros((0, self.size), np.float32)
        with self._lock:
            keys = [_key(text) for text in texts]
            new = {k: bounded(t) for k, t in zip(keys, texts, strict=True) if k not in self._known}
            points = self._encode(list(new.values()))
            found = dict(zip(new, points, strict=True))
            rows = [found[key] if key in found else self._known[key] for key in keys]
            self._remember(found)
        return np.array(rows, np.float32)

    def fingerprint(self) -> str:
        """The same for the same weights, whatever they are called; 32 hex digits."""
        import torch  # noqa: PLC0415  (slow to import)

        digest = hashlib.blake2b(digest_size=16)
        for key, tensor in self._model.state_dict().items():
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def _encode(self, texts: list[str]) -> Floats:
        if not texts:  # all of them are remembered
            return np.zeros((0, 0), np.float32)
        points = self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(points, np.float32)

    def _remember(self, found: dict[bytes, Floats]) -> None:
        self._known.update(found)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


def _key(text: str) -> bytes:
    """What customers wrote is not kept, only what tells it from anything else."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()


def _load(name: str) -> Any:
    if find_spec("sentence_transformers") is None:
        raise NoEncoder("sentence-transformers is not installed; pip install 'warmline[semantic]'")
    import torch  # noqa: PLC0415  (slow to import, and only there with the extra)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # it would stand in the server's log
    # A message is a few words: threads cost more than they save, and the server has the others.
    torch.set_num_threads(1)
    here = Path(name).is_dir()
    try:
        # On the processor even where there is a graphics card, so that figures are the same.
        return SentenceTransformer(name, device="cpu", local_files_only=here)
    except (OSError, ValueError, LookupError, TypeError, ImportError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise NoEncoder(
            f"{name} cannot be read as a sentence-transformers model ({what}); "
            "give a folder that holds one, or a name on the Hugging Face hub"
        ) from error
