"""How past replies would read by a changed guide: before and after, word by word."""

from __future__ import annotations

import asyncio
import difflib
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway import (
    AdoptedChange,
    CaseRecord,
    Customer,
    Finding,
    Message,
    RenderContext,
    Reply,
    Route,
    Services,
    Turn,
    Understanding,
    Value,
    Voice,
    known_names,
    masked,
)
from plugins.lead_rooms.recent_cases import RecentCases

SAMPLED = 100
"""Replies that are read again."""
MOST_CASES = 3_000
"""The newest conversations that they are drawn from."""
_PIECES = re.compile(r"\s+|[^\s]+")

SpanKind = Literal["same", "gone", "new"]
Spans = tuple[tuple[SpanKind, str], ...]


class ChangedReply(Value, frozen=True, kw_only=True):
    """A past reply that would read otherwise, without personal data. ``remade``: the bot's answer
    was made again from the turn; else its text went through the voice as it was sent. For a
    person's reply ``after`` is what the advice suggests."""

    conversation: int
    author: str
    channel: str
    before: Spans
    after: Spans
    rules: tuple[str, ...]
    remade: bool = False


class GuideEffect(Value, frozen=True, kw_only=True):
    """``sampled`` replies of the bot and of people were read again, of ``conversations``."""

    sampled: int
    bot: int
    conversations: int
    changed: tuple[ChangedReply, ...]


@dataclass(frozen=True, kw_only=True)
class _PastReply:
    """All messages of one reply, and the customer's message before it."""

    case: CaseRecord
    messages: tuple[Message, ...]
    asked: Message | None


@dataclass(kw_only=True)
class GuideReplay:
    """Renders and checks a sample of past replies by two guides."""

    services: Services
    cases: RecentCases

    async def effect(self, changes: Sequence[AdoptedChange], brands: Sequence[str]) -> GuideEffect:
        """What ``changes`` would do to replies of these brands (none: all)."""
        sample, conversations = await self._sample(brands)
        trials = self.services.trials
        old, new = await trials.voice(), await trials.voice(changes)
        changed: list[ChangedReply] = []
        for past in sample:
            found = await self._compare(past, old, new)
            changed += [found] if found else []
            await asyncio.sleep(0)
        bot = sum(past.messages[0].author == "bot" for past in sample)
        return GuideEffect(
            sampled=len(sample), bot=bot, conversations=conversations, changed=tuple(changed)
        )

    async def _sample(self, brands: Sequence[str]) -> tuple[list[_PastReply], int]:
        """A random sample, the same at every look (reservoir sampling: Vitter, Random sampling with
        a reservoir, ACM TOMS 11, 1985, algorithm R)."""
        chance, kept, seen, count = random.Random(0), list[_PastReply](), 0, 0  # noqa: S311
        async for case in self.cases.newest_first(brands):
            count += 1
            for past in _replies(case):
                seen += 1
                if len(kept) < SAMPLED:
                    kept.append(past)
                elif (at := chance.randrange(seen)) < SAMPLED:
                    kept[at] = past
            if count == MOST_CASES:
                break
        return kept, count

    async def _compare(self, past: _PastReply, old: Voice, new: Voice) -> ChangedReply | None:
        message = past.messages[0]
        context = _context(past)
        if message.author == "agent":
            return _advised(past, context, old, new)
        reply = await self._made_again(past)
        remade = reply is not None
        if reply is None:
            language = past.case.conversation.language or "en"
            text = "\n\n".join(each.text for each in past.messages)
            reply = Reply(
                opener="", body=(text,), language=language, facts=message.facts, purpose="notice"
            )
            context = context.replace(first=False)
        before, after = old.render(reply, context), new.render(reply, context)
        if before.parts == after.parts:
            return None
        known = {(each.rule, each.before, each.after) for each in before.applied}
        rules = [
            each.rule for each in after.applied if (each.rule, each.before, each.after) not in known
        ] or [each.rule for each in before.applied if each not in after.applied]
        return _changed(past, "\n\n".join(before.parts), "\n\n".join(after.parts), rules, remade)

    async def _made_again(self, past: _PastReply) -> Reply | None:
        """The answer to the stored turn, from what is known today; None: it was no such answer."""
        asked, message = past.asked, past.messages[0]
        if asked is None or asked.understanding is None or message.purpose != "answer":
            return None
        case = past.case
        turn = Turn(
            id=0,
            at=message.at,
            message=asked,
            customer=Customer(id=case.customer, language=case.conversation.language),
            conversation=case.conversation,
            understanding=asked.understanding,
            route=Route(action="automate"),
        )
        return await self.services.trials.answer(turn)


def _replies(case: CaseRecord) -> Iterable[_PastReply]:
    """The replies of ``case``; the parts of one count once."""
    parts: dict[tuple[str, int], list[Message]] = {}
    asked: dict[tuple[str, int], Message | None] = {}
    last: Message | None = None
    for message in case.messages:
        if message.author == "customer":
            last = message
        elif message.author in ("bot", "agent") and not message.internal and message.text:
            if message.status in ("discarded", "failed"):
                continue
            key = (str(message.author), message.turn or -message.id)
            parts.setdefault(key, []).append(message)
            asked.setdefault(key, last)
    for key, messages in parts.items():
        yield _PastReply(case=case, messages=tuple(messages), asked=asked[key])


def _context(past: _PastReply) -> RenderContext:
    conversation, message = past.case.conversation, past.messages[0]
    earlier = (m for m in past.case.messages if m.author in ("bot", "agent") and not m.internal)
    understanding = (past.asked.understanding if past.asked else None) or Understanding()
    escalates = message.route is not None and message.route.action == "escalate"
    reasons = message.route.reasons if message.route and escalates else ()
    return RenderContext(
        channel=conversation.address.channel,
        brand=conversation.brand,
        emotion=understanding.emotion,
        author="bot" if message.author == "bot" else "agent",
        first=next(earlier, message).id == message.id,
        reasons=tuple(reason.code for reason in reasons),
        language=conversation.language,
    )


def _advised(
    past: _PastReply, context: RenderContext, old: Voice, new: Voice
) -> ChangedReply | None:
    """A person's reply on which the new guide advises something that the old one does not."""
    text = "\n\n".join(each.text for each in past.messages)
    known = {(each.rule, each.start, each.end) for each in old.lint(text, context)}
    fresh = [
        each for each in new.lint(text, context) if (each.rule, each.start, each.end) not in known
    ]
    if not fresh:
        return None
    return _changed(past, text, _applied(text, fresh), [each.rule for each in fresh], False)


def _applied(text: str, findings: Sequence[Finding]) -> str:
    """``text`` with every suggestion in place; where there is none a person decides."""
    for finding in sorted(findings, key=lambda each: -each.start):
        if finding.suggestion is not None:
            text = text[: finding.start] + finding.suggestion + text[finding.end :]
    return text


def _changed(
    past: _PastReply, before: str, after: str, rules: Sequence[str], remade: bool
) -> ChangedReply:
    names = known_names(past.case)
    low, high = masked(before, names, ours=True), masked(after, names, ours=True)
    old, new = word_difference(low, high)
    return ChangedReply(
        conversation=past.case.conversation.id,
        author=past.messages[0].author,
        channel=past.case.conversation.address.channel,
        before=old,
        after=new,
        rules=tuple(dict.fromkeys(rules)),
        remade=remade,
    )


def word_difference(before: str, after: str) -> tuple[Spans, Spans]:
    """The words that stay, go and come, of both texts."""
    low, high = _PIECES.findall(before), _PIECES.findall(after)
    old: list[tuple[SpanKind, str]] = []
    new: list[tuple[SpanKind, str]] = []
    matcher = difflib.SequenceMatcher(None, low, high, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        gone, come = "".join(low[first:last]), "".join(high[start:end])
        if tag == "equal":
            old.append(("same", gone))
            new.append(("same", come))
            continue
        if gone:
            old.append(("gone", gone))
        if come:
            new.append(("new", come))
    return tuple(old), tuple(new)
