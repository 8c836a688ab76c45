"""The rules that rewrite the bot's replies. They see masked texts and so cannot change a fact."""

from __future__ import annotations

import re
from collections.abc import Callable

from brand_voice.compiled import CompiledLanguage, PhraseMatch, capitalised
from brand_voice.guide import ChannelGuide
from brand_voice.masking import PRIVATE
from brand_voice.splitting import sentences
from gateway import MoodLabel, Value

Note = Callable[[str, str, str], None]
"""Called with a rule, and the masked text before and after it."""

EXCLAMATION = re.compile(r"[?？]*[!！‼⁉❗❕][!！?？‼⁉❗❕\ufe0f]*")
"""A run of punctuation that contains an exclamation mark."""

_PICTURES = (
    "\U0001f000-\U0001faff\u2600-\u2712\u2714-\u2716\u2718-\u2727\u2733\u2734\u2744\u2747"
    "\u274c-\u2757\u2763\u2764\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b"
    "\u23e9-\u23f3\u3030\u303d\u3297\u3299"
)
EMOJI = re.compile(
    rf"[{_PICTURES}][{_PICTURES}\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f]*"
    r"|(?<!\S)(?:[:;=]-?[)D(P]|<3|\^\^)(?![\w)])"
)
"""An emoji (also flags and joined ones) or a typed smiley."""

BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_TITLED_LINK = re.compile(r"\[([^\[\]()\n]{1,200})\]\(([^\s()]{1,200})\)")
_LEAD_IN = re.compile(r"\s*(?:[,:;!.…–—-]|\s-)+\s*")
_JOINED_ON = re.compile(r"(?<!\s)\s*[,;–—]\s*\Z|\s-\s*\Z")
_BARE = re.compile(rf"[^\w{PRIVATE}]*")
_BLANKS = re.compile(r"[ \u00a0]{2,}")
_BEFORE_MARK = re.compile(r"(?<![ \u00a0\u202f])[ \u00a0\u202f]+(?=[.,])")
_SEMICOLON = re.compile(r";\s+(?=\S)")
_DOUBLED = re.compile(r"!{2,}")


class Style(Value, frozen=True, kw_only=True):
    """How to write: the channel, the language and the customer's mood."""

    channel: ChannelGuide
    language: CompiledLanguage
    serious: bool
    label: MoodLabel = "calm"


def rewrite(text: str, style: Style, note: Note) -> str:
    """``text`` after all rules; "" when no word of it fits the mood."""
    text = _noted("formatting", text, _with_markup(text, style.channel), note)
    kept: list[str] = []
    for sentence, gap in sentences(text, style.language.abbreviations):
        if rewritten := _rewrite_sentence(sentence, style, note):
            kept += [rewritten, gap]
    return "".join(kept).strip()


def _rewrite_sentence(sentence: str, style: Style, note: Note) -> str:
    for match in reversed(style.language.changing[style.serious].find(sentence)):
        sentence = _noted(match.rule.name, sentence, _without_phrase(sentence, match), note)
    marks = without_exclamation(sentence) if style.serious else _DOUBLED.sub("!", sentence)
    sentence = _noted("exclamation", sentence, marks, note)
    if style.serious or not style.channel.emoji:
        sentence = _noted("emoji", sentence, without_emoji(sentence), note)
    return _noted("long-sentence", sentence, _shortened(sentence, style.channel), note)


def without_exclamation(text: str) -> str:
    """``text`` without exclamation marks; ``?!`` becomes ``?``."""
    if not EXCLAMATION.search(text) and "¡" not in text:
        return text

    def calm(found: re.Match[str]) -> str:
        if {"?", "？", "⁉"} & set(found[0]):
            return "?"
        ended = text[: found.start()].rstrip()[-1:] in {"", ".", "…", "?", ",", ":", ";"}
        return "" if ended else "."

    return _BEFORE_MARK.sub("", EXCLAMATION.sub(calm, text).replace("¡", "")).strip()


def without_emoji(text: str) -> str:
    """``text`` without emoji and typed smileys."""
    if not EMOJI.search(text):
        return text
    return _BEFORE_MARK.sub("", _BLANKS.sub(" ", EMOJI.sub("", text))).strip()


def _without_phrase(sentence: str, match: PhraseMatch) -> str:
    """``sentence`` with the phrase replaced or removed, or as it was where removal breaks it."""
    before, after = sentence[: match.start], sentence[match.end :]
    instead = match.rule.suggestion(sentence[match.start : match.end])
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


def _with_markup(text: str, channel: ChannelGuide) -> str:
    """Emphasis and links in the channel's markup; plain text where it has none."""
    if channel.formatting == "markdown" or ("**" not in text and "](" not in text):
        return text
    bold, link = (r"*\1*", r"<\2|\1>") if channel.formatting == "mrkdwn" else (r"\1", r"\1 (\2)")
    return _TITLED_LINK.sub(link, BOLD.sub(bold, text))


def _shortened(sentence: str, channel: ChannelGuide) -> str:
    """A sentence that is too long, cut at semicolons if every piece has at least four words."""
    if ";" not in sentence or len(sentence.split()) <= channel.sentence_length:
        return sentence
    pieces = _SEMICOLON.split(sentence)
    if min(len(piece.split()) for piece in pieces) < 4:
        return sentence
    return ". ".join([pieces[0], *map(capitalised, pieces[1:])])


def _noted(rule: str, before: str, after: str, note: Note) -> str:
    """``after``; the rule is noted if it changed the text."""
    if after != before:
        note(rule, before, after)
    return after
