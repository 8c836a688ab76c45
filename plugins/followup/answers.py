"""Reads an answer to a survey from free words, on every channel. Pure.

What is clearly an answer is one: a score, yes or no, "still broken", a word of thanks, STOP. What
asks something or is about anything else is not: it gives None and is handled as a new message.
"""

from __future__ import annotations

import re
import unicodedata

from gateway import SurveyAnswer
from plugins.followup import phrases

LONGEST = 2_000
"""Characters looked at; a longer message is no answer to one question."""

_TAIL = rf"(?=\s*(?:$|[.,;:!)\n–—-]|(?:{phrases.LINKS})(?!\w)))"
_STARS = rf"(?:\s*(?:{phrases.STARS})(?!\w))?"
_OF_FIVE = rf"(?:\s*(?:/|{phrases.OF})\s*5)?"
_LEAD = rf"(?:(?:{phrases.LEADS})[\s:]+){{0,4}}"
_NUMBER = re.compile(rf"\W*{_LEAD}([1-5])(?:[.,](\d))?{_OF_FIVE}{_STARS}{_TAIL}")
_OF_TEN = re.compile(rf"\W*{_LEAD}(10|\d)\s*(?:/|{phrases.OF})\s*10{_TAIL}")
_WORD = re.compile(rf"\W*{_LEAD}({'|'.join(phrases.NUMBERS)})(?!\w){_OF_FIVE}{_STARS}{_TAIL}")
_SYMBOLS = re.compile(r"[★⭐🌟]")
_ASTERISKS = re.compile(r"\s*(\*{1,5})\s*$")
_UP = re.compile("^[👍🙂😊😀😃😄😍❤🙏👌💯✅]+")
_DOWN = re.compile("^[👎😡😠😞🙁☹😢😤❌]+")
_STOP = re.compile(rf"^(?:{phrases.PLEASE})?(?:{phrases.STOP})$")
_UNSOLVED = re.compile(rf"(?<!\w)(?:{phrases.UNSOLVED})(?!\w)")
_SOLVED = re.compile(rf"(?<!\w)(?:{phrases.SOLVED})(?!\w)")
_NO = re.compile(
    rf"^(?:{phrases.NO})(?!\w)(?P<stop>\s*[,.!;:–—\n-]|\s*$)?\s*(?P<rest>.*)$", re.DOTALL
)
_YES = re.compile(rf"^(?:{phrases.YES})(?!\w)\W*(?P<rest>.*)$", re.DOTALL)
_BAD = re.compile(rf"(?<!\w)(?:{phrases.BAD})(?!\w)")


def read(text: str) -> SurveyAnswer | None:
    """The answer that ``text`` is, or None when it is no answer."""
    said = text.strip()
    plain = _plain(said)
    if not plain or len(plain) > LONGEST:
        return None
    if _STOP.match(_bare(plain)):
        return SurveyAnswer(opt_out=True)
    return _scored(plain, said) or _worded(plain, said)


def asks(text: str) -> bool:
    """Whether there is a question in ``text``."""
    return any(mark in text for mark in "?؟？")


def _scored(plain: str, said: str) -> SurveyAnswer | None:
    score, rest = _score(plain)
    if score is None:
        return None
    comment = "" if not re.search(r"\w", rest) else said
    return SurveyAnswer(
        score=score,
        solved=False if _UNSOLVED.search(rest) else None,
        comment=comment,
        opt_out=bool(_STOP.match(_bare(rest))),
    )


def _score(plain: str) -> tuple[int | None, str]:
    """The score 1..5, and what was said besides."""
    stars = len(_SYMBOLS.findall(plain))
    if stars:
        return min(stars, 5), re.sub(r"[★☆⭐🌟]", "", plain)
    if found := _ASTERISKS.match(plain):
        return len(found[1]), ""
    if found := _OF_TEN.match(plain):
        return min(5, max(1, (int(found[1]) + 1) // 2)), plain[found.end() :]
    if found := _NUMBER.match(plain):
        half = found[2] is not None and int(found[2]) >= 5
        return min(5, int(found[1]) + half), plain[found.end() :]
    if found := _WORD.match(plain):
        return phrases.NUMBERS[found[1]], plain[found.end() :]
    return None, plain


def _worded(plain: str, said: str) -> SurveyAnswer | None:
    if found := _UP.match(plain) or _DOWN.match(plain):
        rest = plain[found.end() :]
        if _only(phrases.POLITE, rest):
            up = _UP.match(plain) is not None
            return SurveyAnswer(solved=up, comment=said if re.search(r"\w", rest) else "")
    if _UNSOLVED.search(plain):
        return SurveyAnswer(solved=False, comment=said)
    if found := _NO.match(plain):
        return _denied(found, said)
    if asks(plain):
        return None
    return _agreed(plain, said)


def _denied(found: re.Match[str], said: str) -> SurveyAnswer | None:
    rest = found["rest"]
    if rest and _only(phrases.NOTHING_WRONG, rest):
        return SurveyAnswer(comment=said)
    answers = found["stop"] is not None or (len(rest.split()) <= 4 and not asks(rest))
    return SurveyAnswer(solved=False, comment=said if rest else "") if answers else None


def _agreed(plain: str, said: str) -> SurveyAnswer | None:
    if found := _YES.match(plain):
        rest = found["rest"]
        whole = _only(phrases.POLITE, rest) or _SOLVED.search(rest) or len(rest.split()) <= 6
        return SurveyAnswer(solved=True, comment=said if rest else "") if whole else None
    if _SOLVED.search(plain) and len(plain.split()) <= 12:
        return SurveyAnswer(solved=True, comment=said)
    if _BAD.search(plain) and len(plain.split()) <= 6:
        return SurveyAnswer(solved=False, comment=said)
    kind = re.search(r"\w", plain) and _only(phrases.POLITE, plain)
    return SurveyAnswer(comment=said) if kind else None


def _only(words: frozenset[str], text: str) -> bool:
    return words.issuperset(re.findall(r"[\w']+", text))


def _plain(text: str) -> str:
    """Lower case, one kind of digits and apostrophes, emoji without their variations."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = (c for c in folded if not _decoration(c))
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in kept).strip()


def _decoration(char: str) -> bool:
    return char in "\u200d\ufe0e\ufe0f\u20e3\u0640" or "\U0001f3fb" <= char <= "\U0001f3ff"


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text))
