"""Sentence encoders: what turns a text into numbers that say what it means.

The packaged one (`universal`) needs nothing but the installation. A sentence-transformers model of
your choice can take its place for intents.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from cachetools import LRUCache

from .features import Floats
from .protocol import UNIVERSAL, EncoderUnavailable
from .text import truncate

CACHED_EMBEDDINGS = 256
"""Enough that the readers of one batch compute each embedding once. A larger cache would flatter
benchmarks: customers seldom write the same text."""

BATCH = 8
"""Texts per call of a sentence-transformers model, short ones together: every text of a call costs
what the longest does. With 32 a message cost half as much again."""


class SentenceEncoder(Protocol):
    """Turns texts into embeddings of length 1: texts with similar meanings are near each other.

    Threads may share one encoder; they wait for one another.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int:
        """Numbers of an embedding."""
        ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """A row of `size` numbers for each text."""
        ...

    def fingerprint(self) -> str:
        """32 hex digits that depend on the weights and not on the name."""
        ...

    def clear_cache(self) -> None: ...


@runtime_checkable
class PieceEncoder(SentenceEncoder, Protocol):
    """An encoder that also tells the pieces of words that it reads."""

    def pieces(self, text: str) -> list[int]:
        """The numbers of the pieces of ``text`` in order, none for the ends of the text."""
        ...


def load_encoder(
    name: str, folder: Path | None, *, cached: int = CACHED_EMBEDDINGS
) -> SentenceEncoder:
    """The packaged encoder for `UNIVERSAL`, else the sentence-transformers model ``name``.

    ``folder`` keeps what makes the next start faster; ``cached`` embeddings are kept. Raises
    EncoderUnavailable.
    """
    if name == UNIVERSAL:
        return load_packaged_encoder(folder, cached=cached)
    return TransformersEncoder(name, cached=cached)


def load_packaged_encoder(folder: Path | None, *, cached: int = CACHED_EMBEDDINGS) -> PieceEncoder:
    """The packaged encoder; the arguments as for `load_encoder`. Raises EncoderUnavailable."""
    from .universal import UniversalEncoder  # noqa: PLC0415  (it imports this module)

    return UniversalEncoder(folder, cached=cached)


class EmbeddingCache:
    """Calls ``compute`` for the texts whose embeddings, rows of ``size``, it does not have.

    It keeps ``cached`` embeddings, and hashes in place of what customers wrote. Texts are cut to
    `MAX_CHARACTERS`. Threads wait for one another.
    """

    def __init__(self, compute: Callable[[list[str]], Floats], size: int, cached: int) -> None:
        self._compute, self._size = compute, size
        self._lock = threading.Lock()
        self._rows: LRUCache[bytes, Floats] = LRUCache(cached)

    def encode(self, texts: Sequence[str]) -> Floats:
        if not texts:
            return np.zeros((0, self._size), np.float32)
        with self._lock:
            keys = [_key(text) for text in texts]
            found = {key: self._rows[key] for key in keys if key in self._rows}
            new = {k: truncate(t) for k, t in zip(keys, texts, strict=True) if k not in found}
            if new:
                found.update(zip(new, self._compute(list(new.values())), strict=True))
            for key in new:
                self._rows[key] = found[key]
        return np.array([found[key] for key in keys], np.float32)

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


class TransformersEncoder:
    """A sentence-transformers model.

    Loading takes seconds and some hundred MB: create it off the event loop.
    """

    def __init__(self, name: str | Path, *, cached: int = CACHED_EMBEDDINGS) -> None:
        """``name`` is a folder with a model, or the model's name on the Hugging Face hub
        (downloaded once, then read from the hub's cache; with ``HF_HUB_OFFLINE=1`` only from
        there). ``cached`` is how many embeddings it caches.

        Raises EncoderUnavailable when the library or the model is missing, or is not a model.
        """
        self.name = str(name)
        self._model = _load(self.name)
        self.size = int(self._encode([""]).shape[1])
        self._cache = EmbeddingCache(self._encode, self.size, cached)

    def encode(self, texts: Sequence[str]) -> Floats:
        return self._cache.encode(texts)

    def fingerprint(self) -> str:
        """32 hex digits that depend on the weights and not on the model's name."""
        import torch  # noqa: PLC0415  (slow to import)

        digest = hashlib.blake2b(digest_size=16)
        for key, tensor in self._model.state_dict().items():
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def clear_cache(self) -> None:
        self._cache.clear()

    def _encode(self, texts: list[str]) -> Floats:
        embeddings = self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(embeddings, np.float32)


def _key(text: str) -> bytes:
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
