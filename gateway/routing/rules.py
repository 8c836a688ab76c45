"""The rules by which the bot steps back: each with its label, its settings and its check.

- ``label`` is what agents read;
- the fields of the class are its settings in the policy file;
- ``check`` says whether and why the reason holds.

`gateway.routing.reasons.Reasons` has them in their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.model import UNREADABLE, MoodLabel, Turn
from gateway.routing.turn_reading import (
    after_colon,
    answered_messages,
    chose_button,
    confident_intent,
    count_replies,
    intent_words,
    quoted_sentence,
    quoted_signal,
    running_distress,
    since_bot_took_over,
    word_set,
)

if TYPE_CHECKING:
    from gateway.routing.policy import Policy


Share = Annotated[float, Field(ge=0, le=1)]
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]


class PolicyPart(BaseModel):
    """A section of the policy file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(PolicyPart):
    """A reason to step back, with the settings that all have: a switch, a tier, a priority.

    A plain `Rule` never holds: it stands for the codes of handlers.
    """

    label: ClassVar[str] = ""
    enabled: bool = True
    tier: str | None = Field(None, description="none: the first tier")
    priority: int = Field(0, ge=0, le=3, description="0 normal .. 3 at once")

    def check(self, _turn: Turn, _policy: Policy, /) -> str | None:
        """Why the reason holds, for the agent (in the customer's own words where possible); None
        when it does not hold. Pure."""
        return None


class Harm(Rule):
    """The customer speaks of harm or danger: first of all reasons, at any hour, whatever they
    want otherwise, also in a conversation that a person has and in the answer to a survey."""

    label: ClassVar[str] = "Speaks of harm or danger"
    priority: int = Field(3, ge=0, le=3)
    alarm_minutes: float = Field(
        5, gt=0, description="then an alarm, unless claimed; outside opening hours at once"
    )

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        return quoted_signal(turn, "harm")


class AskedForPerson(Rule):
    """The customer asks for a person."""

    label: ClassVar[str] = "Asked for a person"
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset({"ask_person", "ask_for_person", "talk_to_human"})

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        intent = confident_intent(turn, policy)
        by_intent = intent_words(intent) if intent and intent in self.intents else None
        asked = quoted_signal(turn, "asked_for_person") or by_intent
        return asked or quoted_sentence(turn, self.intents, policy)


class Legal(Rule):
    """The customer speaks of legal steps."""

    label: ClassVar[str] = "Speaks of legal steps"
    priority: int = Field(2, ge=0, le=3)

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        return quoted_signal(turn, "legal")


class Urgent(Rule):
    """The message is urgent, without speaking of harm."""

    label: ClassVar[str] = "Urgent"
    priority: int = Field(2, ge=0, le=3)
    intensity: Share = Field(0.8, description="holds from this intensity of `urgent`")

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        emotion = turn.understanding.emotion
        if emotion.label != "urgent" or emotion.intensity < self.intensity:
            return None
        return f"urgent {emotion.intensity:.2f}{after_colon(emotion.cues)}"


class ArcRule(PolicyPart):
    """The mood over the conversation, as a running mean of the customer's distress."""

    memory: Share = Field(0.5, description="share of the old mean that each message keeps")
    level: Share = Field(0.6, description="a mean this high brings a person")
    rise: Share = Field(0.4, description="so does a rise of the mean by this much")
    messages: int = Field(3, ge=2, description="customer messages before the arc counts")

    def check(self, turn: Turn, cues: str) -> str | None:
        """How the mood fell; ``cues`` quotes those of the last message."""
        means = running_distress(turn, self.memory)
        if len(means) < self.messages:
            return None
        now, best = means[-1], min(means)
        if now >= self.level:
            return f"the mood is low over {len(means)} messages, distress {now:.2f}{cues}"
        if now - best >= self.rise:
            span = f"{best:.2f} to {now:.2f}"
            return f"the mood fell over {len(means)} messages, distress {span}{cues}"
        return None


class StrongEmotion(Rule):
    """The customer is upset, in this message or over the conversation."""

    label: ClassVar[str] = "Strong feelings"
    priority: int = Field(2, ge=0, le=3)
    intensity: Mapping[MoodLabel, Share] = {"frustrated": 0.6, "angry": 0.45, "anxious": 0.75}
    distress: Share = Field(
        0.75, description="holds from this distress, for every mood but pleased"
    )
    arc: ArcRule = ArcRule()

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        emotion = turn.understanding.emotion
        courtesy = confident_intent(turn, policy) in policy.pass_by_intents
        if emotion.label == "pleased" or (emotion.label == "calm" and courtesy):
            return None
        cues = after_colon(emotion.cues)
        threshold = self.intensity.get(emotion.label)
        if threshold is not None and emotion.intensity >= threshold:
            return f"{emotion.label} {emotion.intensity:.2f}{cues}"
        if emotion.distress >= self.distress:
            return f"{emotion.label}, distress {emotion.distress:.2f}{cues}"
        return None if emotion.label == "calm" else self.arc.check(turn, cues)


class SensitiveIntent(Rule):
    """The matter is one that people should handle, or a sentence of several surely tells of one."""

    label: ClassVar[str] = "A sensitive matter"
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset(
        {"billing_dispute", "outage", "cancellation", "complaint", "data_protection", "fraud"}
    )
    sentence: Share = Field(0.8, description="least confidence in one sentence of several")
    whole_only: frozenset[str] = Field(
        frozenset(),
        description="of `intents`, those that no sentence of several shows, such as one whose "
        "sentences state an order number",
    )

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        questions = turn.understanding.questions
        intents = (confident_intent(turn, policy), *(question.guess.name for question in questions))
        sensitive = [name for name in intents if name in self.intents]
        if any(name not in self.whole_only for name in sensitive):
            return intent_words(next(name for name in sensitive if name not in self.whole_only))
        told = quoted_sentence(turn, self.intents - self.whole_only, policy)
        return told or next(map(intent_words, sensitive), None)


class UnservedLanguage(Rule):
    """The customer writes in a language that the bot does not serve well."""

    label: ClassVar[str] = "A language the bot does not serve well"
    served: tuple[LanguageCode, ...] = ("en", "de", "fr", "es", "ar")
    assisted: tuple[LanguageCode, ...] = ()
    assisted_confidence: Share = Field(
        0.8, description="least confidence in the intent to answer there"
    )
    confidence: Share = Field(0.8, description="least confidence in the language")
    letters: int = Field(12, ge=0, description="shorter messages are not judged")

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        language, intent = turn.understanding.language, turn.understanding.intent
        if language.code in ("und", *self.served) or language.confidence < self.confidence:
            return None
        if sum(char.isalpha() for char in turn.message.text) < self.letters:
            return None
        sure = intent.confidence >= self.assisted_confidence
        asked = {intent.name, *(question.guess.name for question in turn.understanding.questions)}
        if sure and asked <= policy.pass_by_intents:
            return None  # a greeting or thanks, which are answered in every language
        if language.code not in self.assisted:
            return f"writes in `{language.code}`, which the bot does not serve"
        if not sure:
            return f"writes in `{language.code}`, where the bot answers only what it is sure of"
        return None


class PluginFailed(Rule):
    """No engine could read the message."""

    label: ClassVar[str] = "Something of ours failed"
    priority: int = Field(1, ge=0, le=3)

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        understanding = turn.understanding
        if not understanding.failed or understanding.ranking:
            return None
        return f"{', '.join(understanding.failed)} could not read the message"


class Unreadable(Rule):
    """The provider's payload could not be parsed."""

    label: ClassVar[str] = "The message could not be read"

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        if not turn.unreadable:
            return None
        if turn.message.text == UNREADABLE:
            return "the stored message is damaged and cannot be read"
        if any(message.text == UNREADABLE for message in turn.history):
            return "what was said before is damaged and cannot be read"
        return "the message could not be parsed; the original was kept"


class NoWords(Rule):
    """The customer sent something without words: a recording, a picture, a place, a contact."""

    label: ClassVar[str] = "Sent without words"

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        if not turn.wordless:
            return None
        files = ", ".join(file.name for file in turn.message.attachments[:3])
        return (turn.message.text.strip() or files or "nothing that the bot can read")[:200]


class Loop(Rule):
    """The bot replies so fast and so often that a machine is probably writing."""

    label: ClassVar[str] = "Two machines were answering each other"
    replies: int = Field(10, ge=2, description="bot replies ...")
    minutes: float = Field(5, gt=0, description="... within this time")

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        if not turn.history:
            return None
        since = turn.at - timedelta(minutes=self.minutes)
        count = count_replies(m for m in since_bot_took_over(turn) if m.at >= since)
        if count < self.replies:
            return None
        return f"{count} replies of the bot within {self.minutes:g} minutes; is a machine writing?"


class BotFailed(Rule):
    """The bot's answers did not help: the customer says so or asks again."""

    label: ClassVar[str] = "The bot's answers did not help"
    priority: int = Field(1, ge=0, le=3)
    not_helped: bool = Field(True, description="the customer says that the answer did not help")
    same_words: int = Field(2, ge=2, description="times the same question was asked")
    same_intent: int = Field(3, ge=2, description="times the same intent was asked")
    fallbacks: int = Field(2, ge=1, description="times the bot had no answer")

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        history = since_bot_took_over(turn)
        if not history:
            return None
        if self.not_helped and any(m.author == "bot" for m in history):
            complaint = quoted_signal(turn, "not_helped")
            if complaint is not None:
                return f"the answer missed: {complaint}"
        fallbacks = count_replies(m for m in history if m.purpose == "fallback")
        if fallbacks >= self.fallbacks:
            return f"the bot had no answer {_times(fallbacks)}"
        return self._asked_again(turn, policy)

    def _asked_again(self, turn: Turn, policy: Policy) -> str | None:
        intent = confident_intent(turn, policy)
        if intent in policy.pass_by_intents:
            return None
        answered = answered_messages(turn)
        if not answered:
            return None
        words = word_set(turn.message.text)
        same_words = 1 + sum(bool(words) and word_set(m.text) == words for m in answered)
        if same_words >= self.same_words:
            return f"asked the same question {_times(same_words)}"
        same_intent = 1 + sum(
            m.understanding is not None and m.understanding.intent.name == intent for m in answered
        )
        if intent is not None and same_intent >= self.same_intent:
            return f"asked about {intent_words(intent)} {_times(same_intent)}"
        return None


class SurveyUnsolved(Rule):
    """The customer says in a survey that the case is not solved."""

    label: ClassVar[str] = "Said afterwards that it is not solved"
    priority: int = Field(1, ge=0, le=3)
    score: int = Field(
        2, ge=0, le=5, description="a score this low counts as unsolved; 0: only `not solved` does"
    )

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        answer = turn.survey_answer
        if answer is None:
            return None
        said = f": “{shorten(answer.comment, 140, placeholder='…')}”" if answer.comment else ""
        if answer.solved is False:
            return f"the customer says that it is not solved{said}"
        if answer.score is not None and answer.score <= self.score:
            return f"{answer.score} of 5 after the case was closed{said}"
        return None


class RepeatContact(Rule):
    """The customer contacts us again about the same matter."""

    label: ClassVar[str] = "Has written about this before"
    priority: int = Field(1, ge=0, le=3)
    count: int = Field(3, ge=2, description="contacts, this one included")
    days: int = Field(14, ge=1)

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        earlier = turn.context.earlier
        if len(earlier) + 1 < self.count:
            return None
        intent = confident_intent(turn, policy)
        ignored = policy.pass_by_intents | policy.reasons.out_of_scope.intents
        # An agent who handed the conversation back to the bot knew of the earlier contacts.
        handed_back = len(since_bot_took_over(turn)) < len(turn.history)
        if intent is None or intent in ignored or handed_back:
            return None
        since = turn.at - timedelta(days=self.days)
        opened = [
            past.opened_at
            for past in earlier
            if past.intent == intent and past.id != turn.conversation.id and past.opened_at >= since
        ]
        if len(opened) + 1 < self.count:
            return None
        days = max(1, math.ceil((turn.at - min(opened)) / timedelta(days=1)))
        span = "1 day" if days == 1 else f"{days} days"
        return f"{_ordinal(len(opened) + 1)} contact about {intent_words(intent)} in {span}"


class OutOfScope(Rule):
    """The message is about nothing the bot knows."""

    label: ClassVar[str] = "Outside what the bot knows"
    intents: frozenset[str] = frozenset({"oos", "out_of_scope"})

    def check(self, turn: Turn, _policy: Policy, /) -> str | None:
        intent = turn.understanding.intent
        if intent.name not in self.intents:
            return None
        return f"nothing the bot knows of ({intent.confidence:.2f})"


class LowConfidence(Rule):
    """The bot is not sure what the customer means."""

    label: ClassVar[str] = "The bot was not sure what is meant"
    below: Share = 0.55

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        intent = turn.understanding.intent
        if intent.confidence >= self.below or turn.wordless or chose_button(turn):
            return None
        if turn.understanding.ranking:
            return f"the best guess is {intent_words(intent.name)} at {intent.confidence:.2f}"
        rule = policy.reasons.plugin_failed
        covered = rule.enabled and rule.check(turn, policy)
        return None if covered else "no engine could tell what it is about"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _ordinal(number: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return names[number - 1] if number <= len(names) else f"{number}th"
