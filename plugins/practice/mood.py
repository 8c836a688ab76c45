"""How a reply moves a customer's mood: a deterministic model. docs/practice.md gives its sources.

Pure functions. The weights are ours. What they follow is their order: what the literature on
service recovery finds to help most or to hurt most weighs most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from gateway import Value
from plugins.practice.phrases import FoundSentence, PhraseBook, content_stems, phrase_book
from plugins.practice.values import (
    Move,
    MoveKind,
    Need,
    PhraseKind,
    PracticeLanguage,
    UpsettingKind,
)

WEIGHTS: Mapping[MoveKind, float] = {
    "acknowledge": 0.2,
    "absolve": 0.16,
    "stock_empathy": 0.03,
    "apology": 0.06,
    "own": 0.18,
    "explain": 0.1,
    "next_step": 0.2,
    "time": 0.15,
    "redress": 0.14,
    "choice": 0.06,
    "specific": 0.05,
    "first_person": 0.04,
    "blame": -0.3,
    "policy": -0.18,
    "robotic": -0.18,
    "effort": -0.14,
    "asked_again": -0.2,
    "dismiss": -0.26,
    "deny": -0.2,
    "refuse": -0.14,
    "pass_on": -0.12,
    "vague": -0.1,
    "cheerful": -0.12,
    "retort": -0.35,
    "taken_back": -0.12,
    "empty_apology": -0.12,
    "no_step": -0.1,
    "too_short": -0.12,
    "too_long": -0.12,
}
"""How much each move relieves or upsets, at its first place in a reply."""

REPEATED = 0.4
"""What each further sentence that does the same adds, as a share of the one before."""
MOST_OF_A_KIND = 3
SAID_BEFORE = 0.5
"""A relief that an earlier reply gave counts half: the same words again help less."""
SHORTEST, LONGEST = 8, 130
"""Words of a reply: below, it is curt; above, its point is hard to find on a small screen."""
GIVES: tuple[MoveKind, ...] = ("next_step", "redress")
CONCRETE: tuple[MoveKind, ...] = ("own", "explain", "next_step", "redress")
"""What an apology needs beside it: without any, it is empty."""
HARSH: tuple[PhraseKind, ...] = ("blame", "policy", "deny", "refuse", "retort", "dismiss")
HOSTILE: tuple[PhraseKind, ...] = ("blame", "retort", "dismiss")
"""Beside one of these, words of sympathy are none."""
ALWAYS: tuple[MoveKind, ...] = ("absolve", "apology")
UPSETTING: tuple[UpsettingKind, ...] = (
    "blame", "policy", "robotic", "effort", "dismiss", "deny", "refuse", "pass_on", "vague",
    "cheerful", "retort",
)  # fmt: skip
MOST_RELIEF, MOST_HARM = 0.55, 0.6
"""No reply moves a mood farther than these shares of the way."""
NUMBER_DIGITS = 4
"""A number of so many digits in the customer's words may be that of an order."""
TOLD_WORDS = 8
"""A message of so many words tells what the matter is."""

MEETS: Mapping[MoveKind, tuple[Need, ...]] = {
    "acknowledge": ("acknowledge",),
    "absolve": ("acknowledge",),
    "own": ("own",),
    "explain": ("explain",),
    "next_step": ("next_step",),
    "redress": ("next_step",),
    "time": ("time",),
}
"""Which needs a move meets."""


class Assessment(Value, frozen=True, kw_only=True):
    """What one reply does. ``effect`` is the sum of its moves: above 0 relieves."""

    moves: tuple[Move, ...]
    effect: float

    @property
    def met(self) -> frozenset[Need]:
        """The needs that it meets."""
        return needs_met(self.moves)


def needs_met(moves: Iterable[Move]) -> frozenset[Need]:
    """The needs that ``moves`` meet; a relief of no weight meets none."""
    return frozenset(need for move in moves if move.weight > 0 for need in MEETS.get(move.kind, ()))


def assess_reply(
    said: str,
    reply: str,
    language: PracticeLanguage,
    *,
    given: Collection[MoveKind] = (),
) -> Assessment:
    """What ``reply`` does to a customer who has written ``said`` (all messages so far, the newest
    last). ``given``: the kinds of moves of earlier replies."""
    book = phrase_book(language)
    sentences = book.sentences(reply)
    promised = any(kind in GIVES for kind in given)
    whole = _of_the_whole(said, reply, sentences, book, promised=promised)
    moves = [*_by_sentence(sentences), *whole]
    counted = _counted(moves, given)
    return Assessment(moves=counted, effect=round(sum(move.weight for move in counted), 4))


def next_distress(distress: float, effect: float) -> float:
    """The distress (0..1) after a reply of this effect. Relief takes a share of what is there, harm
    a share of what is left to 1: nothing leaves the range, and a better reply never leaves a
    customer worse."""
    if effect >= 0:
        return round(distress * (1 - min(effect, MOST_RELIEF)), 4)
    return round(distress + (1 - distress) * min(-effect, MOST_HARM), 4)


def _by_sentence(sentences: Sequence[FoundSentence]) -> list[Move]:
    gives = any(kind in GIVES for sentence in sentences for kind in sentence.kinds)
    return [
        Move(kind=kind, weight=WEIGHTS[kind], sentence=sentence.text)
        for sentence in sentences
        for kind in (*_relieving(sentence, gives=gives), *_upsetting(sentence))
    ]


def _relieving(sentence: FoundSentence, *, gives: bool) -> list[MoveKind]:
    """What a sentence gives, when what it says besides is taken into account. A time is one only
    where some sentence ``gives`` a step."""
    kinds = sentence.kinds
    harsh = bool(kinds & set(HARSH))
    found: list[MoveKind] = []
    if "stock_empathy" in kinds:
        found.append("stock_empathy")
    elif "acknowledge" in kinds and not _taken_back(sentence) and not kinds & set(HOSTILE):
        found.append("acknowledge")
    found += [kind for kind in ALWAYS if kind in kinds]
    if not harsh:
        found += [kind for kind in CONCRETE if kind in kinds]
        if "choice" in kinds and sentence.asks:
            found.append("choice")
        if "time" in kinds and gives:
            found.append("time")
    return found


def _upsetting(sentence: FoundSentence) -> list[MoveKind]:
    found: list[MoveKind] = ["taken_back"] if _taken_back(sentence) else []
    kinds = (kind for kind in UPSETTING if kind in sentence.kinds)
    return found + [kind for kind in kinds if not _excused(kind, sentence)]


def _taken_back(sentence: FoundSentence) -> bool:
    """Whether sympathy is followed by a "but" and something harsh."""
    sympathy = sentence.kinds & {"acknowledge", "stock_empathy", "apology"}
    return bool(sympathy) and bool(sentence.after_but & set(HARSH))


def _excused(kind: UpsettingKind, sentence: FoundSentence) -> bool:
    """Whether a phrase that upsets alone is made good in its own sentence: "I cannot undo it, but
    I will …", or a vague word beside a time."""
    kinds = sentence.kinds
    promises = bool(kinds & {"next_step", "redress"})
    if kind in ("refuse", "deny"):
        return promises and bool(sentence.after_but & {"next_step", "redress"})
    if kind == "vague":
        return promises and "time" in kinds
    if kind in ("effort", "pass_on"):
        return bool(kinds & {"own", "choice"}) or (promises and "time" in kinds)
    if kind == "dismiss":
        return promises and "acknowledge" in kinds
    return False


def _of_the_whole(
    said: str,
    reply: str,
    sentences: Sequence[FoundSentence],
    book: PhraseBook,
    *,
    promised: bool,
) -> list[Move]:
    """What is a matter of all sentences. Once a step is ``promised``, a short word is enough."""
    kinds = {kind for sentence in sentences for kind in sentence.kinds}
    found: list[MoveKind] = []
    if content_stems(said) & content_stems(reply):
        found.append("specific")
    if "first_person" in kinds:
        found.append("first_person")
    words = len(reply.split())
    if words < SHORTEST and not promised:
        found.append("too_short")
    if words > LONGEST:
        found.append("too_long")
    if not promised and not kinds & {"next_step", "redress", "choice"}:
        found.append("no_step")
    moves = [Move(kind=kind, weight=WEIGHTS[kind]) for kind in found]
    for sentence in sentences:
        if _asks_what_was_said(said, sentence, book):
            weight = WEIGHTS["asked_again"]
            moves.append(Move(kind="asked_again", weight=weight, sentence=sentence.text))
    return moves


def _asks_what_was_said(said: str, sentence: FoundSentence, book: PhraseBook) -> bool:
    """Whether a sentence asks for a number, a photo or the matter that the customer has given."""
    kinds = sentence.kinds
    wants = sentence.asks or bool(kinds & {"effort", "ask_repeat"})
    if not wants or "next_step" in kinds:
        return False
    if "ask_repeat" in kinds:
        return len(said.split()) >= TOLD_WORDS
    if "ask_number" in kinds:
        longest = max(
            (len(word) for word in said.split() if any(map(str.isdigit, word))), default=0
        )
        return longest >= NUMBER_DIGITS
    return "ask_photo" in kinds and book.has("ask_photo", said)


def _counted(moves: Sequence[Move], given: Collection[MoveKind]) -> tuple[Move, ...]:
    """``moves`` with their weights: further ones of a kind count less, and an apology counts only
    beside something concrete."""
    kinds = {move.kind for move in moves}
    times: dict[MoveKind, int] = {}
    counted = []
    for move in moves:
        kind = move.kind
        if kind == "apology" and not kinds & set(CONCRETE):
            kind = "empty_apology"
        count = times[kind] = times.get(kind, 0) + 1
        if count > MOST_OF_A_KIND or (kind in ("apology", "empty_apology") and count > 1):
            continue
        weight = WEIGHTS[kind] * REPEATED ** (count - 1)
        if weight > 0 and kind in given:
            weight *= SAID_BEFORE
        counted.append(msgspec.structs.replace(move, kind=kind, weight=round(weight, 4)))
    return tuple(counted)
