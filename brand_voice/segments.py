"""How a text travels as SMS: alphabet, length and segments.

After 3GPP TS 23.038 (the GSM 7 bit default alphabet, section 6.2.1, its extension table, 6.2.1.1,
and UCS-2, 6.2.3) and TS 23.040 section 9.2.3.24.1 (a part of a concatenated message loses six
octets to its header: 153 septets are left of 160, and 67 UCS-2 units of 70).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet, without the escape: one septet each."""

EXTENSION = "\f^{}\\[~]|€"
"""The extension table: an escape and a septet each, never cut apart."""

Encoding = Literal["GSM-7", "UCS-2"]

_SINGLE: dict[Encoding, int] = {"GSM-7": 160, "UCS-2": 70}
_LINKED: dict[Encoding, int] = {"GSM-7": 153, "UCS-2": 67}
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
    """The alphabet that ``text`` needs as it stands."""
    return "GSM-7" if _GSM.fullmatch(text) else "UCS-2"


def units(text: str, alphabet: Encoding | None = None) -> int:
    """The length that counts: septets, or UTF-16 code units."""
    if (alphabet or encoding(text)) == "GSM-7":
        return len(text) + len(_EXTENDED.findall(text))
    return utf16_length(text)


def utf16_length(text: str) -> int:
    """UTF-16 code units, as UCS-2, Telegram and JavaScript count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def segments(text: str) -> tuple[str, ...]:
    """``text`` as it is cut on the way; no escape or surrogate pair is ever cut apart."""
    alphabet = encoding(text)
    if units(text, alphabet) <= _SINGLE[alphabet]:
        return (text,) if text else ()
    room = _LINKED[alphabet]
    found: list[str] = []
    start = used = 0
    for index, char in enumerate(text):
        width = units(char, alphabet)
        if used + width > room:
            found.append(text[start:index])
            start, used = index, 0
        used += width
    return (*found, text[start:])


def count(text: str) -> int:
    """How many segments ``text`` costs; 0 for no text."""
    alphabet = encoding(text)
    size = units(text, alphabet)
    if size <= _SINGLE[alphabet]:
        return 1 if text else 0
    if size == len(text):  # no character takes two units, so none can be pushed to the next one
        return -(-size // _LINKED[alphabet])
    return len(segments(text))


def transliterate(text: str) -> str:
    """Typography in plain dress: quotes, dashes, dots, blanks. No letter is ever changed.

    The text may still need UCS-2 afterwards: whether it was worth it is for the caller to ask.
    """
    text = unicodedata.normalize("NFC", text)
    return _TIGHT_DASH.sub(" - ", _GUILLEMETS.sub("", text)).translate(_TYPOGRAPHY)
