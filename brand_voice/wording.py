"""The rules that change the bot's words. They see masked texts: no fact is within their reach."""

from __future__ import annotations

import re
from collections.abc import Callable

from brand_voice.book import Tongue
from brand_voice.guide import ChannelGuide
from brand_voice.masking import PRIVATE
from brand_voice.phrases import Hit
from brand_voice.sentences import EMOJI, EXCLAMATION, capitalised, sentences
from gateway import MoodLabel, Value

Note = Callable[[str, str, str], None]
"""Called with a rule, and the masked text before and after it."""

_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_TITLED = re.compile(r"\[([^\[\]()\n]{1,200})\]\(([^\s()]{1,200})\)")
_LEAD_IN = re.compile(r"\s*(?:[,:;!.…–—-]|\s-)+\s*")
_JOINED_ON = re.compile(r"(?<!\s)\s*[,;–—]\s*\Z|\s-\s*\Z")
_BARE = re.compile(rf"[^\w{PRIVATE}]*")
_BLANKS = re.compile(r"[ \u00a0]{2,}")
_BEFORE_MARK = re.compile(r"(?<![ \u00a0\u202f])[ \u00a0\u202f]+(?=[.,])")
_JOINTS = re.compile(r";\s+(?=\S)")
_DOUBLED = re.compile(r"!{2,}")


class Manner(Value, frozen=True, kw_only=True):
    """How to write: where, and in what mood."""

    channel: ChannelGuide
    tongue: Tongue
    serious: bool
    label: MoodLabel = "calm"


def reword(text: str, manner: Manner, note: Note) -> str:
    """``text`` after all word rules; empty when none of its words fits the mood."""
    text = _changed("formatting", text, _formatted(text, manner.channel), note)
    kept: list[str] = []
    for sentence, gap in sentences(text, manner.tongue.abbreviations):
        if said := _reworded(sentence, manner, note):
            kept += [said, gap]
    return "".join(kept).strip()


def _reworded(sentence: str, manner: Manner, note: Note) -> str:
    for hit in reversed(manner.tongue.changing[manner.serious].find(sentence)):
        sentence = _changed(hit.entry.rule, sentence, _without(sentence, hit), note)
    marks = calm_marks(sentence) if manner.serious else _DOUBLED.sub("!", sentence)
    sentence = _changed("exclamation", sentence, marks, note)
    if manner.serious or not manner.channel.emoji:
        sentence = _changed("emoji", sentence, without_emoji(sentence), note)
    return _changed("long-sentence", sentence, _shorter(sentence, manner.channel), note)


def calm_marks(text: str) -> str:
    """``text`` without exclamation marks; what was also asked stays a question."""
    if not EXCLAMATION.search(text) and "¡" not in text:
        return text

    def calm(found: re.Match[str]) -> str:
        if "?" in found[0] or "？" in found[0] or "⁉" in found[0]:
            return "?"
        ended = text[: found.start()].rstrip()[-1:] in {"", ".", "…", "?", ",", ":", ";"}
        return "" if ended else "."

    return _BEFORE_MARK.sub("", EXCLAMATION.sub(calm, text).replace("¡", "")).strip()


def without_emoji(text: str) -> str:
    """``text`` without pictures and typed smileys."""
    if not EMOJI.search(text):
        return text
    return _BEFORE_MARK.sub("", _BLANKS.sub(" ", EMOJI.sub("", text))).strip()


def _without(sentence: str, hit: Hit) -> str:
    """``sentence`` after one phrase: replaced, taken out, or left where it cannot be spared."""
    before, found, after = (
        sentence[: hit.start],
        sentence[hit.start : hit.end],
        sentence[hit.end :],
    )
    instead = hit.entry.suggestion(found)
    if instead:
        return before + instead + after
    opening = not before.strip("¡¿\"'“„«(*_ ")
    if opening and _BARE.fullmatch(after):
        return ""
    if opening and (lead := _LEAD_IN.match(after)) and lead.end() < len(after):
        return before + capitalised(after[lead.end() :])
    if instead is None and not opening and _BARE.fullmatch(after) and _JOINED_ON.search(before):
        return _JOINED_ON.sub(".", before)
    if instead is None:
        return sentence
    rest = after.lstrip()
    return before + (capitalised(rest) if opening else rest)


def _formatted(text: str, channel: ChannelGuide) -> str:
    """Emphasis and links in the markup of the channel; plain where it has none."""
    if channel.formatting == "markdown" or ("**" not in text and "](" not in text):
        return text
    bold, link = (r"*\1*", r"<\2|\1>") if channel.formatting == "mrkdwn" else (r"\1", r"\1 (\2)")
    return _TITLED.sub(link, _BOLD.sub(bold, text))


def _shorter(sentence: str, channel: ChannelGuide) -> str:
    """A sentence that is too long, cut at a semicolon between two whole ones."""
    if ";" not in sentence or len(sentence.split()) <= channel.sentence_length:
        return sentence
    halves = _JOINTS.split(sentence)
    if min(len(half.split()) for half in halves) < 4:
        return sentence
    return ". ".join([halves[0], *map(capitalised, halves[1:])])


def _changed(rule: str, before: str, after: str, note: Note) -> str:
    if after != before:
        note(rule, before, after)
    return after
