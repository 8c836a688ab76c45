"""Every reason to step back, each whole: its code, label, settings and question.

A reason is a subclass of `Rule` and a field of `Reasons`: the field's name is the code, the order
of the fields is the precedence (the first that holds decides), ``label`` is what agents read, the
class's fields are the settings in the policy file, and ``detail`` is the question.
``docs/routing.md`` says what each reason means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from gateway.model import Cue, Message, MoodLabel, Reason, Turn

if TYPE_CHECKING:
    from gateway.routing.policy import Policy

Share = Annotated[float, Field(ge=0, le=1)]
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]

UNDERSTANDING_REASONS = ("low_confidence", "out_of_scope")
"""Reasons that alone let the bot ask one clarifying question first."""

OTHER_LABELS: Mapping[str, str] = {
    "automatic": "Written by a machine",
    "mood": "The customer's mood",
    "no_answer": "Nobody here had an answer",
    "opted_out": "Asked for no more messages",
    "transfer": "Transferred by a colleague",
    "transferred": "Transferred by a colleague",
    "unclaimed": "Nobody took it in time",
    "undeliverable": "A message could not be delivered",
    "with_person": "A person has the conversation",
}
"""Labels of the codes that no rule of the policy decides."""


class PolicyPart(BaseModel):
    """A part of the policy file: frozen, and with no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(PolicyPart):
    """What every reason has in the policy file: a switch, the tier it leads to, its priority."""

    enabled: bool = True
    tier: str | None = Field(None, description="none: the first tier")
    priority: int = Field(0, ge=0, le=3, description="0 normal .. 3 at once")


class ReasonQuestion(Protocol):
    """The part of a rule that looks at a turn."""

    def detail(self, turn: Turn, policy: Policy, /) -> str | None:
        """Why the reason holds, in words for the agent (the customer's own where there are
        some); None when it does not hold. Pure."""
        ...


class AskedForPerson(Rule):
    """The customer asks for a person."""

    label: ClassVar[str] = "Asked for a person"
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset({"ask_person", "ask_for_person", "talk_to_human"})

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        intent = sure_intent(turn, policy)
        asked = quoted_signal(turn, "asked_for_person")
        return asked or (intent_words(intent) if intent in self.intents and intent else None)


class Harm(Rule):
    """The customer speaks of harm or danger."""

    label: ClassVar[str] = "Speaks of harm or danger"
    priority: int = Field(3, ge=0, le=3)

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        return quoted_signal(turn, "harm")


class Legal(Rule):
    """The customer speaks of legal steps."""

    label: ClassVar[str] = "Speaks of legal steps"
    priority: int = Field(2, ge=0, le=3)

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        return quoted_signal(turn, "legal")


class Urgent(Rule):
    """The message is urgent, without words of harm."""

    label: ClassVar[str] = "Urgent"
    priority: int = Field(2, ge=0, le=3)
    intensity: Share = Field(0.8, description="how urgent it must be, without words of harm")

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        emotion = turn.understanding.emotion
        if emotion.label != "urgent" or emotion.intensity < self.intensity:
            return None
        return f"urgent {emotion.intensity:.2f}{_after_colon(emotion.cues)}"


class ArcRule(PolicyPart):
    """The mood over the conversation: a running mean of the customer's distress."""

    memory: Share = Field(0.5, description="how much of the mean each message keeps")
    level: Share = Field(0.6, description="a mean as high as this calls for a person")
    rise: Share = Field(0.4, description="so does a rise of the mean by this much")
    messages: int = Field(3, ge=2, description="customer messages before the arc is looked at")

    def detail(self, turn: Turn, words: str) -> str | None:
        """How the mood fell; ``words`` quotes the cues of the last message."""
        means = running_distress(turn, self.memory)
        if len(means) < self.messages:
            return None
        now, best = means[-1], min(means)
        if now >= self.level:
            return f"the mood is low over {len(means)} messages, distress {now:.2f}{words}"
        if now - best >= self.rise:
            span = f"{best:.2f} to {now:.2f}"
            return f"the mood fell over {len(means)} messages, distress {span}{words}"
        return None


class StrongEmotion(Rule):
    """The customer is upset, in this message or over the conversation."""

    label: ClassVar[str] = "Strong feelings"
    priority: int = Field(2, ge=0, le=3)
    intensity: Mapping[MoodLabel, Share] = {"frustrated": 0.6, "angry": 0.45, "anxious": 0.75}
    distress: Share = Field(0.75, description="whatever the label, unless pleased")
    arc: ArcRule = ArcRule()

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        emotion = turn.understanding.emotion
        joyful = emotion.label == "pleased"
        polite = emotion.label == "calm" and sure_intent(turn, policy) in policy.pass_by_intents
        if joyful or polite:
            return None
        words = _after_colon(emotion.cues)
        threshold = self.intensity.get(emotion.label)
        if threshold is not None and emotion.intensity >= threshold:
            return f"{emotion.label} {emotion.intensity:.2f}{words}"
        if emotion.distress >= self.distress:
            return f"{emotion.label}, distress {emotion.distress:.2f}{words}"
        return None if emotion.label == "calm" else self.arc.detail(turn, words)


class SensitiveIntent(Rule):
    """The matter is one that people should handle."""

    label: ClassVar[str] = "A sensitive matter"
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset(
        {"billing_dispute", "outage", "cancellation", "complaint", "data_protection", "fraud"}
    )

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        questions = turn.understanding.questions
        asked = (sure_intent(turn, policy), *(question.guess.name for question in questions))
        return next((intent_words(name) for name in asked if name in self.intents and name), None)


class UnservedLanguage(Rule):
    """The customer writes in a language that the bot does not serve well."""

    label: ClassVar[str] = "A language the bot does not serve well"
    served: tuple[LanguageCode, ...] = ("en", "de", "fr", "es", "ar")
    assisted: tuple[LanguageCode, ...] = ()
    assisted_confidence: Share = Field(0.8, description="how sure of the intent to answer there")
    confidence: Share = Field(0.8, description="how sure we must be of the language")
    letters: int = Field(12, ge=0, description="in shorter messages nobody can tell")

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        seen = turn.understanding.language
        if seen.code == "und" or seen.code in self.served or seen.confidence < self.confidence:
            return None
        if sum(char.isalpha() for char in turn.message.text) < self.letters:
            return None
        if seen.code not in self.assisted:
            return f"writes in `{seen.code}`, which the bot does not serve"
        if turn.understanding.intent.confidence < self.assisted_confidence:
            return f"writes in `{seen.code}`, where the bot answers only what it is sure of"
        return None


class PluginFailed(Rule):
    """No engine could read the message."""

    label: ClassVar[str] = "Something of ours failed"
    priority: int = Field(1, ge=0, le=3)

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        understanding = turn.understanding
        if not understanding.failed or understanding.ranking:
            return None
        return f"{', '.join(understanding.failed)} could not read the message"


class Unreadable(Rule):
    """The provider's payload could not be parsed."""

    label: ClassVar[str] = "The message could not be read"

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        return "the message could not be parsed; the original was kept" if turn.unreadable else None


class Loop(Rule):
    """The bot answers so fast and so often that a machine is probably writing."""

    label: ClassVar[str] = "Two machines were answering each other"
    replies: int = Field(10, ge=2, description="bot replies ...")
    minutes: float = Field(5, gt=0, description="... within this time")

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        if not turn.history:
            return None
        since = turn.at - timedelta(minutes=self.minutes)
        count = count_replies(m for m in since_bot_took_over(turn) if m.at >= since)
        if count < self.replies:
            return None
        return f"{count} replies of the bot within {self.minutes:g} minutes; is a machine writing?"


class BotFailed(Rule):
    """The bot's answers did not help: the customer says so, or has to ask again."""

    label: ClassVar[str] = "The bot's answers did not help"
    priority: int = Field(1, ge=0, le=3)
    not_helped: bool = Field(True, description="the customer says that the answer missed")
    same_words: int = Field(2, ge=2, description="the same question, asked this often")
    same_intent: int = Field(3, ge=2, description="the same intent, asked this often")
    fallbacks: int = Field(2, ge=1, description="times the bot had no answer")

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        since = since_bot_took_over(turn)
        if not since:
            return None
        if self.not_helped and any(m.author == "bot" for m in since):
            missed = quoted_signal(turn, "not_helped")
            if missed is not None:
                return f"the answer missed: {missed}"
        empty = count_replies(m for m in since if m.purpose == "fallback")
        if empty >= self.fallbacks:
            return f"the bot had no answer {_times(empty)}"
        return self._asked_again(turn, policy)

    def _asked_again(self, turn: Turn, policy: Policy) -> str | None:
        intent = sure_intent(turn, policy)
        if intent in policy.pass_by_intents:
            return None
        before = _answered_messages(turn)
        if not before:
            return None
        words = word_set(turn.message.text)
        same = 1 + sum(bool(words) and word_set(m.text) == words for m in before)
        if same >= self.same_words:
            return f"asked the same question {_times(same)}"
        alike = 1 + sum(
            m.understanding is not None and m.understanding.intent.name == intent for m in before
        )
        if intent is not None and alike >= self.same_intent:
            return f"asked about {intent_words(intent)} {_times(alike)}"
        return None


class SurveyUnsolved(Rule):
    """The customer says in a survey that the case is not solved."""

    label: ClassVar[str] = "Said afterwards that it is not solved"
    priority: int = Field(1, ge=0, le=3)
    score: int = Field(2, ge=0, le=5, description="so low a score; 0: only `not solved` counts")

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        answer = turn.survey_answer
        if answer is None:
            return None
        if answer.solved is False:
            return "the customer says that it is not solved"
        if answer.score is not None and answer.score <= self.score:
            return f"{answer.score} of 5 after the case was closed"
        return None


class RepeatContact(Rule):
    """The customer comes again about the same matter."""

    label: ClassVar[str] = "Has written about this before"
    priority: int = Field(1, ge=0, le=3)
    count: int = Field(3, ge=2, description="this contact is counted too")
    days: int = Field(14, ge=1)

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        earlier = turn.context.earlier
        if len(earlier) + 1 < self.count:
            return None
        intent = sure_intent(turn, policy)
        unfit = policy.pass_by_intents | policy.reasons.out_of_scope.intents
        # A person who gave the conversation back to the bot knew of the contacts before.
        returned = len(since_bot_took_over(turn)) < len(turn.history)
        if intent is None or intent in unfit or returned:
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

    def detail(self, turn: Turn, _policy: Policy) -> str | None:
        intent = turn.understanding.intent
        if intent.name not in self.intents:
            return None
        return f"nothing the bot knows of ({intent.confidence:.2f})"


class LowConfidence(Rule):
    """The bot is not sure what the customer means."""

    label: ClassVar[str] = "The bot was not sure what is meant"
    below: Share = 0.55

    def detail(self, turn: Turn, policy: Policy) -> str | None:
        intent = turn.understanding.intent
        if intent.confidence >= self.below or _chose_button(turn):
            return None
        if turn.understanding.ranking:
            return f"the best guess is {intent_words(intent.name)} at {intent.confidence:.2f}"
        rule = policy.reasons.plugin_failed
        covered = rule.enabled and rule.detail(turn, policy)
        return None if covered else "no engine could tell what it is about"


class Reasons(PolicyPart):
    """Every reason to step back, in the order of precedence."""

    asked_for_person: AskedForPerson = AskedForPerson()
    harm: Harm = Harm()
    legal: Legal = Legal()
    urgent: Urgent = Urgent()
    strong_emotion: StrongEmotion = StrongEmotion()
    sensitive_intent: SensitiveIntent = SensitiveIntent()
    language: UnservedLanguage = UnservedLanguage()
    plugin_failed: PluginFailed = PluginFailed()
    unreadable: Unreadable = Unreadable()
    loop: Loop = Loop()
    bot_failed: BotFailed = BotFailed()
    survey_unsolved: SurveyUnsolved = SurveyUnsolved()
    repeat_contact: RepeatContact = RepeatContact()
    out_of_scope: OutOfScope = OutOfScope()
    low_confidence: LowConfidence = LowConfidence()

    @cached_property
    def enabled(self) -> Mapping[str, ReasonQuestion]:
        """The reasons that are switched on, by code, in the order of precedence."""
        return {code: rule for code, rule in self if rule.enabled}


def reasons_that_hold(turn: Turn, policy: Policy) -> tuple[Reason, ...]:
    """All reasons that hold for what the customer wrote, the deciding one first."""
    found = []
    for code, rule in policy.reasons.enabled.items():
        if turn.survey_answer is not None and code not in _asked_of_survey_answer(turn):
            continue
        detail = rule.detail(turn, policy)
        if detail is not None:
            found.append(Reason(code=code, detail=detail))
    return tuple(found)


def reason_label(code: str) -> str:
    """What agents read for a reason's ``code``; a code of a plugin becomes words by itself."""
    field = Reasons.model_fields.get(code)
    label = getattr(field.annotation, "label", None) if field else OTHER_LABELS.get(code)
    return label or (intent_words(code).replace(".", " ") or "unknown").capitalize()


def _asked_of_survey_answer(turn: Turn) -> tuple[str, ...]:
    """An answer to a survey is no question to the bot: only what it says of the case counts."""
    codes = ("asked_for_person", "harm", "legal")
    if turn.survey_answer is not None and turn.survey_answer.opt_out:
        return codes
    return (*codes, "urgent", "strong_emotion", "survey_unsolved")


# -- what questions look at ----------------------------------------------------------------------

_WORD = re.compile(r"\w+")


def since_bot_took_over(turn: Turn) -> tuple[Message, ...]:
    """The history since the bot last got the conversation (from the start, or from a person)."""
    history = turn.history
    for at in range(len(history) - 1, -1, -1):
        if history[at].author == "agent" or history[at].purpose == "handover":
            return history[at + 1 :]
    return history


def count_replies(messages: Iterable[Message]) -> int:
    """How often the bot replied; a reply in several parts counts once."""
    return len({m.turn or -m.id for m in messages if m.author == "bot"})


def sure_intent(turn: Turn, policy: Policy) -> str | None:
    """The intent, when its confidence reaches the policy's threshold."""
    intent = turn.understanding.intent
    return intent.name if intent.confidence >= policy.reasons.low_confidence.below else None


def word_set(text: str) -> frozenset[str]:
    """Equal for messages with the same words, whatever their case, order and punctuation."""
    return frozenset(_WORD.findall(text.casefold()))


def running_distress(turn: Turn, memory: float) -> tuple[float, ...]:
    """The running mean of the customer's distress after each of their messages, oldest first."""
    history = (
        m.understanding.emotion.distress
        for m in turn.history
        if m.author == "customer" and m.understanding
    )
    means: list[float] = []
    for distress in (*history, turn.understanding.emotion.distress):
        means.append(memory * means[-1] + (1 - memory) * distress if means else distress)
    return tuple(means)


def quoted_signal(turn: Turn, kind: str) -> str | None:
    """The customer's words that gave the signal ``kind``, quoted; None without it."""
    cues = [cue for cue in turn.understanding.signals if cue.kind == kind]
    return _quoted(cues) if cues else None


def intent_words(intent: str) -> str:
    """An intent's name as words: ``billing_dispute`` is ``billing dispute``."""
    return intent.replace("_", " ").replace("/", " ").strip()


def _answered_messages(turn: Turn) -> list[Message]:
    """The customer's messages that the bot had answered when they wrote this one."""
    since = [
        m for m in since_bot_took_over(turn) if m.author == "customer" or m.at <= turn.message.at
    ]
    last = max((i for i, m in enumerate(since) if m.author == "bot"), default=0)
    return [m for m in since[:last] if m.author == "customer"]


def _chose_button(turn: Turn) -> bool:
    """Whether the customer took one of the choices of the bot's last question."""
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    if last is None or last.purpose != "clarify":
        return False
    answer = word_set(turn.message.text)
    return any(word_set(button.payload) == answer for button in last.buttons)


def _quoted(cues: Iterable[Cue]) -> str:
    return ", ".join(dict.fromkeys(f"“{cue.text}”" for cue in cues))


def _after_colon(cues: Iterable[Cue]) -> str:
    words = _quoted(cues)
    return f": {words}" if words else ""


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _ordinal(number: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return names[number - 1] if number <= len(names) else f"{number}th"
