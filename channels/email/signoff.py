"""Finds the sign-off at the end of a customer's words: closing, name, signature, list footer.

A closing or a delimiter alone proves nothing ("Cheers", a lone ``--``): what stands below it must
look like names and contact details. Sentences, questions and postscripts stay.
"""

from __future__ import annotations

import re

from channels.email.introductions import compiled, every, plain

_MAX_LINES = 12
"""Lines below a closing; longer ends are the customer's."""
_MAX_SEARCHED = 60
"""Lines at the end of a text in which a sign-off is searched."""
_MAX_LENGTH = 80
_DELIMITER = re.compile(r"--|—|–|__|_{5,}|-{5,}|={5,}|\*( \*){2,}")
_CLOSING = compiled(
    rf"(?:{every('closing')})(?:[\s,.!]*(?:(?-i:[A-ZÀ-ÝŁŚŻ])[\w'.-]{{1,20}} ?){{1,3}})?[\W_]*"
)
_POSTSCRIPT = compiled(rf"[\W_]*(?:{every('postscript')})(?:\s*[:.,)–-]|\s)\s*\S")
_CONTACT = re.compile(
    r"@|https?:|www\.|\+?\d[\d ()/.-]{5,}\d|\||\b(?:tel|fax|phone|mobile?|mob|gmbh|ltd|inc|llc|"
    r"corp|s\.?l|s\.?r\.?l|b\.?v|sarl|ag|ab|aps|sp\. z o\.o)\b",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(r"mailing list|listinfo|unsubscribe|https?://", re.IGNORECASE)
_REFERENCE = re.compile(
    r"#\s?\d{3,}|(?-i:\b[A-Z]{2,5}[- ]?\d{4,})|\b(?:order|bestell|kunden|rechnung|commande|client|"
    r"facture|pedido|factura|ordin|cliente|bestel|klant|ordre|beställ|kund|kunde|zamówieni|klient|"
    r"encomenda|fatura|invoice|customer|ticket)\w*\b.{0,20}\d{3,}",
    re.IGNORECASE,
)
"""Numbers that an answer needs, as some customers put below their name."""
_NAME_WORDS = 4


def is_closing(line: str) -> bool:
    """Whether ``line`` is nothing but a closing formula ("Kind regards,"), with or without name."""
    return len(line) <= _MAX_LENGTH and bool(_CLOSING.fullmatch(line))


def without_sign_off(lines: list[str]) -> list[str]:
    """``lines`` without the sign-off at their end, a postscript below it kept."""
    start = max(0, len(lines) - _MAX_SEARCHED)
    first = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    ends = [plain(line) for line in lines[start:]]
    for is_end in (_is_delimiter, _is_closing):
        for at in range(max(0, first + 1 - start), len(ends)):
            if ends[at] and is_end(lines[start + at], ends[at:]):
                return lines[: start + at] + _postscript(lines[start + at + 1 :], ends[at + 1 :])
    return lines


def _is_delimiter(line: str, ends: list[str]) -> bool:
    return bool(_DELIMITER.fullmatch(ends[0])) and _follows_delimiter(line, ends[1:])


def _is_closing(_line: str, ends: list[str]) -> bool:
    return is_closing(ends[0]) and _is_signature(ends[1:])


def _postscript(lines: list[str], ends: list[str]) -> list[str]:
    found = _postscript_at(ends)
    return [] if found is None else ["", *lines[found:]]


def _postscript_at(ends: list[str]) -> int | None:
    return next((n for n, line in enumerate(ends) if _POSTSCRIPT.match(line)), None)


def _before_postscript(ends: list[str]) -> list[str]:
    return [line for line in ends[: _postscript_at(ends)] if line]


def _is_signature(ends: list[str]) -> bool:
    written = _before_postscript(ends)
    return len(written) <= _MAX_LINES and not any(map(_is_sentence, written))


def _follows_delimiter(delimiter: str, ends: list[str]) -> bool:
    """Below ``-- `` (RFC 3676, 4.3) stands a signature, unless it asks something. Below any other
    delimiter there must be a name and contact details, or the footer of a mailing list."""
    written = _before_postscript(ends)
    if delimiter.rstrip("\r") == "-- ":
        return not any("?" in line for line in written)
    if len(written) > _MAX_LINES or any(map(_is_sentence, written)):
        return False
    if len(plain(delimiter)) >= 5:
        return any(_LIST_FOOTER.search(line) or "@" in line for line in written) or not written
    if any(line[-1] in ".!" and len(line.split()) > 2 for line in written):
        return False
    first = written[0] if written else ""
    named = len(first.split()) <= _NAME_WORDS and not any(char.isdigit() for char in first)
    return not written or named or bool(_CONTACT.search(first))


def _is_sentence(line: str) -> bool:
    """Whether ``line``, below a closing, says something: more than names and contact details do."""
    if "?" in line or _REFERENCE.search(line):
        return True
    if len(line) > _MAX_LENGTH:
        return not _CONTACT.search(line)
    words = len(line.split())
    if words < 5 or _CONTACT.search(line):
        return False
    return line[-1] in ".!" or "," not in line
