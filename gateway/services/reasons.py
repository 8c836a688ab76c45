"""Every reason to step back: a pure question each to the turn and the policy.

A question gives the detail for the agent, in words (the customer's own where there are some), or
None when the reason does not hold. `ORDER` is the precedence: the first that holds decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from gateway.model import Cue, Message, Reason, Turn
from gateway.services.policy import Arc, Policy

Question = Callable[[Turn, Policy], str | None]

CONTENT = ("low_confidence", "out_of_scope")
"""Reasons that alone let the bot ask back once."""


def held(turn: Turn, policy: Policy) -> tuple[Reason, ...]:
    """All reasons that hold for what the customer wrote, the deciding one first."""
    asked = ORDER if turn.survey_answer is None else _of_answer(turn)
    found = []
    for code, question in asked.items():
        if not getattr(policy.reasons, code).enabled:
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
    said = _said(turn, "asked_for_person")
    if said is None and sure_intent(turn, policy) in policy.reasons.asked_for_person.intents:
        return turn.understanding.intent.name
    return said


def harm(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (a question like the others)
    return _said(turn, "harm")


def legal(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (a question like the others)
    return _said(turn, "legal")


def urgent(turn: Turn, policy: Policy) -> str | None:
    emotion = turn.understanding.emotion
    if emotion.label != "urgent" or emotion.intensity < policy.reasons.urgent.intensity:
        return None
    return f"urgent {emotion.intensity:.2f}{_colon(emotion.cues)}"


def strong_emotion(turn: Turn, policy: Policy) -> str | None:
    emotion, rule = turn.understanding.emotion, policy.reasons.strong_emotion
    joyful = emotion.label == "pleased"
    polite = emotion.label == "calm" and sure_intent(turn, policy) in policy.pass_by_intents
    if joyful or polite:
        return None
    words = _colon(emotion.cues)
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


def smoothed(turn: Turn, memory: float) -> tuple[float, ...]:
    """The running mean of the customer's distress after each of their messages, oldest first."""
    moods = [
        m.understanding.emotion.distress
        for m in turn.history
        if m.author == "customer" and m.understanding
    ]
    means: list[float] = []
    for distress in (*moods, turn.understanding.emotion.distress):
        means.append(memory * means[-1] + (1 - memory) * distress if means else distress)
    return tuple(means)


# -- what it is about ----------------------------------------------------------------------------


def sensitive_intent(turn: Turn, policy: Policy) -> str | None:
    intent = sure_intent(turn, policy)
    return _words(intent) if intent in policy.reasons.sensitive_intent.intents else None


def language(turn: Turn, policy: Policy) -> str | None:
    seen, rule = turn.understanding.language, policy.reasons.language
    letters = sum(char.isalpha() for char in turn.message.text)
    if seen.code in {"und", *rule.served} or letters < rule.letters:
        return None
    if seen.confidence < rule.confidence:
        return None
    if seen.code not in rule.assisted:
        return f"writes in `{seen.code}`, which the bot does not serve"
    if turn.understanding.intent.confidence < rule.assisted_confidence:
        return f"writes in `{seen.code}`, where the bot answers only what it is sure of"
    return None


def repeat_contact(turn: Turn, policy: Policy) -> str | None:
    rule, topic = policy.reasons.repeat_contact, sure_intent(turn, policy)
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
    return f"{_ordinal(len(about) + 1)} contact about {_words(topic)} in {span}"


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
        return "no engine could tell what it is about"
    return f"the best guess is {_words(intent.name)} at {intent.confidence:.2f}"


def survey_unsolved(turn: Turn, policy: Policy) -> str | None:
    answer = turn.survey_answer
    if answer is None:
        return None
    if answer.solved is False:
        return "the customer says that it is not solved"
    if answer.score is not None and answer.score <= policy.reasons.survey_unsolved.score:
        return f"{answer.score} of 5 after the case was closed"
    return None


# -- what went wrong with us ---------------------------------------------------------------------


def plugin_failed(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (as the others)
    understanding = turn.understanding
    if not understanding.failed or understanding.ranking:
        return None
    return f"{', '.join(understanding.failed)} could not read the message"


def unreadable(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (as the others)
    return "the message could not be parsed; it was kept as it came" if turn.unreadable else None


def loop(turn: Turn, policy: Policy) -> str | None:
    rule = policy.reasons.loop
    since = turn.at - timedelta(minutes=rule.minutes)
    said = replies(m for m in stretch(turn) if m.at >= since)
    if said < rule.replies:
        return None
    return f"{said} replies of the bot within {rule.minutes:g} minutes; is a machine writing?"


def bot_failed(turn: Turn, policy: Policy) -> str | None:
    rule, since = policy.reasons.bot_failed, stretch(turn)
    if rule.not_helped and any(m.author == "bot" for m in since):
        missed = _said(turn, "not_helped")
        if missed is not None:
            return f"the answer missed: {missed}"
    empty = replies(m for m in since if m.purpose == "fallback")
    if empty >= rule.fallbacks:
        return f"the bot had no answer {_times(empty)}"
    return _asked_again(turn, policy)


def _asked_again(turn: Turn, policy: Policy) -> str | None:
    rule, intent = policy.reasons.bot_failed, sure_intent(turn, policy)
    if intent in policy.pass_by_intents:
        return None
    before = _answered(turn)
    words = same_key(turn.message.text)
    same = 1 + sum(bool(words) and same_key(m.text) == words for m in before)
    if same >= rule.same_words:
        return f"asked the same question {_times(same)}"
    alike = 1 + sum(
        intent is not None and m.understanding is not None and m.understanding.intent.name == intent
        for m in before
    )
    if alike >= rule.same_intent:
        return f"asked about {_words(intent or '')} {_times(alike)}"
    return None


def _answered(turn: Turn) -> list[Message]:
    """The customer's messages that the bot had answered when they wrote this one."""
    since = [m for m in stretch(turn) if m.author == "customer" or m.at <= turn.message.at]
    last = max((i for i, m in enumerate(since) if m.author == "bot"), default=0)
    return [m for m in since[:last] if m.author == "customer"]


# -- helpers -------------------------------------------------------------------------------------


def stretch(turn: Turn) -> tuple[Message, ...]:
    """The history since the bot last got the conversation (from the start, or from a person)."""
    people = [
        i for i, m in enumerate(turn.history) if m.author == "agent" or m.purpose == "handover"
    ]
    return turn.history[people[-1] + 1 :] if people else turn.history


def replies(messages: Iterable[Message]) -> int:
    """How often the bot spoke; a reply in several parts is one."""
    return len({m.turn or -m.id for m in messages if m.author == "bot"})


def sure_intent(turn: Turn, policy: Policy) -> str | None:
    """The intent, when it is more than a guess."""
    intent = turn.understanding.intent
    return intent.name if intent.confidence >= policy.reasons.low_confidence.below else None


def same_key(text: str) -> tuple[str, ...]:
    """Equal for messages with the same words, whatever their case, order and punctuation."""
    return tuple(sorted(set(re.findall(r"\w+", text.casefold()))))


def _chose(turn: Turn) -> bool:
    """Whether the customer took one of the choices of the bot's last question."""
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    if last is None or last.purpose != "clarify":
        return False
    said = same_key(turn.message.text)
    return any(same_key(button.payload) == said for button in last.buttons)


def _said(turn: Turn, kind: str) -> str | None:
    cues = [cue for cue in turn.understanding.signals if cue.kind == kind]
    return _quoted(cues) if cues else None


def _quoted(cues: Iterable[Cue]) -> str:
    return ", ".join(dict.fromkeys(f"“{cue.text}”" for cue in cues))


def _colon(cues: Iterable[Cue]) -> str:
    words = _quoted(cues)
    return f": {words}" if words else ""


def _words(intent: str) -> str:
    return intent.replace("_", " ").replace("/", " ").strip()


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _ordinal(number: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return names[number - 1] if number <= len(names) else f"{number}th"


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
