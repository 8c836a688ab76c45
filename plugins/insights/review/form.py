"""The form of a review: what was chosen, and what is missing. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from gateway import DeskPageRequest, MoodLabel, Value
from plugins.insights.review.values import Judgement, PartJudgement, ReviewItem

LONGEST_ANSWER, LONGEST_COMMENT, LONGEST_INTENT = 4000, 1000, 100
YES, NO = "yes", "no"
PART_CHOICES: tuple[PartJudgement, ...] = get_args(PartJudgement)
MOODS: tuple[MoodLabel, ...] = get_args(MoodLabel)
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "intent_right": (YES, NO),
    "mood_right": (YES, NO),
    "facts": (YES, NO),
    "tone": (YES, NO),
    "opener": PART_CHOICES,
    "explanation": PART_CHOICES,
    "next_step": PART_CHOICES,
}
"""The questions that must be answered, and what can be chosen, the best first."""
TEXTS = ("intent", "mood", "better", "tag", "comment")


class ReviewForm(Value, frozen=True, kw_only=True):
    """The fields as they are shown or were sent."""

    fields: Mapping[str, str] = {}

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @classmethod
    def sent(cls, request: DeskPageRequest) -> ReviewForm:
        names = (*QUESTIONS, *TEXTS)
        return cls(fields={name: request.value(name).strip() for name in names})

    @classmethod
    def all_right(cls) -> ReviewForm:
        return cls(fields={name: choices[0] for name, choices in QUESTIONS.items()})

    @classmethod
    def of(cls, said: Judgement, item: ReviewItem) -> ReviewForm:
        """The form that led to ``said``."""
        if said.skipped:
            return cls()
        intent_right, mood_right = said.intent == item.intent, said.mood == item.mood
        return cls(
            fields={
                "intent_right": YES if intent_right else NO,
                "intent": "" if intent_right else said.intent,
                "mood_right": YES if mood_right else NO,
                "mood": "" if mood_right else said.mood,
                "facts": YES if said.facts else NO,
                "tone": YES if said.tone else NO,
                "opener": said.opener,
                "explanation": said.explanation,
                "next_step": said.next_step,
                "better": said.better,
                "tag": said.tag,
                "comment": said.comment,
            }
        )

    def problem(self, item: ReviewItem) -> str:
        """What is missing or wrong, for the reviewer; empty when nothing is."""
        for name, choices in QUESTIONS.items():
            if self.get(name) not in choices:
                return "Please answer each question, or skip this answer."
        if self.get("intent_right") == NO and self.get("intent") in ("", item.intent):
            return "Please write which intent it is, in the box beside “wrong”."
        if self.get("mood_right") == NO and self.get("mood") not in {*MOODS} - {item.mood}:
            return "Please choose which mood it is, beside “wrong”."
        lengths = {"better": LONGEST_ANSWER, "comment": LONGEST_COMMENT, "intent": LONGEST_INTENT}
        for name, longest in lengths.items():
            if len(self.get(name)) > longest:
                return f"Please use at most {longest} characters for each text."
        return ""

    def judgement(self, item: ReviewItem, reviewer: str, at: datetime) -> Judgement:
        """What was said. Call it only when there is no `problem`."""
        tag = self.get("tag")
        return Judgement(
            item=item.id,
            reviewer=reviewer,
            at=at,
            intent=item.intent if self.get("intent_right") == YES else self.get("intent"),
            mood=item.mood if self.get("mood_right") == YES else _mood(self.get("mood")),
            facts=self.get("facts") == YES,
            tone=self.get("tone") == YES,
            opener=_part(self.get("opener")),
            explanation=_part(self.get("explanation")),
            next_step=_part(self.get("next_step")),
            better=self.get("better"),
            tag="good" if tag == "good" else "bad" if tag == "bad" else "",
            comment=self.get("comment"),
        )


def _part(text: str) -> PartJudgement:
    return next(choice for choice in PART_CHOICES if choice == text)


def _mood(text: str) -> MoodLabel:
    return next(mood for mood in MOODS if mood == text)
