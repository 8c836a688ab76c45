"""Advice on a text before it is sent: where, why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from brand_voice import carrying
from brand_voice.book import Book, Tongue
from brand_voice.draft import Draft, finding
from brand_voice.fitting import lowered
from brand_voice.masking import spoken_by_others
from brand_voice.phrases import pattern
from brand_voice.sentences import EMOJI, EXCLAMATION, sentences
from gateway import Finding, Occasion, Severity

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"(?<![\w@/.-])[^\W\d_]{2,}(?:['’][^\W\d_]+)*(?![\w-])")
_REPEATED = re.compile(r"[!?！？]*(?:[!！]{2}|[?？]{2})[!?！？]*")


def lint(book: Book, text: str, occasion: Occasion) -> tuple[Finding, ...]:
    """Findings on ``text`` in the order of their places; several may overlap."""
    draft = Draft(
        text=text,
        channel=lowered(book.channel(occasion.channel), occasion.max_length),
        channel_name=occasion.channel,
        tongues=_tongues(book, text, occasion.language),
        serious=occasion.emotion.label in book.serious,
        label=occasion.emotion.label,
        author=occasion.author,
        spared=tuple((start, end) for start, end, _ in spoken_by_others(text)),
        acronyms=frozenset(word.upper() for word in book.guide.lexicon.acronyms),
    )
    found = [one for rule in _RULES for one in rule(draft)]
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.rule)))


def _tongues(book: Book, text: str, told: str | None) -> tuple[Tongue, ...]:
    """The languages whose lists apply: the one we were told, else those the text looks like."""
    if told is not None:
        return (book.tongue(told),)
    words = {word[0].lower() for word in _WORD.finditer(text)}
    seen = {code: len(words & tongue.common) for code, tongue in book.tongues.items()}
    most = max(seen.values())
    if most < 2:  # one word is no evidence: «no» is English and Spanish
        return tuple(book.tongues.values())
    return tuple(tongue for code, tongue in book.tongues.items() if seen[code] == most)


# -- the rules -----------------------------------------------------------------------------------


def _phrases(draft: Draft) -> Iterator[Finding]:
    for tongue in draft.tongues:
        for hit in tongue.phrases.find(draft.text):
            category = hit.entry.category
            if draft.author not in category.authors or not draft.free(hit.start, hit.end):
                continue
            if category.moods == "any" or draft.serious:
                instead = hit.entry.suggestion(draft.text[hit.start : hit.end])
                yield finding(
                    hit.entry.rule, category.severity, (hit.start, hit.end), category.why, instead
                )


def _address(draft: Draft) -> Iterator[Finding]:
    for tongue in draft.tongues if len(draft.tongues) == 1 else ():
        starts = set(_starts(draft.text, tongue))
        for word in tongue.other_forms():
            for found in pattern(word).finditer(draft.text):
                first = found.start()
                inside = first and (draft.text[first - 1].isalnum() or draft.text[first - 1] == "_")
                capital = word[0].isupper()
                if inside or (capital and (found[0] != word or first in starts)):
                    continue
                if draft.free(*found.span()):
                    why = f"We say {tongue.form.form} to our customers."
                    yield finding("address", "warning", found.span(), why)


def _exclamation(draft: Draft) -> Iterator[Finding]:
    if draft.serious:
        for found in EXCLAMATION.finditer(draft.text):
            if draft.free(*found.span()):
                instead = "?" if "?" in found[0] else "."
                why = f"No exclamation marks at a customer who is {draft.label}."
                yield finding("exclamation", "warning", found.span(), why, instead)
        return
    for found in _REPEATED.finditer(draft.text):
        if draft.free(*found.span()):
            why = "One mark is enough; more sounds like shouting."
            yield finding("exclamation", "info", found.span(), why, found[0][-1])


def _emoji(draft: Draft) -> Iterator[Finding]:
    if not draft.serious and draft.channel.emoji:
        return
    severity: Severity = "warning" if draft.serious else "info"
    why = (
        f"No emoji at a customer who is {draft.label}."
        if draft.serious
        else f"We write without emoji on {draft.channel_name}."
    )
    for found in EMOJI.finditer(draft.text):
        if draft.free(*found.span()):
            yield finding("emoji", severity, found.span(), why, "")


def _shouting(draft: Draft) -> Iterator[Finding]:
    run: list[re.Match[str]] = []
    for found in _LETTERS.finditer(draft.text):
        if not found[0].isupper() or found[0] in draft.acronyms or not draft.free(*found.span()):
            continue
        if run and draft.text[run[-1].end() : found.start()].strip(" ,"):
            yield from _shouted(run, draft)
            run = []
        run.append(found)
    yield from _shouted(run, draft)


def _shouted(run: Sequence[re.Match[str]], draft: Draft) -> Iterator[Finding]:
    """Two capital words in a row, one of four letters; or one of six."""
    longest = max((len(word[0]) for word in run), default=0)
    if longest >= 6 or (len(run) > 1 and longest >= 4):
        span = (run[0].start(), run[-1].end())
        english = [tongue.code for tongue in draft.tongues] == ["en"]
        shouted = draft.text[span[0] : span[1]]
        quiet = shouted.lower()
        if english and not draft.text[: span[0]].strip():
            quiet = quiet.capitalize()
        why = "Capitals sound like shouting."
        yield finding("shouting", "warning", span, why, quiet if english else None)


def _long_sentences(draft: Draft) -> Iterator[Finding]:
    abbreviations = draft.tongues[0].abbreviations if draft.tongues else frozenset()
    most, start = draft.channel.sentence_length, 0
    for sentence, gap in sentences(draft.text, abbreviations):
        words = len(sentence.split())
        if words > most:
            why = f"{words} words; we keep to {most} on {draft.channel_name}. Cut it in two."
            yield finding("long-sentence", "info", (start, start + len(sentence)), why)
        start += len(sentence) + len(gap)


_RULES: tuple[Callable[[Draft], Iterable[Finding]], ...] = (
    _phrases,
    _address,
    _exclamation,
    _emoji,
    _shouting,
    _long_sentences,
    carrying.hidden_secrets,
    carrying.formatting,
    carrying.deliverable,
    carrying.length,
    carrying.costly,
)


def _starts(text: str, tongue: Tongue) -> Iterator[int]:
    start = 0
    for sentence, gap in sentences(text, tongue.abbreviations):
        yield start
        start += len(sentence) + len(gap)
