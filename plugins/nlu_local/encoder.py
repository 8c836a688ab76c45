"""Sentence embeddings: a sentence-transformers model of your choice, on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from .features import Floats
from .protocol import EncoderUnavailable
from .text import truncate

CACHED_EMBEDDINGS = 256
"""Enough that the readers of one batch compute each embedding once. A larger cache would flatter
benchmarks: customers seldom write the same text."""

BATCH = 8
"""Texts per call of the model, short ones together: every text of a call costs what the longest
does. With 32 a message cost half as much again."""


class Encoder:
    """Turns texts into embeddings of length 1: texts with similar meanings are near each other.

    Loading takes seconds and some hundred MB: create it off the event loop. Threads may share one
    encoder; they wait for one another.
    """

    def __init__(self, name: str | Path, *, cached: int = CACHED_EMBEDDINGS) -> None:
        """``name`` is a folder with a model, or the model's name on the Hugging Face hub
        (downloaded once, then read from the hub's cache; with ``HF_HUB_OFFLINE=1`` only from
        there). ``cached`` is how many embeddings it caches.

        Raises EncoderUnavailable when the library or the model is missing, or is not a model.
        """
        self.name = str(name)
        self._model = _load(self.name)
        self._lock = threading.Lock()
        self._cache: LRUCache[bytes, Floats] = LRUCache(cached)
        self.size = int(self.encode([""]).shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """A row of `size` numbers for each text."""
        if not texts:
            return np.zeros((0, self.size), np.float32)
        with self._lock:
            keys = [embedding_key(text) for text in texts]
            found = {key: self._cache[key] for key in keys if key in self._cache}
            new = {k: truncate(t) for k, t in zip(keys, texts, strict=True) if k not in found}
            found.update(zip(new, self._encode(list(new.values())), strict=True))
            for key in new:
                self._cache[key] = found[key]
        return np.array([found[key] for key in keys], np.float32)

    def fingerprint(self) -> str:
        """32 hex digits that depend on the weights and not on the model's name."""
        import torch  # noqa: PLC0415  (slow to import)

        digest = hashlib.blake2b(digest_size=16)
        for key, tensor in self._model.state_dict().items():
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def clear_cache(self) -> None:
        with self._lock:
            self._cache.clear()

    def _encode(self, texts: list[str]) -> Floats:
        if not texts:  # all of them are cached
            return np.zeros((0, 0), np.float32)
        embeddings = self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(embeddings, np.float32)


def embedding_key(text: str) -> bytes:
    """A hash, so that the cache does not keep what customers wrote."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()


def _load(name: str) -> Any:
    if find_spec("sentence_transformers") is None:
        raise EncoderUnavailable(
            "sentence-transformers is not installed; pip install 'warmline[semantic]'"
        )
    import torch  # noqa: PLC0415  (slow to import, and installed only with the extra)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # it would appear in the server's log
    # A message is a few words: threads cost more than they save, and the server needs the others.
    torch.set_num_threads(1)
    local = Path(name).is_dir()
    try:
        # Always on the processor, so that results do not depend on a graphics card.
        return SentenceTransformer(name, device="cpu", local_files_only=local)
    except (OSError, ValueError, LookupError, TypeError, ImportError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise EncoderUnavailable(
            f"{name} cannot be loaded as a sentence-transformers model ({reason}); "
            "give a folder with a model, or a name on the Hugging Face hub"
        ) from error
