"""Hides facts from the rules that rewrite a text.

Each protected span is replaced by one private-use character of Unicode and put back after all rules
have run. So no rule can change a fact, cut one in two, or take its dot for the end of a sentence.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

_FIRST, _LAST = 0xF0000, 0x10FFFD
PRIVATE = f"{chr(_FIRST)}-{chr(_LAST)}"
"""The range of placeholder characters, for a character set of a regular expression."""

_HIDDEN = re.compile(f"[{PRIVATE}]")

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "januar|jänner|februar|märz|mai|juni|juli|oktober|dezember|"
    "janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    "jan|feb|mar|apr|jun|jul|aug|sept?|oct|okt|nov|dec|dez"
)
_SPACE = r"[ \u00a0\u202f]"
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
_BEFORE_NUMBER = re.compile(rf"(?<!\w)(?:{_MONEY}|(?:{_MONTHS})\.?){_SPACE}\Z", re.IGNORECASE)
_AFTER_NUMBER = re.compile(
    rf"{_SPACE}(?:{_MONEY}|%|uhr)(?!\w)"
    rf"|\.?{_SPACE}(?:de{_SPACE})?(?:{_MONTHS})(?!\w)(?:,?{_SPACE}(?:del?{_SPACE})?\d{{4}}(?!\w))?"
    rf"|,?{_SPACE}\d{{4}}(?!\S)",
    re.IGNORECASE,
)
_BEFORE = "([{<*_¡¿'‘\"“„«—–"
_AFTER = ".,;:!?…)]}>*_'’\"”“»！؟،"

Span = tuple[int, int, bool]
"""Start, end, and whether the span is exact: even its typography must stay."""


class FactMask:
    """Replaces facts in texts by placeholders, and placeholders by facts.

    Declared facts, links and addresses are exact. Numbers and quotations found in the text keep
    every letter and digit; an SMS may replace their dashes and spaces by plain ones.
    """

    def __init__(self, facts: Iterable[str] = ()) -> None:
        self._facts = sorted({fact for fact in facts if fact.strip()}, key=len, reverse=True)
        self._values: list[tuple[str, bool]] = []

    def hide(self, text: str) -> str:
        """``text`` with one placeholder for each protected span."""
        pieces: list[str] = []
        done = 0
        for start, end, exact in _merged([*self._declared(text), *protected(text)]):
            if len(self._values) >= _LAST - _FIRST:
                end = len(text)  # noqa: PLW2901  (no placeholder is left for the rest)
            pieces += [text[done:start], self._placeholder(text[start:end], exact=exact)]
            done = end
            if end == len(text):
                break
        return "".join([*pieces, text[done:]])

    def show(self, text: str) -> str:
        """``text`` with its placeholders replaced by what they stand for."""
        values = self._values

        def value(found: re.Match[str]) -> str:
            index = ord(found[0]) - _FIRST
            return values[index][0] if index < len(values) else found[0]

        return _HIDDEN.sub(value, text)

    def respelled(self, change: Callable[[str], str]) -> FactMask:
        """A copy of the mask with ``change`` applied to every value that is not exact."""
        other = FactMask()
        other._values = [(v if exact else change(v), exact) for v, exact in self._values]
        return other

    def cut(self, text: str, fits: Callable[[str], bool]) -> str:
        """``text`` with each masked value that alone does not fit cut into several that do."""

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


def has_placeholder(text: str) -> bool:
    """Whether ``text`` contains a placeholder."""
    return _HIDDEN.search(text) is not None


def protected(text: str) -> Iterable[Span]:
    """The spans of links, addresses, numbers with their units, dates and quotations."""
    if not text.isascii():
        yield from ((*found.span(), True) for found in _PRIVATE.finditer(text))
    yield from links_and_quotations(text)
    yield from _numbers(text)


def links_and_quotations(text: str) -> Iterable[Span]:
    """The spans of links, addresses and quotations. No rule applies within them."""
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
    """``text`` cut into pieces that fit, each as long as possible and at least one character."""
    found: list[str] = []
    while text:
        sizes = range(1, len(text) + 1)
        size = max(1, bisect_left(sizes, True, key=lambda size: not fits(text[:size])))
        found.append(text[:size])
        text = text[size:]
    return found


def _inside_a_word(text: str, start: int, end: int) -> bool:
    """Whether a short word (a size, a first name) is part of a longer one, and so no fact."""
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


def _merged(spans: list[Span]) -> list[Span]:
    """The spans in order, with overlapping ones merged."""
    merged: list[Span] = []
    for start, end, exact in sorted(spans):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            first, last, was_exact = merged.pop()
            merged.append((first, max(last, end), was_exact or exact))
        else:
            merged.append((start, end, exact))
    return merged
