"""What the voice must never touch is taken out of the text before any rule sees it.

Each protected span is replaced by one character of Unicode's private planes and put back when
all rules have run. So a rule cannot change a fact, cut one in two, or take its dot for the end
of a sentence, whatever the rule does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_FIRST, _LAST = 0xF0000, 0x10FFFD
PRIVATE = f"{chr(_FIRST)}-{chr(_LAST)}"
"""The characters that stand for what is hidden, for use in a set of a regular expression."""

_HIDDEN = re.compile(f"[{PRIVATE}]")

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "januar|jänner|februar|märz|mai|juni|juli|oktober|dezember|"
    "janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    "jan|feb|mar|apr|jun|jul|aug|sept?|oct|okt|nov|dec|dez"
)
_BLANK = r"[ \u00a0\u202f]"
_MONEY = r"€|£|\$|¥|eur|usd|gbp|chf"
_PRIVATE = re.compile(f"{_HIDDEN.pattern}+")
_LINK = re.compile(r"://[^\s<>]+")
_HOST = re.compile(r"www\.[^\s<>]+", re.IGNORECASE)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
_MARK = re.compile("[\"“„«`]|(?<!\\w)['‘]")
_QUOTED = re.compile(
    r'"[^"\n]{1,400}"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»'
    r"|(?<!\w)'[^'\n]{1,400}'(?!\w)|(?<!\w)‘[^’\n]{1,400}’(?!\w)|`[^`\n]{1,400}`"
)
_NUMBER = re.compile(r"\d\S*")
_BEFORE_NUMBER = re.compile(rf"(?<!\w)(?:{_MONEY}|(?:{_MONTHS})\.?){_BLANK}\Z", re.IGNORECASE)
_AFTER_NUMBER = re.compile(
    rf"{_BLANK}(?:{_MONEY}|%|uhr)(?!\w)"
    rf"|\.?{_BLANK}(?:de{_BLANK})?(?:{_MONTHS})(?!\w)(?:,?{_BLANK}(?:del?{_BLANK})?\d{{4}}(?!\w))?"
    rf"|,?{_BLANK}\d{{4}}(?!\S)",
    re.IGNORECASE,
)
_BEFORE = "([{<*_¡¿'‘\"“„«—–"
_AFTER = ".,;:!?…)]}>*_'’\"”“»！؟،"

Span = tuple[int, int, bool]
"""Start, end, and whether even its typography must stay."""


class Mask:
    """Hides facts in texts and shows them again.

    Declared facts, links and addresses stay to the letter. Numbers and quotations found in the
    text keep every letter and digit; only an SMS may dress their dashes and blanks plainly.
    """

    def __init__(self, facts: Iterable[str] = ()) -> None:
        self._facts = sorted({fact for fact in facts if fact.strip()}, key=len, reverse=True)
        self._values: list[tuple[str, bool]] = []

    def hide(self, text: str) -> str:
        """``text`` with one character for each thing that must not change."""
        pieces: list[str] = []
        done = 0
        for start, end, exact in _joined([*self._declared(text), *protected(text)]):
            if len(self._values) >= _LAST - _FIRST:
                end = len(text)  # noqa: PLW2901  (no character is left: the rest becomes one span)
            pieces += [text[done:start], self._placeholder(text[start:end], exact=exact)]
            done = end
            if end == len(text):
                break
        return "".join([*pieces, text[done:]])

    def show(self, text: str) -> str:
        """The text with all that was hidden in it."""
        values = self._values

        def value(found: re.Match[str]) -> str:
            index = ord(found[0]) - _FIRST
            return values[index][0] if index < len(values) else found[0]

        return _HIDDEN.sub(value, text)

    def plain(self, change: Callable[[str], str]) -> Mask:
        """A mask whose numbers and quotations went through ``change``."""
        other = Mask()
        other._values = [(v if exact else change(v), exact) for v, exact in self._values]
        return other

    def cut(self, text: str, fits: Callable[[str], bool]) -> str:
        """``text`` with each hidden value that alone does not fit cut into several that do."""

        def pieces(found: re.Match[str]) -> str:
            value, exact = self._values[ord(found[0]) - _FIRST]
            if fits(value):
                return found[0]
            cuts = chunks(value, fits)
            if len(self._values) + len(cuts) > _LAST - _FIRST:
                return found[0]
            return "".join(self._placeholder(cut, exact=exact) for cut in cuts)

        return _HIDDEN.sub(pieces, text)

    def _placeholder(self, value: str, *, exact: bool) -> str:
        self._values.append((value, exact))
        return chr(_FIRST + len(self._values) - 1)

    def _declared(self, text: str) -> Iterable[Span]:
        for fact in self._facts:
            start = text.find(fact)
            while start >= 0:
                end = start + len(fact)
                if not _inside_a_word(text, start, end):
                    yield start, end, True
                start = text.find(fact, end)


def hidden(text: str) -> bool:
    """Whether something is hidden in ``text``."""
    return _HIDDEN.search(text) is not None


def protected(text: str) -> Iterable[Span]:
    """Links, addresses, numbers with their units, dates and quotations."""
    if not text.isascii():
        yield from ((*found.span(), True) for found in _PRIVATE.finditer(text))
    yield from spoken_by_others(text)
    yield from _numbers(text)


def spoken_by_others(text: str) -> Iterable[Span]:
    """Links, addresses and quotations: words in which no fault is found."""
    yield from _links(text)
    if _MARK.search(text):
        for found in _QUOTED.finditer(text):
            yield found.start() + 1, found.end() - 1, False


def _links(text: str) -> Iterable[Span]:
    if "://" in text:
        for found in _LINK.finditer(text):
            start = found.start()
            while start and text[start - 1].isalpha():
                start -= 1
            yield (*_trimmed(text, start, found.end(), "", _AFTER), True)
    for mark, pattern in (("www.", _HOST), ("@", _MAIL)):
        if mark in text:
            for found in pattern.finditer(text):
                yield (*_trimmed(text, *found.span(), "", _AFTER), True)


def _numbers(text: str) -> Iterable[Span]:
    for found in _NUMBER.finditer(text):
        start, end = found.span()
        while start and not text[start - 1].isspace():
            start -= 1
        start, end = _trimmed(text, start, end, _BEFORE, _AFTER)
        if unit := _BEFORE_NUMBER.search(text, max(0, start - 12), start):
            start = unit.start()
        if unit := _AFTER_NUMBER.match(text, end):
            end = unit.end()
        yield start, end, False


def chunks(text: str, fits: Callable[[str], bool]) -> list[str]:
    """``text`` cut, as late as can be, into pieces that fit; at least a character each."""
    found: list[str] = []
    while text:
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(text[:middle]) else (low, middle - 1)
        found.append(text[:low])
        text = text[low:]
    return found


def _inside_a_word(text: str, start: int, end: int) -> bool:
    """Short words (a size, a first name) are facts only where they stand alone."""
    if end - start > 3 or not text[start:end].isalpha():
        return False
    return text[start - 1 : start].isalpha() or text[end : end + 1].isalpha()


def _trimmed(text: str, start: int, end: int, before: str, after: str) -> tuple[int, int]:
    while start < end and text[start] in before:
        start += 1
    while end > start and text[end - 1] in after:
        if text[end - 1] == ")" and text.count("(", start, end) >= text.count(")", start, end):
            break
        end -= 1
    return start, end


def _joined(spans: list[Span]) -> list[Span]:
    """Overlapping spans as one, in order."""
    joined: list[Span] = []
    for start, end, exact in sorted(spans):
        if end <= start:
            continue
        if joined and start < joined[-1][1]:
            first, last, was = joined[-1]
            joined[-1] = (first, max(last, end), was or exact)
        else:
            joined.append((start, end, exact))
    return joined
