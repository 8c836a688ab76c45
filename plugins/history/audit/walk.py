"""Walks the stored conversations: which messages opened a matter, what would the bot do with them,
and what did people answer?

The gateway's own understanding, routing and handlers work each matter as if it came now (see
`Trials.replay`): with the conversation before it and the customer's earlier conversations, at its
own time of day. Nothing is stored or sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from gateway import (
    CaseRecord,
    Context,
    Customer,
    Message,
    PastConversation,
    Records,
    Reply,
    TrialAnswer,
    Trials,
    Turn,
    Understanding,
    Value,
    is_courtesy,
    known_names,
)
from plugins.history.audit.model import AuditedMatter, Verdict
from plugins.history.audit.templates import Templates
from plugins.history.audit.texts import content

PAGE = 200
AT_ONCE = 96
"""Matters that are worked at the same time: several batches of the engine, and little memory."""
MOST_HISTORY = 40
"""As many messages as the gateway gives a turn."""
NEW_MATTER = timedelta(days=14)
"""A message this long after the last one in its conversation opens a matter. Ours: after two weeks
people write about something else, or the first answer did not help; both need an answer."""
MOST_EARLIER = 20
"""Earlier conversations of a customer that a turn knows, as `Records.earlier`."""
UNSENT = frozenset({"failed", "discarded"})
SURE = 0.55
"""The confidence from which another intent is another matter: the built-in policy's threshold."""

Progress = Callable[[int], None]


class ReplayedCase(Value, frozen=True, kw_only=True):
    """A conversation with what was understood of each of the customer's messages, and the matters
    that were opened in it."""

    case: CaseRecord
    messages: tuple[Message, ...]
    """What was said, with the understanding of the customer's messages."""
    matters: tuple[AuditedMatter, ...]


async def walk(
    records: Records,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
) -> AsyncIterator[CaseRecord]:
    """The conversations that were opened from ``since`` to ``until``, those about spam left out."""
    after = 0
    while page := await records.cases(
        since=since, until=until, after=after, limit=PAGE, imported=None
    ):
        for case in page:
            if brand is None or case.conversation.brand == brand:
                yield case
        after = page[-1].conversation.id


async def replay_cases(
    trials: Trials, cases: Sequence[CaseRecord], progress: Progress = lambda _: None
) -> list[ReplayedCase]:
    """Replay ``cases``, in the order of their opening. ``progress`` gets the number of
    conversations that are done. Spam and what nobody of ours could answer is left out."""
    ordered = sorted(cases, key=lambda each: each.conversation.opened_at)
    ordered = [case for case in ordered if "spam" not in case.conversation.labels]
    templates = Templates.of(ordered)
    courtesies = await trials.in_force("policy", ("pass_by_intents",))
    polite = (
        frozenset(map(str, courtesies)) if isinstance(courtesies, list | tuple) else frozenset()
    )
    understood = await _understand(trials, ordered, progress)
    work = _turns(ordered, understood)
    gate = asyncio.Semaphore(AT_ONCE)
    done = Counter[str]()

    async def one(turn: Turn) -> TrialAnswer:
        async with gate:
            answer = await trials.replay(turn)
            done["turns"] += 1
            return answer

    found: list[ReplayedCase] = []
    for start in range(0, len(ordered), PAGE):
        part = range(start, min(start + PAGE, len(ordered)))
        answers = await asyncio.gather(*(one(turn) for at in part for _, turn in work[at]))
        each = iter(answers)
        for at in part:
            matters = tuple(
                _matter(ordered[at], said, index, next(each), templates, polite)
                for (index, _), said in ((pair, understood[at]) for pair in work[at])
            )
            found.append(ReplayedCase(case=ordered[at], messages=understood[at], matters=matters))
        progress(len(ordered) + part.stop)
    return found


def said_in(case: CaseRecord) -> tuple[Message, ...]:
    """What was said in a conversation, oldest first, without notes and what was never sent."""
    said = [
        message
        for message in case.messages
        if not message.internal and message.author != "system" and message.status not in UNSENT
    ]
    return tuple(sorted(said, key=lambda message: (message.at, message.id)))


async def _understand(
    trials: Trials, cases: Sequence[CaseRecord], progress: Progress
) -> list[tuple[Message, ...]]:
    """What was said in each case, with what the engines make of the customer's messages now."""
    found: list[tuple[Message, ...]] = []
    for start in range(0, len(cases), PAGE):
        page = [(case, said_in(case)) for case in cases[start : start + PAGE]]
        turns = [
            _turn(case, message)
            for case, said in page
            for message in said
            if message.author == "customer"
        ]
        read = iter(await trials.understand(turns))
        for _, said in page:
            found.append(
                tuple(
                    message.replace(understanding=next(read))
                    if message.author == "customer"
                    else message
                    for message in said
                )
            )
        progress(start + len(page))
    return found


def _turns(
    cases: Sequence[CaseRecord], understood: Sequence[tuple[Message, ...]]
) -> list[list[tuple[int, Turn]]]:
    """For each case the messages that opened a matter, by index, and the turns they would be."""
    earlier: dict[int, list[PastConversation]] = defaultdict(list)
    found = []
    for case, said in zip(cases, understood, strict=True):
        before = earlier[case.customer] if case.customer else []
        past = tuple(reversed(before[-MOST_EARLIER:]))
        found.append(
            [
                (index, _turn(case, said[index], history=said[:index], earlier=past))
                for index in openers(said)
            ]
        )
        first = next((m.understanding for m in said if m.understanding), None)
        before.append(_past(case, first))
    return found


def openers(said: Sequence[Message]) -> list[int]:
    """The indexes of the messages that opened a matter: the customer's first, and later ones after
    an answer that are surely about something new, or come long after. Thanks open nothing."""
    found: list[int] = []
    known: set[str] = set()
    answered = False
    for index, message in enumerate(said):
        if message.author != "customer":
            answered = answered or bool(found)
            continue
        intent = message.understanding.intent if message.understanding else None
        sure = intent.name if intent and intent.confidence >= SURE else None
        if not message.text.strip() or is_courtesy(message.text):
            continue
        later = bool(found) and message.at - said[index - 1].at >= NEW_MATTER
        news = answered and sure is not None and sure not in known and "?" in message.text
        if not found or later or (news and known):
            found.append(index)
            answered = False
        if sure is not None:
            known.add(sure)
    return found


def _turn(
    case: CaseRecord,
    message: Message,
    *,
    history: Sequence[Message] = (),
    earlier: tuple[PastConversation, ...] = (),
) -> Turn:
    conversation = case.conversation
    return Turn(
        id=message.turn or 0,
        at=message.at,
        message=message,
        customer=Customer(id=case.customer, name=case.customer_name),
        conversation=conversation.replace(
            state="bot", owner=None, tier="bot", resolved_at=None, language=None
        ),
        history=tuple(history[-MOST_HISTORY:]),
        context=Context(earlier=earlier),
        understanding=message.understanding or Understanding(),
        returning=bool(earlier),
    )


def _past(case: CaseRecord, understanding: Understanding | None) -> PastConversation:
    sure = understanding and understanding.intent.confidence >= SURE
    return PastConversation(
        id=case.conversation.id,
        channel=case.conversation.address.channel,
        opened_at=case.conversation.opened_at,
        resolved_at=case.conversation.resolved_at,
        intent=understanding.intent.name if understanding and sure else None,
        mood=case.mood,
    )


def _matter(  # noqa: PLR0917  (of one case, in the order of its story)
    case: CaseRecord,
    said: Sequence[Message],
    index: int,
    answer: TrialAnswer,
    templates: Templates,
    polite: frozenset[str],
) -> AuditedMatter:
    asked, turn = said[index], answer.turn
    following = openers_after(said, index)
    replies = [m for m in said[index + 1 : following] if m.author == "agent"]
    telling = [m for m in replies if not templates.says_nothing(m.text)]
    understood = turn.understanding
    intent = understood.intent
    return AuditedMatter(
        conversation=case.conversation.id,
        message=asked.id,
        customer=case.customer,
        at=asked.at,
        channel=case.conversation.address.channel,
        brand=case.conversation.brand,
        language=turn.language,
        question=asked.text,
        mood=understood.emotion.label,
        distress=understood.emotion.distress,
        intent=intent.name if intent.confidence >= SURE else "",
        verdict=verdict_of(turn, answer.reply),
        reasons=tuple(reason.code for reason in turn.route.reasons),
        handler=answer.handler or "",
        polite=intent.name in polite,
        bot=stated(answer.reply),
        person=" ".join(filter(None, (content(m.text) for m in telling))),
        seconds=(replies[0].at - asked.at).total_seconds() if replies else None,
        names=known_names(case),
    )


def openers_after(said: Sequence[Message], index: int) -> int:
    """Where the next matter begins; the end if there is none."""
    return next((at for at in openers(said) if at > index), len(said))


def verdict_of(turn: Turn, reply: Reply | None) -> Verdict:
    """What the bot would do, in the audit's words: who says that they have no answer steps back."""
    action = turn.route.action
    if action == "automate" and reply is not None and reply.purpose not in ("fallback", "clarify"):
        return "answer"
    return "hand_over" if action in ("escalate", "pass") else "clarify"


def stated(reply: Reply | None) -> str:
    """What a reply states, with its links, before the voice puts words around it."""
    if reply is None:
        return ""
    links = (link.url for link in reply.links)
    return " ".join(filter(None, (*reply.body, reply.next_step, *links)))
