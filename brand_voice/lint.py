"""Advice on a text before it is sent: where, why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from brand_voice.book import Book, Tongue
from brand_voice.fitting import limit, split
from brand_voice.guide import ChannelGuide
from brand_voice.masking import Mask, spoken_by_others
from brand_voice.phrases import pattern
from brand_voice.secrets import secrets
from brand_voice.segments import count, encoding, transliterate
from brand_voice.sentences import EMOJI, EXCLAMATION, sentences
from gateway import Finding, Occasion, Severity, Value

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"(?<![\w@/.-])[^\W\d_]{2,}(?:['’][^\W\d_]+)*(?![\w-])")
_REPEATED = re.compile(r"[!?！？]*(?:[!！]{2}|[?？]{2})[!?！？]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")


class Draft(Value, frozen=True, kw_only=True):
    """A text, and all that the rules must know of where it goes."""

    text: str
    channel: ChannelGuide
    channel_name: str
    tongues: tuple[Tongue, ...]
    serious: bool
    label: str
    author: str
    spared: tuple[tuple[int, int], ...]
    """Links and quotations: nobody's fault."""
    acronyms: frozenset[str]

    def free(self, start: int, end: int) -> bool:
        return all(end <= first or start >= last for first, last in self.spared)


def lint(book: Book, text: str, occasion: Occasion) -> tuple[Finding, ...]:
    """Findings on ``text`` in the order of their places; several may overlap."""
    draft = Draft(
        text=text,
        channel=book.channel(occasion.channel),
        channel_name=occasion.channel,
        tongues=_tongues(book, text, occasion.language),
        serious=occasion.emotion.label in book.serious,
        label=occasion.emotion.label,
        author=occasion.author,
        spared=tuple((start, end) for start, end, _ in spoken_by_others(text)),
        acronyms=frozenset(word.upper() for word in book.guide.lexicon.acronyms),
    )
    found = [finding for rule in _RULES for finding in rule(draft)]
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
                yield _finding(
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
                    yield _finding("address", "warning", found.span(), why)


def _exclamation(draft: Draft) -> Iterator[Finding]:
    if draft.serious:
        for found in EXCLAMATION.finditer(draft.text):
            if draft.free(*found.span()):
                instead = "?" if "?" in found[0] else "."
                why = f"No exclamation marks at a customer who is {draft.label}."
                yield _finding("exclamation", "warning", found.span(), why, instead)
        return
    for found in _REPEATED.finditer(draft.text):
        if draft.free(*found.span()):
            why = "One mark is enough; more sounds like shouting."
            yield _finding("exclamation", "info", found.span(), why, found[0][-1])


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
            yield _finding("emoji", severity, found.span(), why, "")


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
        yield _finding("shouting", "warning", span, why, quiet if english else None)


def _long_sentences(draft: Draft) -> Iterator[Finding]:
    abbreviations = draft.tongues[0].abbreviations if draft.tongues else frozenset()
    most, start = draft.channel.sentence_length, 0
    for sentence, gap in sentences(draft.text, abbreviations):
        words = len(sentence.split())
        if words > most:
            why = f"{words} words; we keep to {most} on {draft.channel_name}. Cut it in two."
            yield _finding("long-sentence", "info", (start, start + len(sentence)), why)
        start += len(sentence) + len(gap)


def _secrets(draft: Draft) -> Iterator[Finding]:
    for kind, start, end, instead in secrets(draft.text):
        why = f"This looks like a {kind}. It must not stand in a message."
        yield _finding("secret", "error", (start, end), why, instead)


def _formatting(draft: Draft) -> Iterator[Finding]:
    if draft.channel.formatting == "plain":
        for found in _BOLD.finditer(draft.text):
            why = f"{draft.channel_name} shows the asterisks as they are."
            yield _finding("formatting", "info", found.span(), why, found[1])


def _deliverable(draft: Draft) -> Iterator[Finding]:
    if not draft.text.strip():
        yield _finding("empty", "error", (0, len(draft.text)), "There is nothing to send.")
    for found in _CONTROL.finditer(draft.text):
        why = "A character that no channel can carry."
        yield _finding("control-character", "error", found.span(), why, "")


def _length(draft: Draft) -> Iterator[Finding]:
    """What would not go out in the channel's parts; the span is what stands over."""
    channel, fits = draft.channel, limit(draft.channel)
    text = _spelled(draft)
    mask = Mask()
    parts = split(mask.hide(text), mask, fits, frozenset())
    if len(parts) <= channel.max_parts:
        return
    over = _resumed(draft.text, parts[: channel.max_parts])
    why = (
        f"Too long for {draft.channel_name}: {len(parts)} parts, and {channel.max_parts} is the "
        "most. Leave out what stands from here on, or say it shorter."
    )
    yield _finding("too-long", "error", (over, len(draft.text)), why)


def _costly(draft: Draft) -> Iterator[Finding]:
    """The character that makes an SMS cost more than it would without."""
    text = _spelled(draft)
    if draft.channel.max_segments is None or encoding(text) == "GSM-7":
        return
    plain = "".join(char for char in text if encoding(char) == "GSM-7")
    if count(text) > max(1, count(plain)):
        first = next(
            (i for i, char in enumerate(draft.text) if encoding(transliterate(char)) == "UCS-2"), 0
        )
        why = (
            f"An SMS has no cheap sign for this: {count(text)} segments; without such characters "
            f"it would be {count(plain)}."
        )
        yield _finding("sms-alphabet", "info", (first, first + 1), why)


_RULES: tuple[Callable[[Draft], Iterable[Finding]], ...] = (
    _phrases,
    _address,
    _exclamation,
    _emoji,
    _shouting,
    _long_sentences,
    _secrets,
    _formatting,
    _deliverable,
    _length,
    _costly,
)


# -- helpers -------------------------------------------------------------------------------------


def _finding(
    rule: str, severity: Severity, span: tuple[int, int], message: str, instead: str | None = None
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        start=span[0],
        end=span[1],
        message=message,
        suggestion=instead,
    )


def _spelled(draft: Draft) -> str:
    """The text in the letters it would be sent in."""
    if draft.channel.max_segments is None:
        return draft.text
    plain = transliterate(draft.text)
    return plain if encoding(plain) == "GSM-7" else draft.text


def _starts(text: str, tongue: Tongue) -> Iterator[int]:
    start = 0
    for sentence, gap in sentences(text, tongue.abbreviations):
        yield start
        start += len(sentence) + len(gap)


def _resumed(text: str, parts: Sequence[str]) -> int:
    """Where in ``text`` the words after ``parts`` begin: they hold the same visible characters."""
    visible = sum(len("".join(transliterate(part).split())) for part in parts)
    for index, char in enumerate(text):
        visible -= len("".join(transliterate(char).split()))
        if visible < 0:
            return index
    return 0
