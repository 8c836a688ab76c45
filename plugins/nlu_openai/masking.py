"""Personal data stay in the house: they are replaced before a text leaves, and put back after."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KINDS = {
    "EMAIL": r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    # ISO 13616: country, two check digits, up to 30 letters and digits, often in fours.
    "IBAN": r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b",
    # ISO/IEC 7812: 12 to 19 digits, in groups or not.
    "CARD": r"(?<!\w)\d(?:[ -]?\d){11,18}(?!\w)",
    "PHONE": r"(?<!\w)(?:\+|00)?\(?\d(?:[ ()./-]{0,2}\d){6,13}(?!\w)",
    "ORDER": r"(?<!\w)(?:#[ ]?[A-Za-z]{0,5}-?\d{2,}|[A-Za-z]{1,6}[-_]?\d{3,}[\w-]*|\d{5,})(?!\w)",
}
_FOUND = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|IBAN|CARD|PHONE|ORDER|NAME)_\d+\]")
_SHORTEST_NAME = 3


class Mask:
    """The placeholders of one exchange: the same value always gets the same one.

    ``names`` are what the customer is called. Masked are mail addresses, IBANs, card and phone
    numbers, order numbers, and those names; other names and street addresses are not found.
    """

    def __init__(self, names: Iterable[str | None] = ()) -> None:
        self._values: dict[str, str] = {}
        words = {word for name in names if name for word in name.split()}
        known = sorted((re.escape(w) for w in words if len(w) >= _SHORTEST_NAME), reverse=True)
        self._names = re.compile(rf"\b(?:{'|'.join(known)})\b", re.IGNORECASE) if known else None

    def hide(self, text: str) -> str:
        # Who writes a placeholder by hand must not get another's value put in its place.
        text = _PLACEHOLDER.sub(lambda found: f"({found[0][1:-1]})", text)
        text = _FOUND.sub(lambda found: self._instead(found.lastgroup or "", found[0]), text)
        if self._names is not None:
            text = self._names.sub(lambda found: self._instead("NAME", found[0]), text)
        return text

    def show(self, text: str) -> str:
        """``text`` with the values back in their places; raises KeyError for a placeholder that
        `hide` never gave."""
        return _PLACEHOLDER.sub(lambda found: self._values[found[0]], text)

    def _instead(self, kind: str, value: str) -> str:
        for placeholder, known in self._values.items():
            if known == value:
                return placeholder
        placeholder = f"[{kind}_{len(self._values) + 1}]"
        self._values[placeholder] = value
        return placeholder
