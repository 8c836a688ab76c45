"""Patterns for personal data and payment cards in free text.

The patterns are strings, so that they can be joined into larger ones. Each is bounded: no text
makes matching slow.
"""

from __future__ import annotations

EMAIL = r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
"""An e-mail address: at most 64 characters before the @ (RFC 5321, 4.5.3.1.1)."""

IBAN = r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b"
"""An account number (ISO 13616): country, two check digits, up to 30 letters and digits, often in
groups of four."""

CARD_NUMBER = r"(?<!\w)\d(?:[ -]?\d){11,18}(?!\w)"
"""What may be the number of a payment card (ISO/IEC 7812-1): 12 to 19 digits, in groups or not."""

PHONE = r"(?<!\w)(?:\+|00)?\(?\d(?:[ ()./-]{0,2}\d){6,13}(?!\w)"
"""A phone number as people write it, with or without country code: 7 to 14 digits."""

INTERNATIONAL_PHONE = r"(?<![\w+])(?:\+|00)\d(?:[ ()./-]?\d){6,14}(?!\d)"
"""A phone number that begins with ``+`` or ``00`` and a country code."""


def luhn(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of the others, as in every payment card's
    number (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
