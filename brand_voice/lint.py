"""Advice on a text before it is sent: where, why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from brand_voice.compiled import CompiledGuide, CompiledLanguage
from brand_voice.guide import ChannelGuide
from brand_voice.masking import FactMask, links_and_quotations
from brand_voice.rewriting import BOLD, EMOJI, EXCLAMATION
from brand_voice.segments import count, encoding, transliterate
from brand_voice.splitting import part_limit, sentences, split
from gateway import Finding, MoodLabel, RenderContext, Severity, Value, luhn

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"(?<![\w@/.-])[^\W\d_]{2,}(?:['’][^\W\d_]+)*(?![\w-])")
_REPEATED = re.compile(r"[!?！？]*(?:[!！]{2}|[?？]{2})[!?！？]*")
_CARD = re.compile(r"(?<![\d-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d])")
_KEYS = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)
_PASSWORD = re.compile(
    r"\b(?:password|passwort|kennwort|mot de passe|contraseña|api[ -]?key|pin|cvv|cvc)"
    r"(?:\s+(?:is|ist|est|es|lautet))?\s*[:=]\s*(\S{3,}?)(?=[.,;!?]*(?:\s|\Z))"
    r"|\b(?:password|passwort|kennwort|mot de passe|contraseña|pin|cvv|cvc)"
    r"\s+(?:is|ist|est|es|lautet)\s+((?=\S*\d)\S{3,}?)(?=[.,;!?]*(?:\s|\Z))",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class CheckedText(Value, frozen=True, kw_only=True):
    """A text to check, with what the rules need to know about where it goes."""

    text: str
    channel: ChannelGuide
    channel_name: str
    languages: tuple[CompiledLanguage, ...]
    serious: bool
    label: MoodLabel
    author: str
    exempt: tuple[tuple[int, int], ...]
    """Spans of links and quotations; no rule of wording applies there."""
    acronyms: frozenset[str]

    def applies(self, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` overlaps no exempt span."""
        return all(end <= first or start >= last for first, last in self.exempt)

    def search(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The matches of ``pattern`` outside the exempt spans."""
        return (found for found in pattern.finditer(self.text) if self.applies(*found.span()))


def lint(guide: CompiledGuide, text: str, context: RenderContext) -> tuple[Finding, ...]:
    """The findings on ``text``, ordered by position. Findings may overlap."""
    checked = CheckedText(
        text=text,
        channel=guide.channel(context.channel, context.max_length),
        channel_name=context.channel,
        languages=_languages(guide, text, context.language),
        serious=context.emotion.label in guide.serious,
        label=context.emotion.label,
        author=context.author,
        exempt=tuple((start, end) for start, end, _ in links_and_quotations(text)),
        acronyms=frozenset(word.upper() for word in guide.source.lexicon.acronyms),
    )
    findings = [found for rule in _RULES for found in rule(checked)]
    return tuple(sorted(findings, key=lambda found: (found.start, found.end, found.rule)))


def finding(
    rule: str,
    severity: Severity,
    span: tuple[int, int],
    message: str,
    suggestion: str | None = None,
) -> Finding:
    """A finding on the words at ``span``."""
    start, end = span
    return Finding(
        rule=rule, severity=severity, start=start, end=end, message=message, suggestion=suggestion
    )


def _languages(guide: CompiledGuide, text: str, code: str | None) -> tuple[CompiledLanguage, ...]:
    """The languages whose lists apply: ``code`` if it is known, else those the text looks like."""
    if code is not None:
        return (guide.language(code),)
    words = {word[0].lower() for word in _WORD.finditer(text)}
    scores = {code: len(words & language.common) for code, language in guide.languages.items()}
    best = max(scores.values())
    if best < 2:  # one word is no evidence: «no» is English and Spanish
        return tuple(guide.languages.values())
    return tuple(language for code, language in guide.languages.items() if scores[code] == best)


# -- wording -------------------------------------------------------------------------------------


def _phrases(checked: CheckedText) -> Iterator[Finding]:
    for language in checked.languages:
        for match in language.phrases.find(checked.text):
            category, span = match.rule.category, (match.start, match.end)
            in_mood = category.moods == "any" or checked.serious
            if in_mood and checked.author in category.authors and checked.applies(*span):
                suggestion = match.rule.suggestion(checked.text[match.start : match.end])
                yield finding(match.rule.name, category.severity, span, category.why, suggestion)


def _address(checked: CheckedText) -> Iterator[Finding]:
    for language in checked.languages if len(checked.languages) == 1 else ():
        starts = {start for start, _ in _sentences(checked.text, language)}
        for word, pattern in language.other_forms:
            for found in checked.search(pattern):
                start = found.start()
                before = checked.text[start - 1 : start]
                if before.isalnum() or before == "_":
                    continue
                if word[0].isupper() and (found[0] != word or start in starts):
                    continue
                why = f"We say {language.form.form} to our customers."
                yield finding("address", "warning", found.span(), why)


def _exclamation(checked: CheckedText) -> Iterator[Finding]:
    if checked.serious:
        why = f"No exclamation marks at a customer who is {checked.label}."
        for found in checked.search(EXCLAMATION):
            yield finding(
                "exclamation", "warning", found.span(), why, "?" if "?" in found[0] else "."
            )
        return
    why = "One mark is enough; more sounds like shouting."
    for found in checked.search(_REPEATED):
        yield finding("exclamation", "info", found.span(), why, found[0][-1])


def _emoji(checked: CheckedText) -> Iterator[Finding]:
    if not checked.serious and checked.channel.emoji:
        return
    severity: Severity = "warning" if checked.serious else "info"
    why = (
        f"No emoji at a customer who is {checked.label}."
        if checked.serious
        else f"We write without emoji on {checked.channel_name}."
    )
    for found in checked.search(EMOJI):
        yield finding("emoji", severity, found.span(), why, "")


def _shouting(checked: CheckedText) -> Iterator[Finding]:
    run: list[re.Match[str]] = []
    for found in _LETTERS.finditer(checked.text):
        if not found[0].isupper() or found[0] in checked.acronyms:
            continue
        if not checked.applies(*found.span()):
            continue
        if run and checked.text[run[-1].end() : found.start()].strip(" ,"):
            yield from _shouted(run, checked)
            run = []
        run.append(found)
    yield from _shouted(run, checked)


def _shouted(run: Sequence[re.Match[str]], checked: CheckedText) -> Iterator[Finding]:
    """A run of words in capitals: two of which one has four letters, or one of six letters."""
    longest = max((len(word[0]) for word in run), default=0)
    if longest >= 6 or (len(run) > 1 and longest >= 4):
        start, end = run[0].start(), run[-1].end()
        english = [language.code for language in checked.languages] == ["en"]
        quiet = checked.text[start:end].lower()
        if not checked.text[:start].strip():
            quiet = quiet.capitalize()
        why = "Capitals sound like shouting."
        yield finding("shouting", "warning", (start, end), why, quiet if english else None)


def _long_sentences(checked: CheckedText) -> Iterator[Finding]:
    most = checked.channel.sentence_length
    for start, sentence in _sentences(checked.text, checked.languages[0]):
        words = len(sentence.split())
        if words > most:
            why = f"{words} words; we keep to {most} on {checked.channel_name}. Cut it in two."
            yield finding("long-sentence", "info", (start, start + len(sentence)), why)


def _sentences(text: str, language: CompiledLanguage) -> Iterator[tuple[int, str]]:
    """The sentences of ``text``, each with its position."""
    start = 0
    for sentence, gap in sentences(text, language.abbreviations):
        yield start, sentence
        start += len(sentence) + len(gap)


# -- delivery ------------------------------------------------------------------------------------


def _secrets(checked: CheckedText) -> Iterator[Finding]:
    for kind, span, instead in _secret_spans(checked.text):
        why = f"This looks like a {kind}. It must not stand in a message."
        yield finding("secret", "error", span, why, instead)


def _secret_spans(text: str) -> Iterator[tuple[str, tuple[int, int], str]]:
    """Card numbers, keys and passwords: kind, span, and what to write instead.

    A card number has 13 to 19 digits and a Luhn check digit (ISO/IEC 7812-1). A key or token is
    found by its well-known prefix, a password by the word before it.
    """
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if len(digits) <= 19 and luhn(digits):
            yield "card number", found.span(), f"the card ending in {digits[-4:]}"
    for found in _KEYS.finditer(text):
        yield "key", found.span(), ""
    for found in _PASSWORD.finditer(text):
        yield "password", found.span(found.lastindex or 0), ""


def _formatting(checked: CheckedText) -> Iterator[Finding]:
    if checked.channel.formatting == "plain":
        for found in BOLD.finditer(checked.text):
            why = f"{checked.channel_name} shows the asterisks as they are."
            yield finding("formatting", "info", found.span(), why, found[1])


def _undeliverable(checked: CheckedText) -> Iterator[Finding]:
    if not checked.text.strip():
        yield finding("empty", "error", (0, len(checked.text)), "There is nothing to send.")
    for found in _CONTROL.finditer(checked.text):
        why = "A character that no channel can carry."
        yield finding("control-character", "error", found.span(), why, "")


def _too_long(checked: CheckedText) -> Iterator[Finding]:
    """A text that needs more parts than the channel allows. The span is what goes beyond."""
    mask, most = FactMask(), checked.channel.max_parts
    masked = mask.hide(_as_sent(checked))
    parts = split(masked, mask, part_limit(checked.channel), frozenset())
    if len(parts) > most:
        start = _position_after(checked.text, parts[:most])
        why = (
            f"Too long for {checked.channel_name}: {len(parts)} parts, and {most} is the "
            "most. Leave out what stands from here on, or say it shorter."
        )
        yield finding("too-long", "error", (start, len(checked.text)), why)


def _sms_alphabet(checked: CheckedText) -> Iterator[Finding]:
    """The first character that makes an SMS cost more segments."""
    text = _as_sent(checked)
    if checked.channel.max_segments is None or encoding(text) == "GSM-7":
        return
    plain = "".join(char for char in text if encoding(char) == "GSM-7")
    if count(text) > max(1, count(plain)):
        first = next(
            (i for i, char in enumerate(checked.text) if encoding(transliterate(char)) == "UCS-2"),
            0,
        )
        why = (
            f"An SMS has no cheap sign for this: {count(text)} segments; without such characters "
            f"it would be {count(plain)}."
        )
        yield finding("sms-alphabet", "info", (first, first + 1), why)


def _as_sent(checked: CheckedText) -> str:
    """The text in the spelling in which the channel sends it."""
    if checked.channel.max_segments is None:
        return checked.text
    plain = transliterate(checked.text)
    return plain if encoding(plain) == "GSM-7" else checked.text


def _position_after(text: str, parts: Sequence[str]) -> int:
    """The position in ``text`` after ``parts``, which hold the same visible characters."""
    visible = sum(len("".join(transliterate(part).split())) for part in parts)
    for index, char in enumerate(text):
        visible -= len("".join(transliterate(char).split()))
        if visible < 0:
            return index
    return 0


_RULES: tuple[Callable[[CheckedText], Iterable[Finding]], ...] = (
    _phrases,
    _address,
    _exclamation,
    _emoji,
    _shouting,
    _long_sentences,
    _secrets,
    _formatting,
    _undeliverable,
    _too_long,
    _sms_alphabet,
)
