"""Every reason to step back: a pure question each to the turn and the policy.

A question gives the detail for the agent, in words (the customer's own where there are some), or
None when the reason does not hold. `ORDER` is the precedence: the first that holds decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta

from gateway.model import Reason, Turn
from gateway.services.mishaps import bot_failed, loop, plugin_failed, unreadable
from gateway.services.policy import Policy
from gateway.services.readings import (
    colon,
    named,
    ordinal,
    said,
    same_key,
    smoothed,
    stretch,
    sure_intent,
)
from gateway.services.rules import Arc

__all__ = ["CONTENT", "ORDER", "held", "sure_intent"]

Question = Callable[[Turn, Policy], str | None]

CONTENT = ("low_confidence", "out_of_scope")
"""Reasons that alone let the bot ask back once."""


def held(turn: Turn, policy: Policy) -> tuple[Reason, ...]:
    """All reasons that hold for what the customer wrote, the deciding one first."""
    asked = ORDER if turn.survey_answer is None else _of_answer(turn)
    enabled = policy.reasons.enabled
    found = []
    for code, question in asked.items():
        if code not in enabled:
            continue
        detail = question(turn, policy)
        if detail is not None:
            found.append(Reason(code=code, detail=detail))
    return tuple(found)


def _of_answer(turn: Turn) -> Mapping[str, Question]:
    """An answer to a survey is no question to the bot: only what it says of the case counts."""
    codes = ["asked_for_person", "harm", "legal"]
    if turn.survey_answer and not turn.survey_answer.opt_out:
        codes += ["urgent", "strong_emotion", "survey_unsolved"]
    return {code: ORDER[code] for code in codes}


# -- what the customer says ----------------------------------------------------------------------


def asked_for_person(turn: Turn, policy: Policy) -> str | None:
    intent = sure_intent(turn, policy)
    if intent in policy.reasons.asked_for_person.intents:
        return said(turn, "asked_for_person") or named(intent or "")
    return said(turn, "asked_for_person")


def harm(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (a question like the others)
    return said(turn, "harm")


def legal(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (a question like the others)
    return said(turn, "legal")


def urgent(turn: Turn, policy: Policy) -> str | None:
    emotion = turn.understanding.emotion
    if emotion.label != "urgent" or emotion.intensity < policy.reasons.urgent.intensity:
        return None
    return f"urgent {emotion.intensity:.2f}{colon(emotion.cues)}"


def strong_emotion(turn: Turn, policy: Policy) -> str | None:
    emotion, rule = turn.understanding.emotion, policy.reasons.strong_emotion
    joyful = emotion.label == "pleased"
    polite = emotion.label == "calm" and sure_intent(turn, policy) in policy.pass_by_intents
    if joyful or polite:
        return None
    words = colon(emotion.cues)
    threshold = rule.intensity.get(emotion.label)
    if threshold is not None and emotion.intensity >= threshold:
        return f"{emotion.label} {emotion.intensity:.2f}{words}"
    if emotion.distress >= rule.distress:
        return f"{emotion.label}, distress {emotion.distress:.2f}{words}"
    return None if emotion.label == "calm" else _fallen(turn, rule.arc, words)


def _fallen(turn: Turn, arc: Arc, words: str) -> str | None:
    means = smoothed(turn, arc.memory)
    if len(means) < arc.messages:
        return None
    now, best = means[-1], min(means)
    if now >= arc.level:
        return f"the mood is low over {len(means)} messages, distress {now:.2f}{words}"
    if now - best >= arc.rise:
        span = f"{best:.2f} to {now:.2f}"
        return f"the mood fell over {len(means)} messages, distress {span}{words}"
    return None


# -- what it is about ----------------------------------------------------------------------------


def sensitive_intent(turn: Turn, policy: Policy) -> str | None:
    asked = (sure_intent(turn, policy), *(one.guess.name for one in turn.understanding.questions))
    found = [one for one in asked if one in policy.reasons.sensitive_intent.intents]
    return named(found[0]) if found and found[0] else None


def language(turn: Turn, policy: Policy) -> str | None:
    seen, rule = turn.understanding.language, policy.reasons.language
    if seen.code == "und" or seen.code in rule.served or seen.confidence < rule.confidence:
        return None
    if sum(char.isalpha() for char in turn.message.text) < rule.letters:
        return None
    if seen.code not in rule.assisted:
        return f"writes in `{seen.code}`, which the bot does not serve"
    if turn.understanding.intent.confidence < rule.assisted_confidence:
        return f"writes in `{seen.code}`, where the bot answers only what it is sure of"
    return None


def repeat_contact(turn: Turn, policy: Policy) -> str | None:
    rule, topic = policy.reasons.repeat_contact, sure_intent(turn, policy)
    if len(turn.context.earlier) + 1 < rule.count:
        return None
    unfit = policy.pass_by_intents | policy.reasons.out_of_scope.intents
    # A person who gave the conversation back to the bot knew of the contacts before.
    if topic is None or topic in unfit or len(stretch(turn)) < len(turn.history):
        return None
    since = turn.at - timedelta(days=rule.days)
    about = [
        one.opened_at
        for one in turn.context.earlier
        if one.intent == topic and one.id != turn.conversation.id and one.opened_at >= since
    ]
    if len(about) + 1 < rule.count:
        return None
    days = max(1, math.ceil((turn.at - min(about)) / timedelta(days=1)))
    span = "1 day" if days == 1 else f"{days} days"
    return f"{ordinal(len(about) + 1)} contact about {named(topic)} in {span}"


def out_of_scope(turn: Turn, policy: Policy) -> str | None:
    intent = turn.understanding.intent
    if intent.name not in policy.reasons.out_of_scope.intents:
        return None
    return f"nothing the bot knows of ({intent.confidence:.2f})"


def low_confidence(turn: Turn, policy: Policy) -> str | None:
    intent = turn.understanding.intent
    if intent.confidence >= policy.reasons.low_confidence.below or _chose(turn):
        return None
    if not turn.understanding.ranking:
        told = policy.reasons.plugin_failed.enabled and plugin_failed(turn, policy)
        return None if told else "no engine could tell what it is about"
    return f"the best guess is {named(intent.name)} at {intent.confidence:.2f}"


def survey_unsolved(turn: Turn, policy: Policy) -> str | None:
    answer = turn.survey_answer
    if answer is None:
        return None
    if answer.solved is False:
        return "the customer says that it is not solved"
    if answer.score is not None and answer.score <= policy.reasons.survey_unsolved.score:
        return f"{answer.score} of 5 after the case was closed"
    return None


def _chose(turn: Turn) -> bool:
    """Whether the customer took one of the choices of the bot's last question."""
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    if last is None or last.purpose != "clarify":
        return False
    answer = same_key(turn.message.text)
    return any(same_key(button.payload) == answer for button in last.buttons)


ORDER: Mapping[str, Question] = {
    "asked_for_person": asked_for_person,
    "harm": harm,
    "legal": legal,
    "urgent": urgent,
    "strong_emotion": strong_emotion,
    "sensitive_intent": sensitive_intent,
    "language": language,
    "plugin_failed": plugin_failed,
    "unreadable": unreadable,
    "loop": loop,
    "bot_failed": bot_failed,
    "survey_unsolved": survey_unsolved,
    "repeat_contact": repeat_contact,
    "out_of_scope": out_of_scope,
    "low_confidence": low_confidence,
}
