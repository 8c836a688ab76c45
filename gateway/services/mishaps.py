"""Reasons to step back that lie with us: what failed, and what the bot did not manage."""

from __future__ import annotations

from datetime import timedelta

from gateway.model import Message, Turn
from gateway.services.policy import Policy
from gateway.services.readings import named, replies, said, same_key, stretch, sure_intent, times


def plugin_failed(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (as the others)
    understanding = turn.understanding
    if not understanding.failed or understanding.ranking:
        return None
    return f"{', '.join(understanding.failed)} could not read the message"


def unreadable(turn: Turn, policy: Policy) -> str | None:  # noqa: ARG001  (as the others)
    return "the message could not be parsed; it was kept as it came" if turn.unreadable else None


def loop(turn: Turn, policy: Policy) -> str | None:
    rule = policy.reasons.loop
    if not turn.history:
        return None
    since = turn.at - timedelta(minutes=rule.minutes)
    spoken = replies(m for m in stretch(turn) if m.at >= since)
    if spoken < rule.replies:
        return None
    return f"{spoken} replies of the bot within {rule.minutes:g} minutes; is a machine writing?"


def bot_failed(turn: Turn, policy: Policy) -> str | None:
    rule, since = policy.reasons.bot_failed, stretch(turn)
    if not since:
        return None
    if rule.not_helped and any(m.author == "bot" for m in since):
        missed = said(turn, "not_helped")
        if missed is not None:
            return f"the answer missed: {missed}"
    empty = replies(m for m in since if m.purpose == "fallback")
    if empty >= rule.fallbacks:
        return f"the bot had no answer {times(empty)}"
    return _asked_again(turn, policy)


def _asked_again(turn: Turn, policy: Policy) -> str | None:
    rule, intent = policy.reasons.bot_failed, sure_intent(turn, policy)
    if intent in policy.pass_by_intents:
        return None
    before = _answered(turn)
    if not before:
        return None
    words = same_key(turn.message.text)
    same = 1 + sum(bool(words) and same_key(m.text) == words for m in before)
    if same >= rule.same_words:
        return f"asked the same question {times(same)}"
    alike = 1 + sum(
        intent is not None and m.understanding is not None and m.understanding.intent.name == intent
        for m in before
    )
    if alike >= rule.same_intent:
        return f"asked about {named(intent or '')} {times(alike)}"
    return None


def _answered(turn: Turn) -> list[Message]:
    """The customer's messages that the bot had answered when they wrote this one."""
    since = [m for m in stretch(turn) if m.author == "customer" or m.at <= turn.message.at]
    last = max((i for i, m in enumerate(since) if m.author == "bot"), default=0)
    return [m for m in since[:last] if m.author == "customer"]
