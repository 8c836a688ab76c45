"""Which of the model's sentences may reach a person: those that their source says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from gateway.settings import packaged_yaml
from gateway.support.personal_data import EMAIL

SHARE = 0.7
"""The least share of a sentence's words that its source must contain, small ones too; of those in
`GLUE` none."""
STEM = 5
"""Letters that stand for a word: enough to tell words apart and to join their forms."""
KEPT_WORDS = 0.6
"""The share of common words from which an edited text is still the same answer."""

_LINK = re.compile(
    r"\b(?:https?://|www\.)\S+|(?<![\w-])[\w-]+(?:\.[\w-]+){0,20}\.[a-z]{2,}\b(?:/\S*)?", re.I
)
_EMAIL = re.compile(EMAIL)
_FIGURE = re.compile(r"[#€$£]?\d+(?:[.,:/\- ]\d+)*\s?(?:%|€|\$|£)?")
_CODE = re.compile(
    r"(?<![\w-])(?:(?=[\w-]{0,60}\d)(?=[\w-]{0,60}[^\W\d_])[\w-]{3,60}|[A-Z][A-Z\d]{2,59})(?![\w-])"
)
"""Codes and other secrets: letters with digits, or capitals alone."""
_MEASURE = re.compile(
    r"\d+(?:st|nd|rd|th|er|e|h\d{0,2}|am|pm|[kmc]?m|[km]?g|ml|l|[gm]b|w|v|x|eur|usd|gbp|chf)", re.I
)
"""Figures with their unit."""
LINKS = (_LINK, _EMAIL)
_ANY_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’]\w+)?")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_CLAUSE = re.compile(
    r"[.!?。;:,()–—](?=\s|$)|\n|[ ][(–—]|"
    r"\s(?:but|however|aber|jedoch|mais|pero|però|ma|maar|ale|mas|men)\s",
    re.IGNORECASE,
)
_WORDS = {
    kind: frozenset(words.split())
    for kind, words in packaged_yaml(__package__, "words.yaml").items()
}
_NEGATIONS = _WORDS["negations"]
_DECISIVE = frozenset().union(*(words for kind, words in _WORDS.items() if kind != "glue"))
"""Words that make a fact, a promise, compensation or a secret of a sentence."""
GLUE = _WORDS["glue"] - _DECISIVE
"""Words that carry no fact, in the languages of the file. In other languages small words must be in
the source as well."""


def grounded(answer: str, source: str) -> bool:
    """Whether ``source`` says all of ``answer``. In doubt, False.

    The source must contain every link, e-mail address, figure (number, date, amount, time) and
    code, and every word that makes a fact, a promise, compensation or a secret. A sentence with one
    of these may have no word of its own at all, small ones included; of another sentence's words at
    least `SHARE` must be in the source. A part of a sentence is denied exactly where the nearest
    part of the source is. Placeholders for personal data are left out.
    """
    answer = _ANY_PLACEHOLDER.sub(" ", answer)
    if not answer.strip():
        return False
    return (
        _found(_EMAIL, answer) <= _found(_EMAIL, source)
        and _found(_LINK, answer) <= _found(_LINK, source)
        and _figures(answer) <= _figures(source)
        and _codes(answer) <= _codes(source)
        and _decisive(answer) <= _decisive(source)
        and all(_says(source, sentence) for sentence in _SENTENCE.split(answer))
        and all(_denies_alike(clause, source) for clause in _CLAUSE.split(answer))
    )


def stems(text: str) -> set[str]:
    """The first `STEM` letters of each word of two letters or more, in lower case."""
    return {word.casefold()[:STEM] for word in re.findall(r"[^\W_]+", text) if len(word) > 1}


def links_in(text: str) -> set[str]:
    """The links of ``text``, in lower case; names of hosts alone, too."""
    return _found(_LINK, _EMAIL.sub(" ", text))


def mails_in(text: str) -> set[str]:
    """The e-mail addresses of ``text``, in lower case."""
    return _found(_EMAIL, text)


def codes_in(text: str) -> set[str]:
    """The codes of ``text``: letters with digits, or capitals alone. Ordinals, times and measures
    (`26th`, `10h30`, `5kg`) are none."""
    return {code for code in _codes(text) if not _MEASURE.fullmatch(code)}


def shared_words(first: str, second: str) -> float:
    """The share of the words of both texts that they have in common, 0..1 (Dice 1945)."""
    one, two = (Counter(re.findall(r"\w+", text.casefold())) for text in (first, second))
    total = one.total() + two.total()
    return 2 * (one & two).total() / total if total else 1.0


def keeps_words(draft: str, final: str) -> bool:
    """Whether ``final``, which was sent in place of ``draft``, is still mostly its words."""
    return shared_words(draft, final) >= KEPT_WORDS


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {found[0].rstrip(".,;:!?)").casefold() for found in pattern.finditer(text)}


def _figures(text: str) -> set[str]:
    return {re.sub(r"\s", "", found[0]) for found in _FIGURE.finditer(_LINK.sub(" ", text))}


def _codes(text: str) -> set[str]:
    return {found[0] for found in _CODE.finditer(_LINK.sub(" ", _EMAIL.sub(" ", text)))}


def _words(text: str) -> set[str]:
    return {word.replace("’", "'") for word in _WORD.findall(text.casefold())}


def _decisive(text: str) -> set[str]:
    return _words(text) & _DECISIVE


def _content(words: Iterable[str]) -> set[str]:
    """The stems of ``words``, without glue."""
    return {word[:STEM] for word in words if word not in GLUE}


def _says(source: str, sentence: str) -> bool:
    bare = _LINK.sub(" ", _EMAIL.sub(" ", sentence))
    wanted = _content(_words(bare))
    missing = wanted - {word[:STEM] for word in _words(source)}
    if _FIGURE.search(bare) or _CODE.search(bare) or _decisive(bare):
        return not missing
    return len(missing) <= (1 - SHARE) * len(wanted)


def _denies_alike(clause: str, source: str) -> bool:
    """Whether ``clause`` denies what it says exactly if the part of the source that shares most of
    its words does. Of several that share as many, one is enough.

    Where the clause has a word that makes a promise, compensation or the like, only parts with
    such a word count, and all of several must deny alike."""
    words = _words(clause)
    wanted, denies = _content(words - _NEGATIONS), bool(words & _NEGATIONS)
    decisive = words & _DECISIVE - _NEGATIONS
    parts = [part for part in map(_words, _CLAUSE.split(source)) if not decisive or part & decisive]
    shared = [
        (len(wanted & _content(part - _NEGATIONS)), bool(part & _NEGATIONS)) for part in parts
    ]
    most = max((count for count, _ in shared), default=0)
    alike = [negated == denies for count, negated in shared if count == most]
    return most == 0 or (all(alike) if decisive else any(alike))
