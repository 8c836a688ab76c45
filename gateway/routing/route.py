"""Decides who answers a turn: the bot, the bot after a clarifying question, or a person. Pure."""

from __future__ import annotations

from gateway.model import Reason, Route, Turn
from gateway.routing.policy import Policy
from gateway.routing.reasons import (
    HARM,
    UNDERSTANDING_REASONS,
    Rule,
    confident_intent,
    count_replies,
    harm_is_known,
    reasons_that_hold,
    since_bot_took_over,
)


def decide(turn: Turn, policy: Policy) -> Route:
    """The route of ``turn``, with every reason that holds, the deciding one first.

    ``pass`` while an agent has the conversation or it waits for one, and for messages that a
    machine wrote (RFC 3834, section 2: they are never answered). ``escalate`` when a reason holds;
    but ``clarify`` when the bot only did not understand, the customer is calm and the bot has not
    asked a clarifying question yet. Else ``automate``. A customer who opted out and writes all the
    same goes to an agent, who may know another way to answer.

    A customer who speaks of harm for the first time while the conversation waits is handed over
    again, because nobody has told them yet what to do.
    """
    if turn.conversation.state in ("waiting", "person"):
        return _with_people(turn, policy)
    if turn.kind != "message":
        return Route(action="automate")
    if turn.automatic:
        return Route(action="pass", tier=turn.conversation.tier, reasons=(AUTOMATIC,))
    reasons = reasons_that_hold(turn, policy)
    if turn.opted_out:
        reasons = (*(reason for reason in reasons if reason.code == HARM), OPTED_OUT)
    if not reasons:
        return Route(action="automate")
    if _may_clarify(turn, reasons, policy):
        return Route(action="clarify", reasons=reasons)
    return hand_over(turn, policy, reasons)


def after_failure(turn: Turn, policy: Policy, what: str) -> Route:
    """The route of a turn whose handler raised, timed out or returned an invalid reply; ``what``
    says which and how.

    It goes to a person even when the policy switches ``plugin_failed`` off: nothing is lost. The
    failure of a timer or event is only recorded; no customer waits for it.
    """
    if turn.conversation.state in ("waiting", "person"):
        return _with_people(turn, policy)
    failed = Reason(code="plugin_failed", detail=what)
    if turn.kind != "message" or turn.automatic:
        return Route(action="pass", tier=turn.conversation.tier, reasons=(failed,))
    kept = [
        reason
        for reason in reasons_that_hold(turn, policy)
        if reason.code not in {*UNDERSTANDING_REASONS, "plugin_failed"}
    ]
    harm, others = [r for r in kept if r.code == HARM], [r for r in kept if r.code != HARM]
    return hand_over(turn, policy, (*harm, failed, *others))


def hand_over(turn: Turn, policy: Policy, reasons: tuple[Reason, ...]) -> Route:
    """The route to a person, with the highest tier and priority that any of ``reasons`` asks for.

    ``reasons``: at least one, the deciding one first; codes of handlers are allowed.
    """
    rules = [_rule(reason, policy) for reason in reasons]
    tiers = list(policy.tiers)
    return Route(
        action="escalate",
        tier=max((rule.tier or policy.first_tier for rule in rules), key=tiers.index),
        skills=_skills(turn, policy),
        reasons=reasons,
        priority=max(rule.priority for rule in rules),
    )


AUTOMATIC = Reason(code="automatic", detail="a machine wrote it; the bot never answers machines")
OPTED_OUT = Reason(
    code="opted_out", detail="asked for no more messages at this address; nothing is sent there"
)


def _may_clarify(turn: Turn, reasons: tuple[Reason, ...], policy: Policy) -> bool:
    attempts = count_replies(
        m for m in since_bot_took_over(turn) if m.purpose in ("clarify", "fallback")
    )
    return (
        all(reason.code in UNDERSTANDING_REASONS for reason in reasons)
        and turn.understanding.emotion.label in policy.clarify.moods
        and attempts < policy.clarify.times
    )


def _with_people(turn: Turn, policy: Policy) -> Route:
    """The route in a conversation that waits or that a person has."""
    if turn.conversation.state == "waiting" and _harm_is_news(turn, policy):
        return _hand_over_again(turn, policy)
    return _pass_on(turn, policy)


def _harm_is_news(turn: Turn, policy: Policy) -> bool:
    rule = policy.reasons.harm
    return (
        turn.kind == "message"
        and not turn.automatic
        and rule.enabled
        and rule.check(turn, policy) is not None
        and not harm_is_known(turn)
    )


def _hand_over_again(turn: Turn, policy: Policy) -> Route:
    """The route of a conversation that waits already; it does not move to a lower tier."""
    kept = (r for r in reasons_that_hold(turn, policy) if r.code not in UNDERSTANDING_REASONS)
    route = hand_over(turn, policy, tuple(kept))
    tiers, current = list(policy.tiers), turn.conversation.tier
    if current not in tiers:
        return route
    return route.replace(tier=max(route.tier, current, key=tiers.index))


def _pass_on(turn: Turn, policy: Policy) -> Route:
    owner = turn.conversation.owner
    state = f"{owner.name} has the conversation" if owner else "it waits for a person"
    noted = _reasons_for_agent(turn, policy) if turn.kind == "message" else ()
    return Route(
        action="pass",
        tier=turn.conversation.tier,
        skills=_skills(turn, policy),
        reasons=(Reason(code="with_person", detail=state), *noted),
        priority=max((_rule(r, policy).priority for r in noted if r.code != "mood"), default=0),
    )


def _reasons_for_agent(turn: Turn, policy: Policy) -> tuple[Reason, ...]:
    """What an agent should notice in a message to a conversation that they already have."""
    if turn.automatic:
        return (AUTOMATIC,)
    urgent = (HARM, "legal", "urgent", "strong_emotion", "unreadable")
    found = tuple(reason for reason in reasons_that_hold(turn, policy) if reason.code in urgent)
    emotion = turn.understanding.emotion
    if emotion.label == "calm" or any(r.code in ("urgent", "strong_emotion") for r in found):
        return found
    return (*found, Reason(code="mood", detail=f"{emotion.label} {emotion.intensity:.2f}"))


def _rule(reason: Reason, policy: Policy) -> Rule:
    rule = getattr(policy.reasons, reason.code, None)
    return rule if isinstance(rule, Rule) else Rule()


def _skills(turn: Turn, policy: Policy) -> tuple[str, ...]:
    intent = confident_intent(turn, policy) or turn.conversation.intent or ""
    wanted = (
        *policy.skills.intents.get(intent, ()),
        *policy.skills.languages.get(turn.language, ()),
    )
    return tuple(dict.fromkeys(wanted))
