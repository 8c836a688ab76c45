"""SMS encoding: alphabet, length and segments of a text.

Sources: 3GPP TS 23.038 (6.2.1: the GSM 7 bit default alphabet, 6.2.1.1: its extension table,
6.2.3: UCS-2) and TS 23.040 (9.2.3.24.1: the header of a concatenated message takes six octets, so
that a segment holds 153 septets instead of 160, or 67 UCS-2 units instead of 70).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet without the escape character. One septet each."""

EXTENSION = "\f^{}\\[~]|€"
"""The extension table. Two septets each (an escape and a character), never separated."""

Encoding = Literal["GSM-7", "UCS-2"]

_SINGLE_SEGMENT: dict[Encoding, int] = {"GSM-7": 160, "UCS-2": 70}
_CONCATENATED: dict[Encoding, int] = {"GSM-7": 153, "UCS-2": 67}
_GSM = re.compile(f"[{re.escape(BASIC + EXTENSION)}]*")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")

_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("‘’‚‛‹›′´`", "'")
    | dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("•‣◦▪", "-")
    | dict.fromkeys("\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008", " ")
    | dict.fromkeys("\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u00ad\u200b\u2060\ufeff", "")
    | dict.fromkeys("\u2028\u2029", "\n")
    | {"…": "...", "→": "->", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff"}
)
_GUILLEMETS = re.compile(r"(?<=«)[\s\u00a0\u202f]+|(?<![\s\u00a0\u202f])[\s\u00a0\u202f]+(?=»)")
_TIGHT_DASH = re.compile(r"(?<=\S)—(?=\S)")


def encoding(text: str) -> Encoding:
    """The encoding that ``text`` needs."""
    return "GSM-7" if _GSM.fullmatch(text) else "UCS-2"


def units(text: str, alphabet: Encoding | None = None) -> int:
    """The length in septets (GSM-7) or UTF-16 code units (UCS-2)."""
    if (alphabet or encoding(text)) == "GSM-7":
        return len(text) + len(_EXTENDED.findall(text))
    return utf16_length(text)


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units, as UCS-2, Telegram and JavaScript count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def segments(text: str) -> tuple[str, ...]:
    """``text`` as the network cuts it. Escapes and surrogate pairs are never cut apart."""
    alphabet = encoding(text)
    if units(text, alphabet) <= _SINGLE_SEGMENT[alphabet]:
        return (text,) if text else ()
    limit = _CONCATENATED[alphabet]
    found: list[str] = []
    start = used = 0
    for index, char in enumerate(text):
        width = units(char, alphabet)
        if used + width > limit:
            found.append(text[start:index])
            start, used = index, 0
        used += width
    return (*found, text[start:])


def count(text: str) -> int:
    """The number of segments of ``text``; 0 for an empty text."""
    alphabet = encoding(text)
    size = units(text, alphabet)
    if size <= _SINGLE_SEGMENT[alphabet]:
        return 1 if text else 0
    if size == len(text):  # every character takes one unit, so every segment is full
        return -(-size // _CONCATENATED[alphabet])
    return len(segments(text))


def transliterate(text: str) -> str:
    """``text`` with plain quotes, dashes, dots and spaces. Letters never change.

    The result may still need UCS-2; the caller checks whether the change pays.
    """
    text = unicodedata.normalize("NFC", text)
    return _TIGHT_DASH.sub(" - ", _GUILLEMETS.sub("", text)).translate(_TYPOGRAPHY)
