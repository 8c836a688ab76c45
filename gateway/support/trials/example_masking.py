"""Removes personal data from what is shown as an example. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.model import CaseRecord
from gateway.support.masking import GAP
from gateway.support.personal_data import CARD_NUMBER, EMAIL, IBAN, PHONE

# Where a name stands in a text, in the languages that we serve by ourselves.
_CAPITALISED = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]+(?:['’-][^\W\d_]+)*"
_NAME = rf"({_CAPITALISED}(?:[ \t]+{_CAPITALISED}){{0,2}})"
_PLAIN = (
    r"(?!(?:and|but|from|i|und|aber|ich|et|mais|je|de|y|pero)\b)[^\W\d_]{2,}(?:['’-][^\W\d_]+)*"
)
# What follows these is a name, however it is written.
_INTRODUCED = re.compile(
    r"(?i)\b(?:my name is|my name's|ich heiße|mein name ist|je m['’]appelle|mon nom est|me llamo"
    rf"|mi nombre es)[ \t]+({_PLAIN}(?:[ \t]+{_PLAIN})?)"
)
_NAMED = re.compile(
    r"(?:\b(?i:my name is|my name's|i am|i'm|this is|ich heiße|mein name ist|ich bin"
    r"|je m['’]appelle|je suis|mon nom est|me llamo|mi nombre es|soy)[ \t]+"
    r"|\b(?i:regards|thanks|grüße|grüßen|gruß|cordialement|saludos)[,.!]?[ \t]*\n\s*"
    r"|\b(?i:dear|mr|mrs|ms|herr|frau|liebe|lieber|madame|monsieur|mme|señora|señor|estimada"
    r"|estimado|chère|cher)\.?[ \t]+)" + _NAME
)
_STREET = re.compile(
    rf"{_NAME}[ \t]+(?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Square|Court|Close|Terrace|Quay)\b"
    r"|\b[^\W\d_-]+(?:straße|strasse|str\.|gasse|allee|platz|weg|ring|ufer)(?=\s*\d)"
    rf"|\b(?i:rue|boulevard|chemin|impasse|calle|avenida|plaza|paseo)\s+(?:(?:de|du|des|la|las|los|el)"
    rf"\s+|l['’])*{_CAPITALISED}(?:[ \t]+{_CAPITALISED})*"
)
_PERSONAL = re.compile("|".join((EMAIL, IBAN, CARD_NUMBER, PHONE)))
_BLOCK = re.compile(r"\S+")
_LINK = re.compile(r"://|www\.", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
OUR_DIGITS = 4
"""Our own short numbers (`5 days`, `13:00`) are no personal data; an order's number may be."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GAPS = re.compile(r"\[…\](?:[\s,/-]*\[…\])+")
SHORTEST_NAME = 2


def known_names(case: CaseRecord) -> frozenset[str]:
    """The words of the names of the people in a conversation, case-folded: those that we know, and
    those that customers introduce themselves with."""
    names = [case.customer_name or ""]
    for message in case.messages:
        if message.author == "customer":
            names += _NAMED.findall(message.text) + _INTRODUCED.findall(message.text)
    names += [message.agent.name for message in case.messages if message.agent]
    if case.conversation.owner:
        names.append(case.conversation.owner.name)
    words = (word.casefold() for name in names for word in _WORD.findall(name))
    return frozenset(word for word in words if len(word) >= SHORTEST_NAME)


def masked(text: str, names: Iterable[str], *, ours: bool = False) -> str:
    """``text`` with a `GAP` for names, streets, addresses, links and everything with a digit; with
    ``ours``, for what the bot or a reviewer wrote, only from four digits on.

    It finds the names that are given, and those in the usual places (`Dear Ms Brown`, `my name is`,
    below `Regards`). A name that stands elsewhere and is not given stays."""
    known, digits = frozenset(names), OUR_DIGITS if ours else 1

    def without_number(found: re.Match[str]) -> str:
        block = found[0]
        if _LINK.search(block) or len(_DIGIT.findall(block)) >= digits:
            return _gap(found)
        return block

    def keep(found: re.Match[str]) -> str:
        return GAP if found[0].casefold() in known else found[0]

    text = _INTRODUCED.sub(_without_name, _NAMED.sub(_without_name, text))
    text = _STREET.sub(GAP, text)
    text = _BLOCK.sub(without_number, _PERSONAL.sub(_gap, text))
    return _GAPS.sub(GAP, _WORD.sub(keep, text))


def _without_name(found: re.Match[str]) -> str:
    return found[0][: found.start(1) - found.start()] + GAP


def _gap(found: re.Match[str]) -> str:
    """Punctuation behind what is removed stays."""
    last = found[0][-1]
    return GAP + (last if last in ".,;:!?)" else "")
