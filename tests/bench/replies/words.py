"""How a reader's result is compared with what the customer wrote.

Readers differ in what they call a signature, and whether they keep lines that are plainly marked as
quoted. So these are ignored on both sides: lines marked with ``>`` or ``|``, lines that introduce
a quotation, and the sign-off. What remains is compared word by word.
"""

from __future__ import annotations

import re
from collections import Counter

from gateway import Value

_WORD = re.compile(r"\w+")
_MARKED = re.compile(r"\s*(?:>|\|(?:\s|$)|[A-Z]>(?:\s|$))")
_WROTE = (
    r"wrote|schrieb\w*|geschrieben|écrit|escribió|scritto|schreef|geschreven|skrev|escreveu|"
    r"napisał\w*|pisze|написа\w+|пише|kirjoitti|írta|napsal\w*|escrit|έγραψε|viết|scris|写道|كتب"
)
_INTRODUCES = re.compile(
    rf"(?=.{{0,250}}(?:@|\d)).{{0,250}}(?:{_WROTE})(?:\(a\))?\b.{{0,80}}[:：-]\s*$"
    r"|.{0,120}\d.{0,120}<[^<>@\s]+@[^<>\s]+>:?\s*$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"[\s*|_-]*(?:from|sent|to|cc|date|subject|reply-to|von|gesendet|an|betreff|datum|de|envoyé|"
    r"à|a|objet|sujet|da|inviato|oggetto|data|risposta|van|verzonden|aan|onderwerp|från|skickat|"
    r"till|ämne|fra|sendt|til|emne|od|do|temat|para|asunto|assunto)\s?[*]*\s?(?: le)?\s?:",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:best|kind|kindest|warm|warmest)(?: regards| wishes)?|regards|cheers|sincerely|"
    r"yours (?:sincerely|faithfully|truly)|all the best|thanks|many thanks|thank you|"
    r"mit (?:freundlichen|lieben|besten) grü(?:ß|ss)en|(?:viele|liebe|beste|freundliche) "
    r"gr(?:ü|u)(?:ß|ss)e|mfg|lg|grü(?:ß|ss)e|gruß|cordialement|bien à vous|cdt|salutations|"
    r"bonne (?:fin de )?journée|au revoir|un saludo|saludos|salud|cordiali saluti|distinti saluti|"
    r"saluti|met vriendelijke groet(?:en)?|groeten|groet|(?:med )?vänliga hälsningar|mvh|"
    r"hälsningar|"
    r"(?:med )?venlig hilsen|hilsen|pozdrawiam|z poważaniem|do widzenia|cumprimentos|"
    r"atenciosamente|adeus|hyvästi|obrigad[oa])\W*",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"[\W_]*(?:(?:sent|get|from) (?:from|using|with|via|by|my|outlook)\b[^,.?]{0,60}"
    r"|envoyé\b.{0,60}|gesendet\b.{0,60}|von meinem\b.{0,60}gesendet|obter o outlook.{0,60})\W*",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"(?:--|__|_{5,}|\*( \*)+|—+|={3,})\s*")
_MOST_SIGN_OFF = 12
"""Lines of a sign-off; a longer end of a mail is the customer's."""


class Difference(Value, frozen=True, kw_only=True):
    """``lost`` and ``leaked``: the words that are missing, and those that are too many."""

    lost: tuple[str, ...] = ()
    leaked: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not (self.lost or self.leaked)


def compare(found: str, written: str) -> Difference:
    """Compare what a reader ``found`` with what was ``written``, as the module says."""
    # Words of the sign-off are no loss to one side and no leak to the other.
    got, wanted = Counter(_words(_body(found))), Counter(_words(_body(written)))
    tolerated = Counter(_words(found)) - got, Counter(_words(written)) - wanted
    lost = (wanted - got) - tolerated[0]
    leaked = (got - wanted) - tolerated[1]
    return Difference(lost=tuple(lost.elements()), leaked=tuple(leaked.elements()))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _body(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "").split("\n")]
    kept = _without_introductions([line for line in lines if not _MARKED.match(line)])
    kept = [line for line in kept if not _HEADER.match(line) and not _DEVICE.fullmatch(line)]
    for start in range(len(kept)):
        tail = [line for line in kept[start + 1 :] if line]
        ends = _CLOSING.fullmatch(kept[start]) or _DELIMITER.fullmatch(kept[start])
        short = len(tail) <= _MOST_SIGN_OFF and all(len(line) <= 80 for line in tail)
        if start and ends and short:
            return "\n".join(kept[:start])
    return "\n".join(kept)


def _without_introductions(lines: list[str]) -> list[str]:
    """Drop the lines, one or two or three together, that introduce a quotation."""
    kept: list[str] = []
    at = 0
    while at < len(lines):
        for height in (1, 2, 3):
            window = lines[at : at + height]
            if all(window) and len(window) == height and _INTRODUCES.fullmatch(" ".join(window)):
                at += height
                break
        else:
            kept.append(lines[at])
            at += 1
    return kept
