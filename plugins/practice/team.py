"""Scenarios from the team's own hard conversations: chosen by mood and outcome, and masked. Pure.

Only what customers wrote is used, and of that only words that at least two customers of the brand
have written: a name, a street or a rare matter is a gap.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import get_args

from gateway import CaseRecord, Emotion, Message, MoodLabel, common_words, mask_text, share_kept
from plugins.practice.phrases import LANGUAGES
from plugins.practice.values import Need, PracticeLanguage, PracticeScenario

HARD_FROM = 0.6
"""The distress (0..1) of a customer's message from which a conversation is hard."""
CALM_BELOW = 0.35
LEAST_MESSAGES = 2
LEAST_KEPT = 0.7
"""A line is used only when masking leaves at least this share of its words."""
LEAST_WORDS = 4
LONGEST_LINE = 600
"""Characters of a message: a longer one is no chat."""
LOW_SCORE = 2
UPSET: Collection[MoodLabel] = ("angry", "frustrated", "anxious", "urgent")
NEVER: Collection[str] = ("harm",)
"""Reasons for a hand-over that nobody practises with."""
NEEDS: tuple[Need, ...] = ("acknowledge", "next_step", "time")
MOODS: tuple[MoodLabel, ...] = get_args(MoodLabel)
TITLES: Mapping[MoodLabel, str] = {
    "angry": "An angry customer",
    "frustrated": "A frustrated customer",
    "anxious": "An anxious customer",
    "urgent": "A customer in a hurry",
    "confused": "A confused customer",
}
ENDS = {True: "It ended badly.", False: "It ended well."}
_LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def customer_messages(case: CaseRecord) -> tuple[Message, ...]:
    """What the customer wrote in words, oldest first."""
    return tuple(
        message
        for message in case.messages
        if message.author == "customer" and not message.internal and message.text.strip()
    )


def hardness(case: CaseRecord) -> float:
    """How hard a conversation was, 0 for one that nobody should practise with: the peak of the
    customer's distress, and 0.5 more when it ended badly."""
    messages = customer_messages(case)
    language = case.conversation.language
    answered = any(m.author == "agent" and not m.internal for m in case.messages)
    harmful = any(reason.code in NEVER for each in case.handoffs for reason in each.reasons)
    if language not in LANGUAGES or len(messages) < LEAST_MESSAGES or not answered or harmful:
        return 0.0
    peak = max(_emotion(message).distress for message in messages)
    if peak < HARD_FROM:
        return 0.0
    return peak + 0.5 * ended_badly(case)


def ended_badly(case: CaseRecord) -> bool:
    """By the last survey answer if there is one, else by the mood at the end."""
    for survey in reversed(case.surveys):
        if survey.answer and (survey.answer.score is not None or survey.answer.solved is not None):
            low = survey.answer.score is not None and survey.answer.score <= LOW_SCORE
            return low or survey.answer.solved is False
    return case.mood in UPSET


def shared_words(cases: Iterable[CaseRecord]) -> frozenset[str]:
    """The words that at least two customers of ``cases`` wrote, without anybody's name."""
    said, names = [], set()
    for case in cases:
        names |= {word.casefold() for name in _names(case) for word in _LETTERS.findall(name)}
        said += [(case.customer, message.text) for message in customer_messages(case)]
    return common_words(said) - names


def team_scenario(case: CaseRecord, common: Collection[str]) -> PracticeScenario | None:
    """The scenario of a hard conversation; None when masking leaves too little of its opening.
    ``common`` as `shared_words` finds it."""
    language = _language(case)
    messages = customer_messages(case)
    if language is None or not messages:
        return None
    first = next((m for m in messages if _emotion(m).distress >= HARD_FROM), messages[0])
    opening = masked_line(first.text, common)
    if opening is None:
        return None
    lines: dict[str, tuple[str, ...]] = {}
    for message in messages[messages.index(first) + 1 :]:
        if line := masked_line(message.text, common):
            key = _said_for(message)
            lines[key] = (*lines.get(key, ()), line)
    emotion = _emotion(first)
    mood = emotion.label if emotion.label in TITLES else "frustrated"
    return PracticeScenario(
        id=f"team-{case.conversation.id}",
        language=language,
        title=TITLES[mood],
        about=ENDS[ended_badly(case)],
        opening=opening,
        mood=mood,
        distress=round(emotion.distress, 2),
        needs=NEEDS,
        lines=lines,
        brand=case.conversation.brand,
        conversation=case.conversation.id,
    )


def masked_line(text: str, common: Collection[str]) -> str | None:
    """``text`` with a gap for every word that is not in ``common``, and for numbers, addresses and
    links; None when it is too long, or too little is left."""
    if len(text) > LONGEST_LINE:
        return None
    rare = {word for word in _LETTERS.findall(text) if word.casefold() not in common}
    masked = mask_text(" ".join(text.split()), rare, common)
    words = len(_LETTERS.findall(masked))
    return masked if words >= LEAST_WORDS and share_kept(masked) >= LEAST_KEPT else None


def _said_for(message: Message) -> str:
    distress = _emotion(message).distress
    if distress >= HARD_FROM:
        return "worse"
    return "softer" if distress < CALM_BELOW else "next_step"


def _emotion(message: Message) -> Emotion:
    return message.understanding.emotion if message.understanding else Emotion()


def _language(case: CaseRecord) -> PracticeLanguage | None:
    return next((code for code in LANGUAGES if code == case.conversation.language), None)


def _names(case: CaseRecord) -> list[str]:
    agents = [message.agent.name for message in case.messages if message.agent]
    return [case.customer_name or "", *agents]
