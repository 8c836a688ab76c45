"""A case nobody claims in time moves up."""

from __future__ import annotations

from datetime import timedelta

from gateway.model import Handoff
from gateway.ports import Clock, Event, Events, NotFound
from gateway.services.policy import Policy
from gateway.store import HandoffAsk, Outcome, Store, Work

MOST_PRESSING = 3


class Unclaimed:
    """Raises handoffs whose time is over: to the next tier, or, at the top, in priority."""

    def __init__(self, *, store: Store, policy: Policy, events: Events, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._events = events
        self._clock = clock

    async def move_up(self, work: Work) -> Outcome:
        """Handle the alarm of one handoff. Whether it is still unclaimed is asked in the
        transaction that moves it."""
        if work.happened is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is no alarm")
        done = Outcome(work=work, conversation=work.conversation, customer=work.customer)
        try:
            handoff = await self._store.reading.handoff(int(work.happened.data["handoff"]))
        except NotFound:
            return done
        ask = self._next(handoff)
        if ask is not None:
            now = self._clock.now()
            await self._store.moves.move_up(handoff.id, handoff.conversation, ask, now)
            self._events.publish(
                Event(topic="desk", name="queue", conversation=handoff.conversation)
            )
        return done

    def _next(self, handoff: Handoff) -> HandoffAsk | None:
        tier = self._policy.tiers.get(handoff.tier)
        above = tier.next if tier else None
        if above is None and handoff.priority >= MOST_PRESSING:
            return None
        name = above or handoff.tier
        found = self._policy.tiers.get(name)
        minutes = timedelta(minutes=found.claim_minutes) if found else None
        return HandoffAsk(
            reasons=handoff.reasons,
            tier=name,
            skills=handoff.skills,
            priority=min(MOST_PRESSING, handoff.priority + 1),
            claim_by=self._clock.now() + minutes if minutes else None,
        )
