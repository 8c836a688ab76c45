"""Decides who answers a turn: the bot, the bot after a clarifying question, or a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from gateway.model import Action, Cue, Emotion, Message, Reason, Route, Turn, Understanding
from gateway.routing.policy import Policy
from gateway.routing.reasons import (
    HARM,
    SHADOW,
    UNDERSTANDING_REASONS,
    harm_is_known,
    reasons_that_hold,
)
from gateway.routing.rules import Rule
from gateway.routing.turn_reading import (
    DETAILS_NEEDED,
    asked_details,
    confident_intent,
    count_replies,
    ends_with_thanks,
    sentence_about,
    since_bot_took_over,
    word_set,
)

KNOWN_MATTER = "known_matter"
"""The code of a route where a handler knew what the understanders did not recognise."""
MOODS_TO_ASK = frozenset({"calm", "pleased", "confused"})
"""Nobody in another mood is asked for details: a person who is upset gets help first."""
REASONS_TO_ASK = frozenset({"sensitive_intent"})
"""Reasons with which the bot may still ask for details before the hand-over."""
LASTING = frozenset({"legal", "sensitive_intent"})
"""Reasons that stay with a conversation when it goes to a person again: they say what it is about,
while a mood or a failure is of its moment. Harm is no such reason: it would be announced again."""
MOST_HISTORY = 40
"""`Turn.history` has no more messages; with fewer it is the whole conversation."""
LOW_SCORE = "low_score"
"""The kind of cue that `with_survey_mood` adds."""
BAD_SCORE = ((0.55, 0.7), (0.4, 0.6))
"""The intensity and the distress of a customer who says why they give 1, or another bad score. Both
are below what calls a person by itself: that is the policy's `survey_unsolved`."""
MOST_OTHER_WORDS = 5
"""Words beside the details in a message that only states them: `my order number is ...`."""
CONTENT = frozenset({"calm", "pleased"})
"""Moods in which thanks are meant as such."""
IN_FLIGHT = timedelta(seconds=1)
"""A message this much older than the hand-over was written before the customer read it."""


def decide(turn: Turn, policy: Policy) -> Route:
    """The route of ``turn``, with every reason that holds, the deciding one first.

    ``pass`` while an agent has the conversation or it waits for one, and for messages that a
    machine wrote (RFC 3834, section 2: they are never answered). ``escalate`` when a reason holds;
    but ``clarify`` when the bot only did not understand, the customer is calm and the bot has not
    asked a clarifying question yet. Else ``automate``. A customer who opted out and writes all the
    same goes to an agent, who may know another way to answer; but not with an answer to a survey
    for which no reason holds.

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
        harm = tuple(reason for reason in reasons if reason.code == HARM)
        waits = turn.survey_answer is None or bool(reasons)
        reasons = (*harm, OPTED_OUT) if waits else ()
    reasons = _with_postponed(turn, reasons)
    if not reasons:
        return Route(action="automate")
    if _may_clarify(turn, reasons, policy):
        return Route(action="clarify", reasons=reasons)
    return hand_over(turn, policy, reasons)


def with_survey_mood(turn: Turn, policy: Policy) -> Turn:
    """``turn`` with the mood of a customer who gives a bad score and says why: short words beside a
    number (`1, you did not help at all`) may look calm alone. A worse mood stays."""
    answer, emotion = turn.survey_answer, turn.understanding.emotion
    if answer is None or answer.score is None or not answer.comment:
        return turn
    if answer.score > policy.reasons.survey_unsolved.score or emotion.label not in MOODS_TO_ASK:
        return turn
    intensity, distress = BAD_SCORE[0] if answer.score == 1 else BAD_SCORE[1]
    start = max(turn.message.text.find(answer.comment), 0)
    end = min(start + len(answer.comment), len(turn.message.text))
    cue = Cue(kind=LOW_SCORE, text=turn.message.text[start:end], start=start, end=end)
    mood = Emotion(
        label="frustrated",
        intensity=intensity,
        distress=max(distress, emotion.distress),
        cues=(*emotion.cues, cue),
    )
    return turn.replace(understanding=turn.understanding.replace(emotion=mood))


def with_sensitive_matter(turn: Turn, policy: Policy) -> Turn:
    """``turn`` with the intent of the sentence for which it goes to a person, where the message as
    a whole has another: the person's skills, what is asked and what is said follow from it. The
    ranking as it was read follows that intent, so that another ``policy`` may decide anew."""
    rule = policy.reasons.sensitive_intent
    intents = rule.intents - rule.whole_only
    understanding = _as_read(turn.understanding)
    turn = turn.replace(understanding=understanding)
    found = sentence_about(turn, intents, policy)
    known = {confident_intent(turn, policy), *(q.guess.name for q in understanding.questions)}
    if found is None or not rule.enabled or not known.isdisjoint(intents):
        return turn
    ranking = (found.guess, *understanding.ranking)
    return turn.replace(understanding=understanding.replace(ranking=ranking, questions=()))


def _as_read(understanding: Understanding) -> Understanding:
    """``understanding`` before `with_sensitive_matter`: no engine ranks first what a sentence shows
    beside the ranking."""
    first, rest = understanding.ranking[:1], understanding.ranking[1:]
    moved = any(sentence.guess in first for sentence in understanding.sentences)
    return understanding.replace(ranking=rest) if moved else understanding


def with_earlier_matter(turn: Turn, policy: Policy) -> Turn:
    """``turn`` with the intent of the message after which the bot asked for details, when this
    message hardly says more than these or is about nothing else. A new question stays one, and
    harm is no part of any matter."""
    asking = _last_question(turn)
    if asking is None or turn.kind != "message" or turn.survey_answer is not None:
        return turn
    if turn.understanding.has(HARM):
        return turn
    before = next(
        (
            m.understanding
            for m in reversed(turn.history)
            if m.author == "customer" and m.turn == asking.turn and m.understanding
        ),
        None,
    )
    if before is None:
        return turn
    intent = confident_intent(turn, policy)
    aside = policy.pass_by_intents | policy.reasons.out_of_scope.intents
    if intent not in (None, *aside) and not _only_states(turn, asked_details(asking)):
        return turn
    understanding = turn.understanding.replace(
        ranking=before.ranking, questions=(), ranked_by=before.ranked_by
    )
    return turn.replace(understanding=understanding)


def may_ask_details(turn: Turn, policy: Policy) -> bool:
    """Whether the customer may be asked for details before the answer or the hand-over: nobody who
    is upset or was so in their last message, speaks of harm or legal steps, or wants a person."""
    since = [m for m in since_bot_took_over(turn) if m.author == "customer" and m.understanding]
    moods = {m.understanding.emotion.label for m in since[-1:] if m.understanding}
    return (
        turn.kind == "message"
        and turn.route.action in ("automate", "escalate")
        and turn.survey_answer is None
        and {turn.understanding.emotion.label, *moods} <= MOODS_TO_ASK
        and confident_intent(turn, policy) is not None
        and not any(map(turn.understanding.has, (HARM, "legal", "asked_for_person")))
        and all(reason.code in REASONS_TO_ASK for reason in turn.route.reasons)
    )


def ask_details(turn: Turn, needed: Sequence[str]) -> Route:
    """The route of ``turn``, whose intent needs the slots ``needed``: to ask for those that the
    customer has not stated, once in a conversation, before the answer or the hand-over.

    Call it if `may_ask_details`. The reasons of a postponed hand-over stay with the route.
    """
    asked = {name for message in turn.history for name in asked_details(message)}
    missing = [name for name in needed if name not in asked and turn.given(name) is None]
    if not missing:
        return turn.route
    asks = Reason(code=DETAILS_NEEDED, detail=", ".join(dict.fromkeys(missing)))
    return Route(action="clarify", reasons=(asks, *turn.route.reasons))


def may_be_known(turn: Turn, policy: Policy) -> bool:
    """Whether a `MatterHandler` may be asked about the turn: nothing else speaks against an answer
    than that the matter was not recognised, and the customer is calm."""
    return (
        turn.kind == "message"
        and not turn.automatic
        and turn.survey_answer is None
        and turn.route.action in ("clarify", "escalate")
        and all(reason.code in UNDERSTANDING_REASONS for reason in turn.route.reasons)
        and turn.understanding.emotion.label in policy.clarify.moods
    )


def asked_by(turn: Turn) -> str | None:
    """The name of the handler whose clarifying question the message follows; None if it follows
    none, or a question for details."""
    last = next((m for m in reversed(turn.history) if not m.internal), None)
    if last is None or last.author != "bot" or last.purpose != "clarify" or asked_details(last):
        return None
    return last.handler


def with_known_matter(turn: Turn, handler: str) -> Route:
    """The route of a turn that ``handler`` answers although the matter was not recognised."""
    otherwise = "; ".join(reason.detail or reason.code for reason in turn.route.reasons)
    detail = f"{handler} knows the matter" + (f" ({otherwise})" if otherwise else "")
    return Route(action="automate", reasons=(Reason(code=KNOWN_MATTER, detail=detail),))


def is_still_in_line(turn: Turn) -> bool:
    """Whether the customer may be told that they are still in line: at their first message after
    a hand-over that nobody has claimed yet, and never after words of harm."""
    conversation = turn.conversation
    waits = conversation.state == "waiting" and conversation.owner is None
    if not waits or turn.kind != "message" or turn.automatic or turn.opted_out:
        return False
    if turn.understanding.has(HARM) or harm_is_known(turn):
        return False  # they were told what to do; a place in line would contradict it
    for message in reversed(turn.history):
        action = message.route.action if message.route else None
        if message.author == "bot" and action == "pass":
            return False
        if message.author == "bot" and action == "escalate":
            return turn.message.at + IN_FLIGHT >= message.at
        if message.agent is not None and not (message.author == "agent" and message.internal):
            return True  # an agent handed it over: an answer, a transfer
    return len(turn.history) < MOST_HISTORY


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
        for reason in _with_postponed(turn, reasons_that_hold(turn, policy))
        if reason.code not in {*UNDERSTANDING_REASONS, "plugin_failed"}
    ]
    harm, others = [r for r in kept if r.code == HARM], [r for r in kept if r.code != HARM]
    return hand_over(turn, policy, (*harm, failed, *others))


def hand_over(turn: Turn, policy: Policy, reasons: tuple[Reason, ...]) -> Route:
    """The route to a person, with the highest tier and priority that any of ``reasons`` asks for.

    ``reasons``: at least one, the deciding one first; codes of handlers are allowed. What the
    conversation was about before stays a reason (see `LASTING`).
    """
    reasons = _with_lasting(turn, reasons)
    rules = [_rule(reason, policy) for reason in reasons]
    tiers = list(policy.tiers)
    return Route(
        action="escalate",
        tier=max((rule.tier or policy.first_tier for rule in rules), key=tiers.index),
        skills=_skills(turn, policy),
        reasons=reasons,
        priority=max(rule.priority for rule in rules),
    )


def in_shadow(turn: Turn, policy: Policy) -> Route:
    """The route in shadow mode of a message whose route would be ``turn.route``: to a person, with
    its reasons, and what the bot would have done. A message that goes to no one stays so."""
    if turn.route.action == "pass":
        return turn.route
    shadow = Reason(code=SHADOW, detail=WOULD_HAVE[turn.route.action])
    return hand_over(turn, policy, (*turn.route.reasons, shadow))


def without_shadow(turn: Turn, policy: Policy) -> Turn | None:
    """``turn`` as the bot would have got it, where it would still have the conversation: shadow
    mode alone gave it to people, and none of them has claimed it. Else None."""
    if turn.route.action != "pass" or turn.conversation.state != "waiting":
        return None
    routes = (m.route for m in reversed(turn.history) if m.author == "customer" and m.route)
    given = next((route for route in routes if route.action == "escalate"), None)
    last = given.reasons[-1] if given and given.reasons else None
    if last is None or last.code != SHADOW or last.detail == WOULD_HAVE["escalate"]:
        return None
    conversation = turn.conversation.replace(state="bot", owner=None, tier="bot")
    alone = turn.replace(conversation=conversation)
    return alone.replace(route=decide(alone, policy))


WOULD_HAVE: Mapping[Action, str] = {
    "automate": "the bot would have answered",
    "clarify": "the bot would have asked back",
    "escalate": "the bot would have handed over, too",
}
"""The details of the reason `SHADOW`, by what the bot would have done."""

AUTOMATIC = Reason(code="automatic", detail="a machine wrote it; the bot never answers machines")
COURTESY = Reason(code="courtesy", detail="thanks or a goodbye; nobody waits for an answer")
OPTED_OUT = Reason(
    code="opted_out", detail="asked for no more messages at this address; nothing is sent there"
)


def _last_question(turn: Turn) -> Message | None:
    """The bot's question for details, when nothing has been said since."""
    public = (m for m in reversed(turn.history) if not m.internal)
    last = next(public, None)
    return last if last and last.author == "bot" and asked_details(last) else None


def _only_states(turn: Turn, names: Sequence[str]) -> bool:
    """Whether the message states one of the slots, and little else (`it is MP-48213`)."""
    slots = turn.understanding.slots
    rest = turn.message.text
    for slot in sorted(slots, key=lambda slot: -slot.start):
        rest = rest[: slot.start] + " " + rest[slot.end :]
    return any(slot.name in names for slot in slots) and len(word_set(rest)) <= MOST_OTHER_WORDS


def _with_postponed(turn: Turn, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """``reasons``, and those of the hand-over that waited for the customer's details. They count
    whatever the customer writes now; but low confidence alone does not hold them up again."""
    asking = _last_question(turn)
    postponed = asking.route.reasons[1:] if asking and asking.route else ()
    if not postponed:
        return reasons
    kept = [reason for reason in reasons if reason.code not in UNDERSTANDING_REASONS]
    new = [reason for reason in postponed if reason.code not in {r.code for r in kept}]
    return (*kept, *new)


def _may_clarify(turn: Turn, reasons: tuple[Reason, ...], policy: Policy) -> bool:
    attempts = count_replies(
        m
        for m in since_bot_took_over(turn)
        if m.purpose in ("clarify", "fallback") and not asked_details(m)
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


def _with_lasting(turn: Turn, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """``reasons``, and the `LASTING` ones of the conversation before; shadow mode's stays last."""
    codes = {reason.code for reason in reasons}
    earlier = {
        reason.code: reason
        for message in turn.history
        if message.author == "customer" and message.route
        for reason in message.route.reasons
        if reason.code in LASTING and reason.code not in codes
    }
    shadow = tuple(reason for reason in reasons if reason.code == SHADOW)
    others = tuple(reason for reason in reasons if reason.code != SHADOW)
    return (*others, *earlier.values(), *shadow)


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
    if not found and emotion.label in CONTENT and ends_with_thanks(turn):
        found = (COURTESY,)
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
