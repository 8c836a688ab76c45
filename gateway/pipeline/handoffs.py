"""Handoffs that no turn asked for: a delivery failed, or nobody claimed a case in time."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from gateway.model import Handoff, Reason
from gateway.pipeline.outcomes import system_line
from gateway.ports import Clock, Conflict, Event, Events, NotFound
from gateway.routing.policy import Policy
from gateway.store import HandoffRequest, Store, TurnOutcome, WorkItem


class DeliveryFailureHandler:
    """Writes a system line, and hands a conversation that only the bot has to a person."""

    def __init__(self, *, store: Store, policy: Policy, events: Events, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._events = events
        self._clock = clock

    async def tell(self, conversation: int, code: str, what: str) -> None:
        """``what`` is for agents; ``code`` is the reason of the hand-over."""
        now = self._clock.now()
        line = system_line(conversation, what, now)
        await self._store.handoffs.note(line)
        found = await self._store.queries.conversation(conversation)
        if found.state in ("bot", "resolved"):
            ask = self._ask(code, what)
            with suppress(Conflict):  # someone took or closed it at this moment: they see the line
                await self._store.handoffs.move(
                    conversation,
                    None,
                    found.epoch,
                    now,
                    state="waiting",
                    line="Handed over to a person",
                    handoff=ask,
                )
        self._events.publish(Event(topic="desk", name="conversation", conversation=conversation))

    def _ask(self, code: str, what: str) -> HandoffRequest:
        tier = self._policy.first_tier
        minutes = self._policy.tiers[tier].claim_minutes
        return HandoffRequest(
            reasons=(Reason(code=code, detail=what),),
            tier=tier,
            claim_by=self._clock.now() + timedelta(minutes=minutes),
        )


MOST_PRESSING = 3


class ClaimSla:
    """Raises handoffs whose time is over: to the next tier, or, at the top, in priority."""

    def __init__(self, *, store: Store, policy: Policy, events: Events, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._events = events
        self._clock = clock

    async def move_up(self, work: WorkItem) -> TurnOutcome:
        """Handle the alarm of one handoff. Whether it is still unclaimed is asked in the
        transaction that moves it."""
        if work.happened is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is no alarm")
        done = TurnOutcome(work=work, conversation=work.conversation, customer=work.customer)
        try:
            handoff = await self._store.queries.handoff(int(work.happened.data["handoff"]))
        except NotFound:
            return done
        ask = self._next(handoff)
        if ask is not None:
            now = self._clock.now()
            await self._store.handoffs.move_up(handoff.id, handoff.conversation, ask, now)
            self._events.publish(
                Event(topic="desk", name="queue", conversation=handoff.conversation)
            )
        return done

    def _next(self, handoff: Handoff) -> HandoffRequest | None:
        tier = self._policy.tiers.get(handoff.tier)
        above = tier.next if tier else None
        if above is None and handoff.priority >= MOST_PRESSING:
            return None
        name = above or handoff.tier
        found = self._policy.tiers.get(name)
        minutes = timedelta(minutes=found.claim_minutes) if found else None
        return HandoffRequest(
            reasons=handoff.reasons,
            tier=name,
            skills=handoff.skills,
            priority=min(MOST_PRESSING, handoff.priority + 1),
            claim_by=self._clock.now() + minutes if minutes else None,
        )
