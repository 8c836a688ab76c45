"""Which answers a model may word for a customer: calm ones, on one matter, that decide nothing.

Whether a customer is entitled to something, what an amount comes to, what is done on an account,
and the case of one customer: these are drafted for a person, who decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Literal

from gateway import (
    Passage,
    SourceText,
    Turn,
    denies,
    fold,
    packaged_yaml,
    restrictions_in,
    sentence_spans,
)

HeldBack = Literal[
    "route",
    "not_calm",
    "own_case",
    "eligibility",
    "amount",
    "action",
    "several",
    "conditions",
    "passages",
    "exception",
]
"""Why a customer does not get it. ``route``: routing did not leave the turn to the bot.
``several``: more than one matter. ``conditions``: the answer depends on several conditions.
``passages``: it takes too many passages. ``exception``: the sentence behind one that it rests on
takes something back, and is not told."""

CALM = ("calm", "pleased", "confused")
MILD = 0.5
"""The intensity up to which confusion is calm enough."""
MOST_CONDITIONS = 2
"""Conditions and limits of the sentences that an answer rests on."""
MOST_PASSAGES = 2
"""Passages that an answer for a customer rests on."""
LONGEST_QUESTION = 400
"""Characters of a question. A longer message tells a case."""


@cache
def _patterns() -> tuple[tuple[HeldBack, re.Pattern[str]], ...]:
    lists = packaged_yaml("plugins.knowledge.phrasing", "scope.yaml")
    return tuple(
        (name, re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE))
        for name, patterns in lists.items()
    )


def has_exception(passage: Passage, support: Sequence[tuple[int, int]]) -> bool:
    """Whether the sentence right behind one of ``support`` (where sentences of ``passage`` begin
    and end) denies or limits something, and is not among them."""
    spans = sentence_spans(passage.text)
    told = set(support)
    for here, behind in pairwise(spans):
        if here in told and behind not in told:
            text = passage.text[slice(*behind)]
            limits = {limit.name for limit in restrictions_in(text, passage.language)}
            if limits & {"only", "except"} or denies(text, passage.language):
                return True
    return False


def held_back(turn: Turn, sources: Sequence[SourceText]) -> tuple[HeldBack, ...]:
    """Why the answer to ``turn`` that rests on ``sources`` (one for each passage) is for a person;
    empty: a customer may get it."""
    found: list[HeldBack] = []
    emotion = turn.understanding.emotion
    if turn.route.action in ("escalate", "pass"):
        found.append("route")
    if emotion.label not in CALM or (emotion.label == "confused" and emotion.intensity > MILD):
        found.append("not_calm")
    text = turn.message.text
    if turn.understanding.slots or turn.message.attachments or len(text) > LONGEST_QUESTION:
        found.append("own_case")
    if turn.understanding.questions:
        found.append("several")
    folded = fold(text)
    found += [name for name, pattern in _patterns() if pattern.search(folded)]
    conditions = sum(
        len({limit.name for limit in restrictions_in(source.evidence, source.language)})
        for source in sources
    )
    if conditions > MOST_CONDITIONS:
        found.append("conditions")
    if len(sources) > MOST_PASSAGES:
        found.append("passages")
    return tuple(dict.fromkeys(found))
