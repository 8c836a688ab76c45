"""Removes personal data from what customers and agents wrote. Pure functions.

Nothing of one customer may reach another. What is certain to be personal (names that we know,
numbers, addresses, links) is removed, and so is every word that could be a name: a capitalised
one that the caller does not know for a common word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

GAP = "[…]"
"""Stands for what was removed; the person fills it in."""

CUSTOMERS = 2
"""A word in answers to this many customers is not taken for a name."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BLOCK = re.compile(r"\S+")
_PERSONAL = re.compile(r"\d|@|://|www\.", re.IGNORECASE)
_GAPS = re.compile(r"\[…\](?:[\s,/-]*\[…\])+")


def common_words(answers: Iterable[tuple[int, str]]) -> frozenset[str]:
    """The words (case-folded) in ``answers`` (customer, text) to at least `CUSTOMERS` people."""
    customers: dict[str, set[int]] = {}
    for customer, text in answers:
        for word in _WORD.findall(text):
            customers.setdefault(word.casefold(), set()).add(customer)
    return frozenset(word for word, found in customers.items() if len(found) >= CUSTOMERS)


def mask_text(text: str, names: Iterable[str], common: Collection[str]) -> str:
    """``text`` with a `GAP` for all that may be personal; ``names`` are those of the people in the
    conversation, ``common`` the words (case-folded) that are no names, as `common_words` finds
    them."""
    known = {word.casefold() for name in names for word in _WORD.findall(name)}

    def keep(found: re.Match[str]) -> str:
        word = found[0]
        folded = word.casefold()
        if folded in known or (word[0].isupper() and folded not in common and len(word) > 1):
            return GAP
        return word

    return _GAPS.sub(GAP, _WORD.sub(keep, _BLOCK.sub(_mask_block, text)))


def share_kept(text: str) -> float:
    """The share of a masked text that is words and not gaps, 0..1."""
    words, gaps = len(_WORD.findall(text)), text.count(GAP)
    return words / (words + gaps) if words else 0.0


def _mask_block(found: re.Match[str]) -> str:
    """A gap for a number, an address or a link; punctuation behind it stays."""
    block: str = found[0]
    if not _PERSONAL.search(block):
        return block
    return GAP + (block[-1] if block[-1] in ".,;:!?" else "")
