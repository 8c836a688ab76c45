"""Finds what must not be sent in a message: card numbers, keys and passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CARD = re.compile(r"(?<![\d-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d])")
_KEYS = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)
_PASSWORD = re.compile(
    r"\b(?:password|passwort|kennwort|mot de passe|contraseña|api[ -]?key|pin|cvv|cvc)"
    r"(?:\s+(?:is|ist|est|es|lautet))?\s*[:=]\s*(\S{3,}?)(?=[.,;!?]*(?:\s|\Z))"
    r"|\b(?:password|passwort|kennwort|mot de passe|contraseña|pin|cvv|cvc)"
    r"\s+(?:is|ist|est|es|lautet)\s+((?=\S*\d)\S{3,}?)(?=[.,;!?]*(?:\s|\Z))",
    re.IGNORECASE,
)

SensitiveSpan = tuple[str, int, int, str]
"""Kind, start, end, and what to write instead."""


def sensitive_spans(text: str) -> Iterator[SensitiveSpan]:
    """The card numbers, keys and passwords in ``text``.

    A card number has 13 to 19 digits and a Luhn check digit (ISO/IEC 7812-1). A key or token is
    found by its well-known prefix, a password by the word before it.
    """
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if len(digits) <= 19 and luhn(digits):
            yield "card number", found.start(), found.end(), f"the card ending in {digits[-4:]}"
    for found in _KEYS.finditer(text):
        yield "key", found.start(), found.end(), ""
    for found in _PASSWORD.finditer(text):
        start, end = found.span(found.lastindex or 0)
        yield "password", start, end, ""


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
