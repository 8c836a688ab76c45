"""Every reason to step back: its code, label, settings and check in one place.

To add a reason, write a subclass of `Rule` and a field of `Reasons`:

- the name of the field is the reason's code, and its place among the fields the precedence (the
  first reason that holds decides);
- ``label`` is what agents read;
- the fields of the class are its settings in the policy file;
- ``check`` says whether and why the reason holds.

``docs/routing.md`` explains each reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.model import UNREADABLE, Cue, Message, MoodLabel, Reason, SurveyAnswer, Turn

if TYPE_CHECKING:
    from gateway.routing.policy import Policy

Share = Annotated[float, Field(ge=0, le=1)]
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]

HARM = "harm"
"""The code of `Harm`, the reason that comes before all others."""
UNDERSTANDING_REASONS = ("low_confidence", "out_of_scope")
"""When only these hold, the bot may ask a clarifying question first."""

DETAILS_NEEDED = "details_needed"
"""The code of a route that asks for slots; the detail names them, with commas."""

SHADOW = "shadow"
"""The code of a route in shadow mode: see `gateway.routing.route.in_shadow`."""

OTHER_LABELS: Mapping[str, str] = {
    "automatic": "Written by a machine",
    "details_needed": "Something was asked for first",
    "known_matter": "A source knows the matter",
    "mood": "The customer's mood",
    "no_answer": "Nobody here had an answer",
    "opted_in": "Takes messages again",
    "opted_out": "Asked for no more messages",
    "shadow": "Shadow mode: the bot only listens",
    "transfer": "Transferred by a colleague",
    "transferred": "Transferred by a colleague",
    "unanswered": "Asked before taking messages again",
    "unclaimed": "Nobody took it in time",
    "undeliverable": "A message could not be delivered",
    "with_person": "A person has the conversation",
    "open_elsewhere": "A person answers this customer elsewhere",
}
"""Labels of the codes that have no rule in the policy."""


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
        return quoted_signal(turn, "asked_for_person") or by_intent


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
        return f"urgent {emotion.intensity:.2f}{_after_colon(emotion.cues)}"


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
        cues = _after_colon(emotion.cues)
        threshold = self.intensity.get(emotion.label)
        if threshold is not None and emotion.intensity >= threshold:
            return f"{emotion.label} {emotion.intensity:.2f}{cues}"
        if emotion.distress >= self.distress:
            return f"{emotion.label}, distress {emotion.distress:.2f}{cues}"
        return None if emotion.label == "calm" else self.arc.check(turn, cues)


class SensitiveIntent(Rule):
    """The matter is one that people should handle."""

    label: ClassVar[str] = "A sensitive matter"
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset(
        {"billing_dispute", "outage", "cancellation", "complaint", "data_protection", "fraud"}
    )

    def check(self, turn: Turn, policy: Policy, /) -> str | None:
        questions = turn.understanding.questions
        intents = (confident_intent(turn, policy), *(question.guess.name for question in questions))
        return next((intent_words(name) for name in intents if name and name in self.intents), None)


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
        answered = _answered_messages(turn)
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
        if intent.confidence >= self.below or turn.wordless or _chose_button(turn):
            return None
        if turn.understanding.ranking:
            return f"the best guess is {intent_words(intent.name)} at {intent.confidence:.2f}"
        rule = policy.reasons.plugin_failed
        covered = rule.enabled and rule.check(turn, policy)
        return None if covered else "no engine could tell what it is about"


class Reasons(PolicyPart):
    """All reasons to step back, in the order of precedence."""

    harm: Harm = Harm()
    asked_for_person: AskedForPerson = AskedForPerson()
    legal: Legal = Legal()
    urgent: Urgent = Urgent()
    strong_emotion: StrongEmotion = StrongEmotion()
    sensitive_intent: SensitiveIntent = SensitiveIntent()
    language: UnservedLanguage = UnservedLanguage()
    plugin_failed: PluginFailed = PluginFailed()
    unreadable: Unreadable = Unreadable()
    no_words: NoWords = NoWords()
    loop: Loop = Loop()
    bot_failed: BotFailed = BotFailed()
    survey_unsolved: SurveyUnsolved = SurveyUnsolved()
    repeat_contact: RepeatContact = RepeatContact()
    out_of_scope: OutOfScope = OutOfScope()
    low_confidence: LowConfidence = LowConfidence()

    @cached_property
    def enabled(self) -> Mapping[str, Rule]:
        """The rules that are switched on, by code, in the order of precedence."""
        return {code: rule for code, rule in self if rule.enabled}


def reasons_that_hold(turn: Turn, policy: Policy) -> tuple[Reason, ...]:
    """All reasons that hold for the customer's message, the deciding one first."""
    found = []
    for code, rule in policy.reasons.enabled.items():
        if turn.survey_answer is not None and code not in _codes_for_survey(turn.survey_answer):
            continue
        detail = rule.check(turn, policy)
        if detail is not None:
            found.append(Reason(code=code, detail=detail))
    return tuple(found)


def merge_reasons(known: Iterable[Reason], added: Iterable[Reason]) -> tuple[Reason, ...]:
    """``known`` and those of ``added`` with another code, in the order of precedence; codes without
    a rule come last. A code keeps the detail with which it was known."""
    order = list(Reasons.model_fields)
    by_code = {reason.code: reason for reason in (*added, *known)}
    known_first = dict.fromkeys(reason.code for reason in (*known, *added))
    ranked = sorted(
        known_first, key=lambda code: order.index(code) if code in order else len(order)
    )
    return tuple(by_code[code] for code in ranked)


def spoke_of_harm(history: Iterable[Message]) -> bool:
    """Whether harm was a reason for the route of one of the customer's messages."""
    return any(
        message.author == "customer"
        and message.route is not None
        and any(reason.code == HARM for reason in message.route.reasons)
        for message in history
    )


def harm_is_known(turn: Turn) -> bool:
    """Whether the customer spoke of harm before in a conversation that waits or that a person has,
    since a person last answered them: they were told what to do, and people were alerted."""
    if turn.conversation.state not in ("waiting", "person"):
        return False
    history = turn.history
    answers = [
        at
        for at, message in enumerate(history)
        if message.author == "agent" and not message.internal
    ]
    return spoke_of_harm(history[answers[-1] + 1 if answers else 0 :])


def reason_label(code: str) -> str:
    """What agents read for a reason's ``code``. A plugin's code is its own label, as words."""
    field = Reasons.model_fields.get(code)
    label = getattr(field.annotation, "label", None) if field else OTHER_LABELS.get(code)
    return label or (intent_words(code).replace(".", " ") or "unknown").capitalize()


def reason_line(reason: Reason) -> str:
    """A reason as the history tells it: without the figures by which a check found it, which the
    message's own explanation has. What a person or a plugin gave as its detail is told."""
    if reason.code in Reasons.model_fields or not reason.detail:
        return reason_label(reason.code)
    return reason.detail


def _codes_for_survey(answer: SurveyAnswer) -> tuple[str, ...]:
    """The reasons that can hold for the answer to a survey: it asks the bot nothing."""
    codes = (HARM, "asked_for_person", "legal")
    return codes if answer.opt_out else (*codes, "urgent", "strong_emotion", "survey_unsolved")


# -- helpers of the checks -----------------------------------------------------------------------

_WORD = re.compile(r"\w+")


def since_bot_took_over(turn: Turn) -> tuple[Message, ...]:
    """The history since the bot got the conversation: from the start, or back from an agent."""
    history = turn.history
    for at in range(len(history) - 1, -1, -1):
        if history[at].author == "agent" or history[at].purpose == "handover":
            return history[at + 1 :]
    return history


def count_replies(messages: Iterable[Message]) -> int:
    """The number of bot replies; a reply in several parts counts once."""
    return len({m.turn or -m.id for m in messages if m.author == "bot"})


def confident_intent(turn: Turn, policy: Policy) -> str | None:
    """The intent if its confidence reaches ``reasons.low_confidence.below``, else None."""
    intent = turn.understanding.intent
    return intent.name if intent.confidence >= policy.reasons.low_confidence.below else None


def asked_details(message: Message) -> tuple[str, ...]:
    """The slots that the bot asked for before it dealt with the matter: in this message, or after
    this message of the customer. Empty when it did not ask."""
    first = next(iter(message.route.reasons), None) if message.route else None
    return tuple(first.detail.split(", ")) if first and first.code == DETAILS_NEEDED else ()


def word_set(text: str) -> frozenset[str]:
    """The words of a text, without case, order and punctuation."""
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
    """The customer's words for the signal ``kind``, quoted; None without that signal."""
    cues = [cue for cue in turn.understanding.signals if cue.kind == kind]
    return _quoted(cues) if cues else None


def intent_words(intent: str) -> str:
    """An intent's name as words: ``billing_dispute`` is ``billing dispute``."""
    return intent.replace("_", " ").replace("/", " ").strip()


def _answered_messages(turn: Turn) -> list[Message]:
    """The customer's messages that the bot had answered before they wrote this one."""
    since = [
        m for m in since_bot_took_over(turn) if m.author == "customer" or m.at <= turn.message.at
    ]
    last = max((i for i, m in enumerate(since) if m.author == "bot"), default=0)
    return [m for m in since[:last] if m.author == "customer" and not asked_details(m)]


def _chose_button(turn: Turn) -> bool:
    """Whether the message is a button of the bot's last clarifying question."""
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
