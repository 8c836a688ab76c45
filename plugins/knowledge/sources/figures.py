"""The figures in a text that answers state: prices, spans, percentages, dates, hours, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from gateway import Value

FigureKind: TypeAlias = Literal[
    "link", "e-mail", "date", "hour", "price", "percentage", "span", "telephone", "number"
]

_NUMBER = (
    r"\d{1,3}(?:[.,' \u00a0\u202f]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,2})?(?!\d)"
)
_CURRENCY = (
    r"(?:€|\$|£|¥|₺|₹|zł|kr\.?|eur|euros?|usd|dollars?|gbp|pounds?|chf|fr\.|franken|sek|dkk|nok|pln|"
    r"cents?|pence)"
)
_UNITS = (
    r"(?:(?:working|business|calendar|week|full)[ -]?)?(?:days?|weeks?|months?|years?|hours?|"
    r"minutes?|seconds?)|"
    r"(?:werk|arbeits|kalender)?tag(?:en?|e)?|wochen?|monat(?:en?|e)?|jahr(?:en?|e)?|stunden?|"
    r"minuten?|sekunden?|jours?(?: ouvr(?:és|ables))?|semaines?|mois|ans?|années?|heures?|"
    r"d[ií]as?(?: (?:hábiles|laborables))?|semanas?|mes(?:es)?|años?|horas?|minutos?|"
    r"giorni|giorno|settiman[ae]|mes[ei]|ann[io]|or[ae]|dag(?:en)?|we(?:ek|ken)|maand(?:en)?|jaar|"
    r"uur|dni|dzień|tygodni[ea]?|miesi[ąę]c[ey]?|lat|dagar|veckor|månader|gün|hafta|ay|yıl|日間?|週間|か月|年"
)
_MONTHS = (
    r"(?:jan|feb|mar|mär|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|janv|févr|avr|juin|juil|ao[uû]t|"
    r"déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)[^\W\d_]*\.?"
)
_PATTERNS: tuple[tuple[FigureKind, re.Pattern[str]], ...] = (
    ("e-mail", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (
        "link",
        re.compile(
            r"(?:https?://|www\.)[^\s<>()|\"']{1,300}[\w/]|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\."
            r"(?:com|org|net|de|eu|io|example|co\.uk|fr|es|it|nl|at|ch)(?:/[\w./-]*\w)?\b"
        ),
    ),
    ("telephone", re.compile(r"\+\d[\d ()/-]{6,}\d|\b0\d{2,4}[ /-]\d[\d /-]{4,}\d")),
    (
        "price",
        re.compile(
            rf"(?<!\w)(?:{_CURRENCY}\s?(?:{_NUMBER})|(?:{_NUMBER})\s?{_CURRENCY}(?!\w))",
            re.IGNORECASE,
        ),
    ),
    (
        "percentage",
        re.compile(
            rf"(?:{_NUMBER})\s?(?:%|percent|per cent|prozent|pour cent|por ciento|procent)",
            re.IGNORECASE,
        ),
    ),
    (
        "date",
        re.compile(
            rf"\b\d{{4}}-\d\d-\d\d\b|\b[0-3]?\d\.\s?(?:0?[1-9]|1[0-2])\.(?:\s?\d{{2,4}})?(?!\d)|"
            rf"\b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b|"
            rf"\b\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s+(?:de\s+)?{_MONTHS}(?:\s+(?:de\s+)?\d{{4}})?|"
            rf"\b{_MONTHS}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?",
            re.IGNORECASE,
        ),
    ),
    (
        "hour",
        re.compile(
            r"\b\d{1,2}[:h]\d{2}(?:\s?[ap]\.?m\.?|\s?(?:uhr|h)\b)?|"
            r"\b\d{1,2}\.\d{2}\s?(?:[ap]\.?m\b\.?|uhr\b)|"
            r"\b\d{1,2}\s?(?:[ap]\.?m\b\.?|uhr\b|o'clock)",
            re.IGNORECASE,
        ),
    ),
    (
        "span",
        re.compile(
            rf"(?:(?:{_NUMBER})\s?(?:to|bis|à|a|-|–|and|und)\s?)?(?:{_NUMBER})[\s-]?(?:{_UNITS})(?!\w)",
            re.IGNORECASE,
        ),
    ),
    (
        "number",
        re.compile(
            rf"(?<![\w.,])(?:(?:{_NUMBER})\s?(?:to|bis|à|a|-|–)\s?)?(?:{_NUMBER})(?![\w%])",
            re.IGNORECASE,
        ),
    ),
)
_WORDED = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|fifteen|twenty|thirty|"
    r"ein(?:e[mnrs]?)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|vierzehn|dreißig|"
    r"deux|trois|quatre|cinq|sept|huit|neuf|dix|dos|tres|cuatro|cinco|siete|ocho|nueve|diez)"
    rf"[\s-](?:{_UNITS})(?!\w)",
    re.IGNORECASE,
)


class SourceFigure(Value, frozen=True, kw_only=True):
    """A figure as a text has it. ``plain`` is the same however it is spaced: to compare with."""

    kind: FigureKind
    text: str
    start: int

    @property
    def plain(self) -> str:
        return re.sub(r"[\s\u00a0\u202f]+", " ", self.text).strip(" .,").lower()


def figures_in(text: str) -> tuple[SourceFigure, ...]:
    """The figures of ``text``, in order. Each character belongs to one of them at most."""
    free = [True] * len(text)
    found: list[SourceFigure] = []
    for kind, start, end in _matches(text):
        if start < end and all(free[start:end]):
            free[start:end] = [False] * (end - start)
            found.append(SourceFigure(kind=kind, text=text[start:end].strip(), start=start))
    return tuple(sorted(found, key=lambda figure: figure.start))


def _matches(text: str) -> Iterator[tuple[FigureKind, int, int]]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield kind, match.start(), match.end()
        if kind == "span":
            for match in _WORDED.finditer(text):
                yield kind, match.start(), match.end()
