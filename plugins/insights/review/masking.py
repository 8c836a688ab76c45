"""Removes personal data from what is shown as an example. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway import CARD_NUMBER, EMAIL, IBAN, PHONE, CaseRecord

GAP = "[…]"
"""Stands for what was removed."""
_PERSONAL = re.compile(
    "|".join((EMAIL, IBAN, CARD_NUMBER, PHONE, r"\b(?:https?://|www\.)\S+", r"\S*\d\S*"))
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GAPS = re.compile(r"\[…\](?:[\s,/-]*\[…\])+")
SHORTEST_NAME = 2


def known_names(case: CaseRecord) -> frozenset[str]:
    """The words of the names of the people in a conversation, case-folded."""
    names = [case.customer_name or ""]
    names += [message.agent.name for message in case.messages if message.agent]
    if case.conversation.owner:
        names.append(case.conversation.owner.name)
    words = (word.casefold() for name in names for word in _WORD.findall(name))
    return frozenset(word for word in words if len(word) >= SHORTEST_NAME)


def masked(text: str, names: Iterable[str]) -> str:
    """``text`` with a `GAP` for addresses, links, names and everything with a digit."""
    known = frozenset(names)

    def keep(found: re.Match[str]) -> str:
        return GAP if found[0].casefold() in known else found[0]

    return _GAPS.sub(GAP, _WORD.sub(keep, _PERSONAL.sub(_gap, text)))


def _gap(found: re.Match[str]) -> str:
    """Punctuation behind what is removed stays."""
    last = found[0][-1]
    return GAP + (last if last in ".,;:!?)" else "")
