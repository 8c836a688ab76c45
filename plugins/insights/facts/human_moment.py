"""Finds the words that an agent wrote for this customer and no other.

Four kinds, by rules in ``words/*.yaml`` and by what the customer wrote: their name, their earlier
contacts, the number of their order, and words of theirs that no other case has.

Known bias: a fact in other words than the customer's ("the big day" for a wedding) is missed, and
so is a name that the shop does not know and the customer does not give. A word that few cases
share but that is ordinary in this shop (a product that everyone asks about) counts as specific.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from gateway import Message, ReadText, Value, fold, value_shape

from .told_facts import codes, content, customer_names
from .wording import Talk, Token, Wording, read_talk, stem, tokens

HumanMomentKind = Literal["name", "past_contact", "specific_fact", "order"]

_PARTICLES = frozenset(
    [
        "de",
        "la",
        "le",
        "van",
        "von",
        "der",
        "den",
        "du",
        "da",
        "di",
        "del",
        "dos",
        "el",
        "ten",
        "ter",
        "y",
        "e",
        "mr",
        "mrs",
        "ms",
        "dr",
    ]
)
_SIGNATURE = 45
"""Characters after a closing (`Kind regards`) that are a signature."""


_GAP = 3
"""So many characters after a name, another word is no part of it."""


class HumanMoment(Value, frozen=True, kw_only=True):
    """Words of an agent's message that fit this customer alone: ``text[start:end]`` of it.

    ``name``: the customer's name. ``past_contact``: an earlier contact or purchase of theirs.
    ``specific_fact``: what only this customer told in this conversation (the trip on Friday, the
    green kettle). ``order``: the number of their order, parcel or invoice, which a saved text with
    a gap for it has as well.
    """

    message: int
    kind: HumanMomentKind
    start: int
    end: int


def human_moments(
    messages: Sequence[Message] | Talk, customer_name: str | None
) -> tuple[HumanMoment, ...]:
    """The human moments in the agents' messages, in the order of the text.

    ``customer_name`` is the name as the shop knows it. Greetings such as "Dear customer", the
    agent's own name and signatures are none. Notes and messages that were never sent are left out.
    Who asks for several facts of one conversation reads it once (`read_talk`).
    """
    talk = messages if isinstance(messages, Talk) else read_talk(messages)
    if talk is None or not any(message.author == "agent" for message, _ in talk.messages):
        return ()
    return tuple(_moments(talk, customer_name))


def _moments(talk: Talk, customer_name: str | None) -> Iterator[HumanMoment]:
    rules = talk.wording
    names = [fold(part) for part in re.findall(r"[^\W\d_][\w'-]+", customer_name or "")]
    theirs: set[str] = set()
    ours: set[str] = set()
    numbers: set[str] = set()
    lower: list[ReadText] = []
    last = max(at for at, (message, _) in enumerate(talk.messages) if message.author == "agent")
    for message, read in talk.messages[: last + 1]:
        if message.author == "customer":
            names += [fold(name) for name in customer_names(read, rules)]
            theirs |= content(read, rules) - ours
            numbers |= codes(read)
            lower.append(read)
            continue
        if message.author == "agent":
            found = [
                *_names(read, names, lower, rules),
                *_past(read, rules),
                *_orders(read, numbers),
            ]
            taken = [(start, end) for _, start, end in found]
            found += _specific(
                read, rules, theirs=theirs, names=names, numbers=numbers, taken=taken
            )
            for kind, start, end in sorted(found, key=lambda one: one[1:]):
                yield HumanMoment(message=message.id, kind=kind, start=start, end=end)
        ours |= content(read, rules) - theirs


_Found = tuple[HumanMomentKind, int, int]


# -- names -----------------------------------------------------------------------------------------


def _names(
    read: ReadText, names: Sequence[str], lower: Sequence[ReadText], rules: Wording
) -> Iterator[_Found]:
    """The customer's names, but for signatures, the agent's own name, and ordinary words."""
    known = {name for name in names if len(name) > 1 and name not in _PARTICLES}
    if known.isdisjoint(read.words) and not any(name in read.folded for name in known):
        return
    signed = _signature(read, rules)
    last = -_GAP
    for token in tokens(read):
        if token.word not in known or not read.text[token.start].isupper():
            continue
        before, after = read.folded[: token.start], read.folded[token.end :]
        if token.start >= signed or after[:1] == "@" or before[-1:] in ("@", "/", "."):
            continue
        if rules.introductions.search(before[-30:]) or rules.introduced.search(after[:30]):
            continue
        if token.start - last >= _GAP and _may_be_word(token, read, lower, rules):
            continue
        yield "name", token.start, token.end
        last = token.end


def _may_be_word(token: Token, read: ReadText, lower: Sequence[ReadText], rules: Wording) -> bool:
    """Whether a name that is also a word (Amber, Stone, Will) is that word here."""
    dates = rules.words["days"] | rules.words["months"]
    ordinary = token.word in rules.ignored | dates or any(
        re.search(rf"\b{re.escape(read.text[token.start : token.end].lower())}\b", said.text)
        for said in lower
    )
    if not ordinary:
        return False
    before = re.findall(r"[^\W_]+", read.folded[: token.start])[-1:]
    called = bool(before) and (
        before[0] in rules.words["greetings"] or before[0] in rules.words["titles"]
    )
    gap = read.folded[: token.start].rstrip()[-1:]
    ends = read.folded[token.end :].lstrip()[:1] in ("", ",", "!", ".", "?", ":")
    return not (called or (ends and gap in (",", "")))


def _signature(read: ReadText, rules: Wording) -> int:
    """Where the signature begins; the length of the text without one."""
    size = len(read.folded)
    for match in rules.closings.finditer(read.folded):
        rest = read.folded[match.end() :]
        if (
            len(rest) <= _SIGNATURE
            and not re.search(r"[?!]|\.\s+\w", rest)
            and rest.strip(" ,.-\n")
        ):
            return match.start()
    last = re.search(r"(?:^|[.!?\n]\s*)([^.!?\n]+)$", read.folded)
    if last and last[1].strip() and len(last[1].split()) <= 4 and last.start() >= 0:
        words = re.findall(r"[^\W_]+", last[1])
        alone = last.start() > 0 or ("," in last[1] and not rules.has("greetings", words[:1]))
        if alone and words and not rules.has("greetings", words) and not rules.has("titles", words):
            return last.start(1)
    return size


# -- earlier contacts, numbers ---------------------------------------------------------------------


def _past(read: ReadText, rules: Wording) -> Iterator[_Found]:
    if rules.has("past_hints", read.words):
        for match in rules.past.finditer(read.folded):
            yield "past_contact", match.start(), match.end()


_OUR_CODE = re.compile(
    r"(?<![\w@.,-])#?(?:[A-Z]{1,5}[- ]?\d[\dA-Z-]*|\d[\dA-Z/-]{2,}[\dA-Z]|[A-Z]{1,3}-\d+)"
    r"(?![\w@]|[.,]\d)"
)
_LAST_WORDS = re.compile(r"(\w+)\W{1,3}(?:\w{1,9}\W{1,2})?$")


def _orders(read: ReadText, numbers: set[str]) -> Iterator[_Found]:
    """Numbers of an order: those that the customer gave, and others beside such a word."""
    for match in _OUR_CODE.finditer(read.text):
        code = re.sub(r"[-# /]", "", match[0]).lower()
        near = _LAST_WORDS.search(read.folded[max(0, match.start() - 30) : match.start()])
        if code in numbers or (near and value_shape("before_number").search(near[0])):
            yield "order", match.start(), match.end()


# -- specific facts --------------------------------------------------------------------------------


def _specific(
    read: ReadText,
    rules: Wording,
    *,
    theirs: set[str],
    names: Sequence[str],
    numbers: set[str],
    taken: Sequence[tuple[int, int]],
) -> Iterator[_Found]:
    """Words of the customer that say something of them alone, where they stand like nouns."""
    if theirs.isdisjoint(content(read, rules)):
        return
    run: tuple[int, int] | None = None
    before = before_that = ""
    matched = False
    for token in tokens(read):
        word = token.word
        key = stem(word)
        if _begins(read, token):
            before = before_that = ""
            matched = False
        fits = (
            key in theirs
            and word not in names
            and word not in rules.ignored
            and re.sub(r"[-# ]", "", word) not in numbers
            and not any(start <= token.start < end for start, end in taken)
            and _like_noun(read, token, rules, before=(before, before_that), matched=matched)
        )
        if fits:
            run = (run[0] if run else token.start, token.end)
        elif run:
            yield "specific_fact", *run
            run = None
        before_that, before, matched = before, word, fits
    if run:
        yield "specific_fact", *run


def _like_noun(
    read: ReadText, token: Token, rules: Wording, *, before: tuple[str, str], matched: bool
) -> bool:
    """Whether a word stands where a noun or its adjective does. ``before`` are the two words
    before it in the sentence, nearest first; ``matched`` is whether the nearest was found."""
    determiners = rules.words["determiners"]
    if token.word[0].isdigit():
        return len(token.word) > 1 or before[0] in determiners
    if token.word in rules.words["days"] or token.word in rules.words["months"]:
        return True
    if read.text[token.start].isupper() and not _begins(read, token):
        return True
    return not rules.german and (matched or not determiners.isdisjoint(before))


def _begins(read: ReadText, token: Token) -> bool:
    """Whether the word begins a sentence or a line."""
    gap = read.folded[max(0, token.start - 3) : token.start]
    return token.start == 0 or "\n" in gap or gap.rstrip()[-1:] in (".", "!", "?", ":")
