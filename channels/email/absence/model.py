"""A learnt model of out-of-office replies and receipts, for wording that no phrase foresees.

Logistic regression on hashed n-grams of words and of characters, and on the form of the mail with
what the rules find. ``model.npz`` has the weights; `training` makes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .rules import REPLY_MARK, TEXT_SIGNS, AbsenceSigns

MODEL_FILE = "model.npz"
BUCKETS = 1 << 17
"""Rows of the table of weights. N-grams with one hash share a row."""
LONGEST_SCORED = 800
"""Characters of a text that is scored: twice the longest reply that the weights are learnt from. A
longer one is left to the rules."""
PIECES = (3, 4, 5)
"""Lengths of the n-grams of characters."""
FORM_SCALE = 0.1
"""How much the form counts beside the n-grams while the weights are learnt."""

_LINK = re.compile(r"://|\bwww\.|\[\d{1,3}\]")
"""Newsletters and threads of programmers have links, and few replies of a mailbox do."""
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,100}|(?:https?://|www\.)\S{1,200}")
_NUMBER = re.compile(r"\+?\d[\d .:/()-]{0,30}")
_WORD = re.compile(r"[^\W_]{1,40}|[?!@]")
_PHONE = re.compile(r"\d[\d ()/-]{6,20}")


class MailFeatures(NamedTuple):
    """What the model reads of a mail."""

    words: frozenset[int]
    """Buckets of the words and of pairs of words."""
    pieces: frozenset[int]
    """Buckets of the n-grams of characters."""
    form: tuple[float, ...]
    """See `form_of`."""


def fold(text: str) -> str:
    """``text`` without case and accents, each number and date as 0, each address as @."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_SCORED].casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return _NUMBER.sub(" 0 ", _ADDRESS.sub(" @ ", plain))


def read_features(subject: str, text: str, signs: AbsenceSigns) -> MailFeatures:
    """The features of a mail. A subject that answers is ours, so only another one is read."""
    own = "" if REPLY_MARK.match(subject) else subject[:200]
    words = _WORD.findall(fold(f"{own}\n{text}"))
    line = f" {' '.join(words)} "
    pieces = {line[at : at + size] for size in PIECES for at in range(len(line) - size + 1)}
    grams = [f"w{word}" for word in words] + [f"b{one} {two}" for one, two in pairwise(words)]
    return MailFeatures(_buckets(grams), _buckets(f"c{piece}" for piece in pieces),
                        form_of(text, signs))  # fmt: skip


def form_of(text: str, signs: AbsenceSigns) -> tuple[float, ...]:
    """The signs of the rules, then marks, addresses, whether it is short. Nothing that grows with
    the text: a newsletter is longer than anything that the weights are learnt from."""
    begun = text[:LONGEST_SCORED]
    found = [float(name in signs.found) for name in TEXT_SIGNS]
    said = (signs.asks, signs.topic, signs.noted, signs.begins, signs.elsewhere, bool(signs.fixed))
    marks = ("?" in begun, "!" in begun, "@" in begun, _PHONE.search(begun), len(begun) < 60)
    return (*found, *map(float, said), signs.weight / 4, *(float(bool(mark)) for mark in marks))


def _buckets(grams: Iterable[str]) -> frozenset[int]:
    return frozenset(crc32(gram.encode()) % BUCKETS for gram in grams)


class AbsenceModel:
    """The weights of ``model.npz``: ``weights`` (`BUCKETS` bytes, times ``scale``), ``form`` (one
    for each number of `form_of`), ``bias`` and ``threshold``."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._weights = arrays["weights"]
        self._scale = float(arrays["scale"])
        self._form = arrays["form"].astype(np.float64)
        self._bias = float(arrays["bias"])
        self.threshold = float(arrays["threshold"])
        """The score from which a mail is taken for an automatic one."""

    def score(self, features: MailFeatures) -> float:
        """Log odds that a mailbox sent it by itself, not calibrated."""
        grams: float = sum(
            float(self._weights[list(rows)].sum(dtype=np.int64)) / len(rows) ** 0.5
            for rows in (features.words, features.pieces)
            if rows
        )
        form = float(np.dot(self._form, np.array(features.form)))
        total: float = self._bias + self._scale * grams + form
        return total

    def is_automatic(self, subject: str, text: str, signs: AbsenceSigns) -> bool:
        """Whether the text shows that nobody wrote it for this mail. Never where it asks for
        something or has a link, and only where it answers a mail."""
        if signs.asks or not signs.answers or not 0 < len(text) <= LONGEST_SCORED:
            return False
        if _LINK.search(text):
            return False
        return self.score(read_features(subject, text, signs)) >= self.threshold


@cache
def packaged_model() -> AbsenceModel:
    """The model of this package, read once."""
    with files(__package__).joinpath(MODEL_FILE).open("rb") as file, np.load(file) as arrays:
        return AbsenceModel({name: arrays[name] for name in arrays.files})
