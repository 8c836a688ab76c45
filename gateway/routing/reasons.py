"""All reasons to step back, in the order of precedence, and what people read of them.

To add a reason, write a `Rule` in `gateway.routing.rules` and a field of `Reasons`: the name of the
field is the reason's code, and its place among the fields the precedence (the first reason that
holds decides).

``docs/routing.md`` explains each reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.model import Message, Reason, SurveyAnswer, Turn
from gateway.routing.rules import (
    AskedForPerson,
    BotFailed,
    Harm,
    Legal,
    Loop,
    LowConfidence,
    NoWords,
    OutOfScope,
    PluginFailed,
    PolicyPart,
    RepeatContact,
    Rule,
    SensitiveIntent,
    StrongEmotion,
    SurveyUnsolved,
    Unreadable,
    UnservedLanguage,
    Urgent,
)
from gateway.routing.turn_reading import intent_words

if TYPE_CHECKING:
    from gateway.routing.policy import Policy


HARM = "harm"
"""The code of `Harm`, the reason that comes before all others."""
UNDERSTANDING_REASONS = ("low_confidence", "out_of_scope")
"""When only these hold, the bot may ask a clarifying question first."""


SHADOW = "shadow"
"""The code of a route in shadow mode: see `gateway.routing.route.in_shadow`."""

OTHER_LABELS: Mapping[str, str] = {
    "automatic": "Written by a machine",
    "courtesy": "Thanks or a goodbye",
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
