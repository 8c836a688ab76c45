"""Tells an agent's note from their answer, so that nothing internal reaches a customer. Pure.

`note_text` finds what was marked as a note. `why_internal` finds what reads as if it were meant for
colleagues: those texts are asked about before they are sent. The word lists are our own
(``internal_words.yaml``); the figures that they reach are in docs/agents-slack.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from gateway.settings import packaged_yaml

LOCKS = "\N{LOCK}\N{CLOSED LOCK WITH KEY}\N{LOCK WITH INK PEN}"
LOCK_CODES = ("lock", "closed_lock_with_key", "lock_with_ink_pen")

_FOR_WHOM = r"(?: (?:for|to|für|an|ans|pour|à|para|per|a|voor|aan|dla|till|için) [^\n:：]{1,40})?"
_MARKUP = r"*_~`"
_EMOJI_CODE = r":[a-z0-9_+'-]{1,60}:(?::skin-tone-[2-6]:)?"
_EMOJI = (
    "[\u2190-\u2bff\u3030\u303d\U0001f000-\U0001faff][\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
_LEAD = rf"(?:[\s{re.escape(_MARKUP)}>|#•·\-–—\[(【\"'“«]|&gt;|{_EMOJI_CODE}|{_EMOJI})*"
_CLOSE = rf"[\s{re.escape(_MARKUP)}]*"
_LOCKED = re.compile(
    rf"(?:[\s{re.escape(_MARKUP)}>]|&gt;)*(?:[{LOCKS}][\ufe0e\ufe0f]?|:(?:{'|'.join(LOCK_CODES)}):)"
    rf"{_LEAD}"
)
_QUOTE = re.compile(r"^(?:&gt;|>)+ ?", re.MULTILINE)


@cache
def _mark() -> re.Pattern[str]:
    """A note's mark: ``lead`` and the word, until its colon, its bracket or the end of its line."""
    words, marks = "|".join(_lists()["note"]), re.escape(_MARKUP)
    return re.compile(
        rf"(?P<lead>{_LEAD})(?:{words}){_FOR_WHOM}{_CLOSE}"
        rf"(?:[:：]|[\])】][{marks}]*\s*[:：]?|(?=\n))[{marks}]*",
        re.I,
    )


@cache
def _dashed_mark() -> re.Pattern[str]:
    words = "|".join(_lists()["note"])
    return re.compile(rf"{_LEAD}(?:{words}){_CLOSE}[–—-]\s", re.I)


def note_text(text: str) -> str | None:
    """The words of a note; None when ``text`` is not marked as one.

    The mark is ``note:``, ``internal:`` or their like in twelve languages, or a lock, at the very
    beginning; Slack's markup, quote marks, brackets and emoji may stand around it. ``text`` may be
    as Slack delivers it or plain.
    """
    if locked := _LOCKED.match(text):
        lead, rest = locked[0], text[locked.end() :]
        if marked := _mark().match(rest):
            lead, rest = lead + marked["lead"], rest[marked.end() :]
    elif marked := _mark().match(text):
        lead, rest = marked["lead"], text[marked.end() :]
    else:
        return None
    if ">" in lead or "&gt;" in lead:
        rest = _QUOTE.sub("", rest)
    return _without_stray_markup(rest.strip(), lead).strip()


def _without_stray_markup(rest: str, lead: str) -> str:
    """``rest`` without the end of the markup, bracket or quotation mark that ``lead`` began."""
    for opened, closed in (*((mark, mark) for mark in _MARKUP), ("[", "]"), ("(", ")"), ("“", "”"),
                           ('"', '"'), ("«", "»"), ("【", "】")):  # fmt: skip
        begun = lead.count(opened)
        if not begun or not rest.endswith(closed):
            continue
        if closed in _MARKUP and rest.count(closed) % 2 == 0:
            continue
        while begun and rest.endswith(closed):
            rest, begun = rest[: -len(closed)], begun - 1
    return rest


# -- words for colleagues --------------------------------------------------------------------------

_MENTION = re.compile(r"<@[UW][A-Z0-9]+|<!(?:subteam\^|here|channel|everyone)|<#[CG][A-Z0-9]+")
_AT_NAME = re.compile(r"(?<![\w.+/@-])@[^\W\d_][\w.-]+")
_LINE_START = r"^[\s>*_~`\"'-]*"


@cache
def _lists() -> Mapping[str, Any]:
    """The word lists of ``internal_words.yaml``."""
    found: dict[str, Any] = packaged_yaml("gateway.support", "internal_words.yaml")
    return found


@cache
def _pattern(name: str, flags: int = re.I | re.MULTILINE) -> re.Pattern[str]:
    """Any of the expressions in the list ``name``."""
    lists = _lists()
    joined = "|".join(lists[name])
    for part in ("deeds", "they", "he", "her"):
        joined = joined.replace(f"{{{part}}}", "|".join(lists[part]))
    return re.compile(joined.replace("{start}", _LINE_START), flags)


@cache
def _word_set(name: str) -> frozenset[str]:
    return frozenset(str(_lists()[name]).split())


_SENTENCE = re.compile(r"[^.!?\n;:]+[.!?\n;:]?")


def why_internal(
    text: str, *, customer: str | None = None, colleagues: Collection[str] = ()
) -> str | None:
    """Why ``text`` may be meant for colleagues and not for the customer; None when nothing shows
    that.

    ``text`` may be as Slack delivers it or plain, ``customer`` is the customer's name, and
    ``colleagues`` are names of the team.
    """
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    checks: tuple[tuple[bool, str], ...] = (
        (bool(_MENTION.search(text)), "It mentions a colleague or a channel."),
        (_inner_note(text), "A part of it looks like a note."),
        (bool(_AT_NAME.search(plain)), "It mentions a colleague."),
        (_speaks_to_colleague(plain, customer, colleagues), "It speaks to a colleague."),
        (_has("customer", plain), "It speaks about the customer."),
        (_has("to_team", plain), "It reads like a question or a message to the team."),
    )
    return next((why for holds, why in checks if holds), None) or _why_about(plain, customer)


def _why_about(text: str, customer: str | None) -> str | None:
    """Why ``text`` seems to speak about the customer, or to give advice to the team."""
    to_them = _has("you", text) or bool(_pattern("formal_you", 0).search(text))
    asks = _has("asks_someone", text)
    advice = _has("we_should", text)
    if _names_customer(text, customer) and (asks or advice or not to_them):
        return f"It speaks about {customer}."
    somebody = _has("third_person", text) or _has("person_first", text)
    somebody = somebody and not _has("somebody_else", text)
    if somebody and (asks or not to_them or not _pattern("yours", 0).search(text)):
        return "It seems to speak about the customer."
    return "It reads like advice to the team." if advice and not to_them else None


def _has(name: str, text: str) -> bool:
    return _pattern(name).search(text) is not None


def _inner_note(text: str) -> bool:
    """Whether a later line begins like a note, or the first one like a note with a dash."""
    if _dashed_mark().match(text):
        return True
    _, *others = text.split("\n")
    return any(_mark().match(line) or _LOCKED.match(line) for line in others)


def _speaks_to_colleague(text: str, customer: str | None, colleagues: Collection[str]) -> bool:
    """Whether ``text`` begins by speaking to one of ``colleagues``."""
    words, greetings = _words(text)[:4], _word_set("greetings")
    first = next((word for word in words if word not in greetings), "")
    if not first or first in _words(customer or ""):
        return False
    names = {part for name in colleagues for part in _words(name)[:1]}
    names |= {"".join(_words(name)) for name in colleagues}
    if first not in names:
        return False
    request = "|".join(_lists()["request"])
    called = rf"\b{re.escape(first)}\b\s*(?:[,:!?\-–—\n]|{request})"
    return words[0] != first or re.search(called, text, re.I) is not None


def _names_customer(text: str, customer: str | None) -> bool:
    """Whether ``text`` has the customer's name other than as the one it speaks to."""
    names = [word for word in _words(customer or "") if len(word) > 1]
    names = [word for word in names if word not in _word_set("particles")]
    return bool(names) and any(
        _names_in(sentence, names) for sentence in _SENTENCE.findall(text) if sentence.strip()
    )


def _names_in(sentence: str, names: Sequence[str]) -> bool:
    """Whether ``sentence`` has one of ``names`` other than in a greeting or a call."""
    tokens = [(m[0].casefold(), m.start(), m.end()) for m in re.finditer(r"[\w'-]+", sentence)]
    count, greetings = len(tokens), _word_set("greetings")
    for index, (word, start, end) in enumerate(tokens):
        name = word.removesuffix("'s").removesuffix("'")
        if name not in names or not _is_name(name, sentence[start], index, names):
            continue
        if word.endswith("'s"):
            return True
        before = [t[0] for t in tokens[:index] if t[0] not in names]
        gap = sentence[tokens[index - 1][2] : start] if index else ""
        after = sentence[end:].lstrip()
        alone = not before or set(before) <= greetings
        ends = not after or after[0] in ".!?,;:\n–—-"
        follows_name = index + 1 < count and tokens[index + 1][0] in names
        greeted = bool(set(before) - _word_set("titles"))
        if alone and (ends or greeted or (follows_name and not before)):
            continue
        if ends and ("," in gap or set(before[-2:]) & greetings):
            continue
        return True
    return False


def _is_name(word: str, initial: str, index: int, names: Sequence[str]) -> bool:
    """Whether ``word``, which begins with ``initial``, stands for the name and not for the word
    that is spelt alike (Will, Rose, Shop)."""
    capital = initial.isupper() or initial.lower() == initial.upper()
    if word in _word_set("names_like_words"):
        return capital and index > 0
    return capital or word == names[0]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", unicodedata.normalize("NFKC", text).casefold())
