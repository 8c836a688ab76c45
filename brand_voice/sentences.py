"""Where sentences end, and the marks that colour them. Works on masked and on plain texts."""

from __future__ import annotations

import re
from collections.abc import Collection

_GAP = re.compile(r"""[.!?…؟。！？]["')\]”’»]{0,2}(\s+)|(\n\s*)""")

EXCLAMATION = re.compile(r"[?？]*[!！‼⁉❗❕][!！?？‼⁉❗❕\ufe0f]*")
"""A run of marks with an exclamation mark in it."""

_PICTURES = (
    "\U0001f000-\U0001faff\u2600-\u2712\u2714-\u2716\u2718-\u2727\u2733\u2734\u2744\u2747"
    "\u274c-\u2757\u2763\u2764\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b"
    "\u23e9-\u23f3\u3030\u303d\u3297\u3299"
)
EMOJI = re.compile(
    rf"[{_PICTURES}][{_PICTURES}\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f]*"
    r"|(?<!\S)(?:[:;=]-?[)D(P]|<3|\^\^)(?![\w)])"
)
"""Pictures of the emoji blocks, flags and joined ones included, and typed smileys."""


def sentences(text: str, abbreviations: Collection[str]) -> list[tuple[str, str]]:
    """The sentences of ``text``, each with the blanks after it; joined they are ``text``."""
    found: list[tuple[str, str]] = []
    start = 0
    for gap in _GAP.finditer(text):
        begin, end = gap.span(gap.lastindex or 0)
        if begin <= start or (
            "\n" not in gap[0] and _runs_on(text, start, begin, end, abbreviations)
        ):
            continue
        found.append((text[start:begin], text[begin:end]))
        start = end
    if start < len(text):
        found.append((text[start:], ""))
    return found


def _runs_on(text: str, start: int, begin: int, end: int, abbreviations: Collection[str]) -> bool:
    """Whether the dot before ``begin`` does not end the sentence that began at ``start``."""
    if text[end : end + 1].islower():
        return True
    if text[begin - 1] != ".":
        return False
    word = text[max(start, begin - 24) : begin].rsplit(None, 1)[-1].lower().lstrip("([\"'„“«")
    return word in abbreviations or (len(word) == 2 and word[0].isalpha())


def capitalised(text: str) -> str:
    """``text`` with a capital first letter, as at the start of a sentence."""
    return text[:1].upper() + text[1:]
