"""What a changed policy would have done with the last weeks: more or fewer hand-overs, for which
reasons, of which messages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway import (
    AdoptedChange,
    CaseRecord,
    ReplayedTurn,
    Route,
    Services,
    Value,
    known_names,
    masked,
    routed_turns,
)
from plugins.lead_rooms.recent_cases import RecentCases

MOST_TURNS = 20_000
"""A replay of more says nothing new; it takes the newest."""
AT_ONCE = 500
"""Turns that are routed before others get the interpreter."""
SHOWN = 12
"""Examples of changed routes."""
NOT_REPLAYED = frozenset({"repeat_contact", "survey_unsolved"})
"""Reasons that rest on what is not stored with a message: contacts before it, and the survey."""


class ChangedRoute(Value, frozen=True, kw_only=True):
    """A message that would be routed otherwise, without personal data."""

    conversation: int
    text: str
    before: str
    after: str
    reasons: tuple[str, ...]


class ReasonCount(Value, frozen=True, kw_only=True):
    """How often a reason would hold for a hand-over, before and after."""

    code: str
    before: int
    after: int


class PolicyEffect(Value, frozen=True, kw_only=True):
    """``turns`` were routed again, of which the policy in force routes ``faithful`` (0..1) as they
    were routed. ``actions`` are how many were answered, asked back and handed over, before and
    after; ``complete`` says whether all of the days were looked at."""

    turns: int
    conversations: int
    faithful: float
    actions: Mapping[str, tuple[int, int]] = {}
    reasons: tuple[ReasonCount, ...] = ()
    changed: int = 0
    examples: tuple[ChangedRoute, ...] = ()
    complete: bool = True


@dataclass(kw_only=True)
class PolicyReplay:
    """Routes stored turns again."""

    services: Services
    cases: RecentCases

    async def effect(self, changes: Sequence[AdoptedChange], brands: Sequence[str]) -> PolicyEffect:
        """The effect of ``changes`` on the newest turns of these brands (none: all)."""
        replay = _Replay()
        waiting: list[tuple[CaseRecord, ReplayedTurn]] = []
        async for case in self.cases.newest_first(brands):
            replay.conversations += 1
            waiting += ((case, each) for each in routed_turns(case))
            if len(waiting) >= AT_ONCE:
                await self._route(waiting, changes, replay)
                waiting = []
            if replay.turns >= MOST_TURNS:
                break
        await self._route(waiting, changes, replay)
        full = replay.conversations >= self.cases.most or replay.turns >= MOST_TURNS
        return replay.effect(complete=not full)

    async def _route(
        self,
        found: Sequence[tuple[CaseRecord, ReplayedTurn]],
        changes: Sequence[AdoptedChange],
        replay: _Replay,
    ) -> None:
        turns = [each.turn for _, each in found]
        before = await self.services.trials.route(turns)
        after = await self.services.trials.route(turns, changes)
        for (case, each), old, new in zip(found, before, after, strict=True):
            replay.add(case, each, old, new)
        await asyncio.sleep(0)


class _Replay:
    """Adds up what changes."""

    def __init__(self) -> None:
        self.turns = self.conversations = self.same = self.changed = 0
        self.actions: dict[str, list[int]] = {}
        self.before: Counter[str] = Counter()
        self.after: Counter[str] = Counter()
        self.examples: list[ChangedRoute] = []
        """Those with another action."""
        self.others: list[ChangedRoute] = []
        """Those with other reasons alone."""

    def add(self, case: CaseRecord, each: ReplayedTurn, old: Route, new: Route) -> None:
        self.turns += 1
        self.same += old.action == each.stored.action
        self.actions.setdefault(old.action, [0, 0])[0] += 1
        self.actions.setdefault(new.action, [0, 0])[1] += 1
        for counter, route in ((self.before, old), (self.after, new)):
            if route.action == "escalate":
                counter.update({reason.code for reason in route.reasons})
        if old.action == new.action and _codes(old) == _codes(new):
            return
        self.changed += 1
        shown = self.others if old.action == new.action else self.examples
        if len(shown) < SHOWN:
            text = masked(each.turn.message.text, known_names(case))
            example = ChangedRoute(
                conversation=case.conversation.id,
                text=text[:300],
                before=old.action,
                after=new.action,
                reasons=_codes(new if new.reasons else old),
            )
            shown.append(example)

    def effect(self, *, complete: bool) -> PolicyEffect:
        codes = sorted({*self.before, *self.after}, key=lambda code: -self.after[code])
        return PolicyEffect(
            turns=self.turns,
            conversations=self.conversations,
            faithful=self.same / self.turns if self.turns else 0.0,
            actions={
                action: (counts[0], counts[1]) for action, counts in sorted(self.actions.items())
            },
            reasons=tuple(
                ReasonCount(code=code, before=self.before[code], after=self.after[code])
                for code in codes
                if self.before[code] != self.after[code]
            ),
            changed=self.changed,
            examples=tuple([*self.examples, *self.others][:SHOWN]),
            complete=complete,
        )


def _codes(route: Route) -> tuple[str, ...]:
    return tuple(reason.code for reason in route.reasons)
