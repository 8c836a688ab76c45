"""What an answer says without what is around it: greeting, sign-off, quoted mails."""

from __future__ import annotations

import re

from gateway import fold

LONGEST = 4_000
"""Characters of a message that are read: longer ones are pasted logs and quoted mails."""
_QUOTED = re.compile(r"(?m)^\s*>.*$")
_REPLY_HEADER = re.compile(
    r"(?m)^(?:-{2,}\s*(?:original message|ursprüngliche nachricht|message d'origine).*"
    r"|(?:On|Am|Le|El) .{4,80}(?:wrote|schrieb|a écrit|escribió).{0,40}:)\s*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!]+(?=\S)[^.?!\n]+)*[.?!]*")
_GREETING = re.compile(
    r"^(?:dear|hello|hi|hey|good (?:morning|afternoon|evening|day)|greetings|hallo|guten (?:tag|"
    r"morgen|abend)|lieber?(?:/r)?|liebes|moin|servus|grus+ gott|sehr geehrter?|bonjour|bonsoir"
    r"|cher|chere|madame|monsieur|hola|buenos dias|buenas|estimad[oa])\b"
)
_CLOSING = re.compile(
    r"^(?:(?:kind|best|warm)?\s*(?:regards|wishes)|best|cheers|sincerely|yours|all the best|thanks"
    r"|thank you|many thanks|(?:mit )?(?:freundlichen?|viele|beste|liebe|herzliche)n? grus+e?n?|mfg"
    r"|lg|vg|danke|vielen dank|cordialement|bien a vous|merci|saludos|un saludo|atentamente"
    r"|gracias)\b"
)
_LETTER = re.compile(r"[^\W\d_]")
SHORT = 6
"""Words of a greeting's or a sign-off's line."""


def sentences(text: str) -> list[str]:
    """The sentences and lines of ``text`` that say something."""
    text = _REPLY_HEADER.split(text[:LONGEST], maxsplit=1)[0]
    text = _QUOTED.sub("", text)
    found = (match[0].strip() for match in _SENTENCE.finditer(text))
    return [each for each in found if _LETTER.search(each) or any(c.isdigit() for c in each)]


def content(text: str) -> str:
    """``text`` without its greeting, its sign-off and the name below, and what it quotes."""
    lines = sentences(text)
    while lines and _is_greeting(lines[0]):
        rest = lines[0].partition(",")[2].strip()
        lines[:1] = [rest] if rest and not _is_greeting(rest) else []
    for at, line in enumerate(lines):
        if at and _CLOSING.match(fold(line)) and len(line.split()) <= SHORT:
            lines = lines[:at]
            break
    return " ".join(lines)


def _is_greeting(line: str) -> bool:
    words = line.partition(",")[0].split()
    return _GREETING.match(fold(line)) is not None and len(words) <= SHORT
