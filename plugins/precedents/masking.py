"""What of an old answer may be shown in another customer's conversation.

Nothing of one customer may reach another. What is certain to be personal (names we know, numbers,
addresses, links) is taken out, and so is every word that could be a name: one that is written
with a capital and stands in the answers to that customer alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

GAP = "[…]"
"""Stands for what was taken out; the person fills it in."""

CUSTOMERS = 2
"""A word that was said to as many customers is nobody's name."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BLOCK = re.compile(r"\S+")
_PERSONAL = re.compile(r"\d|@|://|www\.", re.IGNORECASE)
_GAPS = re.compile(r"\[…\](?:[\s,/-]*\[…\])+")


def shared(answers: Iterable[tuple[int, str]]) -> frozenset[str]:
    """The words (folded) of ``answers`` (customer, text) that at least `CUSTOMERS` were told."""
    told: dict[str, set[int]] = {}
    for customer, text in answers:
        for word in _WORD.findall(text):
            told.setdefault(word.casefold(), set()).add(customer)
    return frozenset(word for word, customers in told.items() if len(customers) >= CUSTOMERS)


def masked(text: str, names: Iterable[str], common: Collection[str]) -> str:
    """``text`` without anything of the customer's; ``names`` are of those who take part."""
    known = {word.casefold() for name in names for word in _WORD.findall(name)}

    def kept(found: re.Match[str]) -> str:
        word = found[0]
        folded = word.casefold()
        if folded in known or (word[0].isupper() and folded not in common and len(word) > 1):
            return GAP
        return word

    bare = _BLOCK.sub(_gap, text)
    return _GAPS.sub(GAP, _WORD.sub(kept, bare))


def share_kept(text: str) -> float:
    """How much of a masked text are words, 0..1."""
    words, gaps = len(_WORD.findall(text)), text.count(GAP)
    return words / (words + gaps) if words else 0.0


def _gap(found: re.Match[str]) -> str:
    """A number, an address or a link goes; what stood behind it, a stop or a comma, stays."""
    word: str = found[0]
    if not _PERSONAL.search(word):
        return word
    ends: Mapping[bool, str] = {True: word[-1], False: ""}
    return GAP + ends[word[-1] in ".,;:!?"]
