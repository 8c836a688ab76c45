"""What went wrong on the way out is told to people, and nobody's case is left with nobody."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from gateway.model import Reason
from gateway.ports import Clock, Conflict, Event, Events
from gateway.services.notices import notice
from gateway.services.policy import Policy
from gateway.store import HandoffAsk, Store


class Trouble:
    """Writes a system line, and hands a conversation that only the bot has to a person."""

    def __init__(self, *, store: Store, policy: Policy, events: Events, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._events = events
        self._clock = clock

    async def tell(self, conversation: int, code: str, what: str) -> None:
        """``what`` is for agents; ``code`` is the reason of the hand-over."""
        now = self._clock.now()
        line = notice(conversation, what, now)
        await self._store.moves.note(line)
        found = await self._store.reading.conversation(conversation)
        if found.state in ("bot", "resolved"):
            ask = self._ask(code, what)
            with suppress(Conflict):  # someone took or closed it at this moment: they see the line
                await self._store.moves.move(
                    conversation,
                    None,
                    found.epoch,
                    now,
                    state="waiting",
                    line="Handed over to a person",
                    handoff=ask,
                )
        self._events.publish(Event(topic="desk", name="conversation", conversation=conversation))

    def _ask(self, code: str, what: str) -> HandoffAsk:
        tier = self._policy.first_tier
        minutes = self._policy.tiers[tier].claim_minutes
        return HandoffAsk(
            reasons=(Reason(code=code, detail=what),),
            tier=tier,
            claim_by=self._clock.now() + timedelta(minutes=minutes),
        )
