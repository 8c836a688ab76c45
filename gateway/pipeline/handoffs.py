"""What no message causes: a handoff because a delivery failed, one that moves up because nobody
claimed it in time, the end of a snooze, and the alarm about harm."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import structlog

from gateway.model import Handoff, Reason
from gateway.pipeline.consent import opts_in
from gateway.pipeline.outcomes import system_line
from gateway.ports import Clock, Conflict, Event, Events, NotFound
from gateway.routing.policy import PolicySource
from gateway.store import AlarmCause, HandoffRequest, Store, TurnOutcome, WorkItem

log = structlog.get_logger(__name__)

HIGHEST_PRIORITY = 3
HIGHEST_BY_WAITING = 2
"""Whoever only waits never comes to stand beside somebody in danger."""


@dataclass(kw_only=True)
class AutomaticHandoffs:
    """Hands a conversation to a person after a failed delivery, and moves unclaimed cases up."""

    store: Store
    policies: PolicySource
    events: Events
    clock: Clock

    async def report_failure(self, conversation: int, code: str, text: str) -> None:
        """Show ``text`` to agents, and hand the conversation to a person unless one has it.
        ``code`` is the reason of the handoff."""
        now = self.clock.now()
        await self.store.handoffs.note(system_line(conversation, text, now))
        found = await self.store.queries.conversation(conversation)
        if found.state in ("bot", "resolved"):
            tier = self.policies.current.first_tier
            handoff = HandoffRequest(
                reasons=(Reason(code=code, detail=text),),
                tier=tier,
                claim_by=self.policies.current.claim_by(tier, now),
            )
            with suppress(Conflict):  # an agent claimed or closed it just now and sees the line
                await self.store.handoffs.move(
                    conversation,
                    None,
                    found.epoch,
                    now,
                    state="waiting",
                    line="Handed over to a person",
                    handoff=handoff,
                )
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))

    async def note(self, conversation: int, text: str) -> None:
        """Show ``text`` to whoever opens the conversation, and call nobody."""
        await self.store.handoffs.note(system_line(conversation, text, self.clock.now()))
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))

    async def move_up(self, work: WorkItem) -> TurnOutcome:
        """Handle the claim timer of a handoff: move it to the next tier, and raise the
        priority. The transaction that moves it checks that it is still unclaimed."""
        if work.event is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is not a claim timer")
        done = TurnOutcome(work=work, conversation=work.conversation, customer=work.customer)
        try:
            handoff = await self.store.queries.handoff(int(work.event.data["handoff"]))
        except NotFound:
            return done
        request = self._next_request(handoff)
        if request is not None:
            now = self.clock.now()
            await self.store.handoffs.move_up(handoff.id, handoff.conversation, request, now)
            self.events.publish(
                Event(
                    topic="desk",
                    name="queue",
                    conversation=handoff.conversation,
                    data={
                        "priority": str(request.priority),
                        "brand": work.conversation.brand,
                    },
                )
            )
        return done

    async def resume_bot(self, work: WorkItem) -> None:
        """When the customer opts in again and only the opt-out brought the conversation to a
        person, and nobody has claimed it: give it back to the bot. This may be repeated."""
        conversation = work.conversation
        if conversation is None or conversation.state != "waiting" or not opts_in(work):
            return
        card = await self.store.queries.card(conversation.id)
        codes = {reason.code for reason in card.handoff.reasons} if card.handoff else set()
        if codes != {"opted_out"}:
            return
        with suppress(Conflict):  # an agent claimed it just now
            await self.store.handoffs.move(
                conversation.id,
                None,
                conversation.epoch,
                self.clock.now(),
                state="bot",
                line="Back with the bot: the customer takes messages again",
            )
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation.id))

    async def ask_again(self, work: WorkItem) -> TurnOutcome:
        """Handle the timer after START: what the customer asked while opted out goes to a person,
        unless they have written since or somebody has answered."""
        if work.event is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is not a timer after START")
        conversation = work.conversation
        began = int(work.event.data.get("turn", "0"))
        since = [m for m in work.history if (m.turn or 0) > began and not m.internal]
        if not since and conversation.epoch == work.event.epoch and conversation.state == "bot":
            text = "Asked something while messages were off; nobody has answered it"
            now = self.clock.now()
            handoff = HandoffRequest(
                reasons=(Reason(code="unanswered", detail=text),),
                tier=self.policies.current.first_tier,
                claim_by=self.policies.current.claim_by(self.policies.current.first_tier, now),
            )
            with suppress(Conflict):
                await self.store.handoffs.move(
                    conversation.id,
                    None,
                    conversation.epoch,
                    now,
                    state="waiting",
                    line=f"Handed over to a person: {text}",
                    handoff=handoff,
                )
            self.events.publish(
                Event(topic="desk", name="conversation", conversation=conversation.id)
            )
        return TurnOutcome(work=work, conversation=conversation, customer=work.customer)

    async def end_snooze(self, work: WorkItem) -> TurnOutcome:
        """Handle the timer of a snooze. The commit checks that it is still the same snooze."""
        if work.event is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is not the timer of a snooze")
        until = datetime.fromtimestamp(int(work.event.data["until"]) / 1000, UTC)
        return TurnOutcome(
            work=work, conversation=work.conversation, customer=work.customer, wakes=until
        )

    async def promise_due(self, work: WorkItem) -> TurnOutcome:
        """Handle the timer of a promise: what is overdue is said in the history, once."""
        if work.event is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is not the timer of a promise")
        conversation = work.conversation.id
        with suppress(NotFound):  # the customer was erased meanwhile
            late = await self.store.promises.notice(conversation, self.clock.now(), turn=work.id)
            if late:
                log.info("promise.overdue", conversation=conversation, count=late)
                event = Event(topic="desk", name="conversation", conversation=conversation)
                self.events.publish(event)
        return TurnOutcome(work=work, conversation=work.conversation, customer=work.customer)

    async def sound_alarm(self, work: WorkItem) -> TurnOutcome:
        """Handle the alarm timer of a handoff for harm. The transaction that sounds the alarm
        checks that it is still needed."""
        if work.event is None or work.conversation is None:
            raise ValueError(f"turn {work.id} is not an alarm timer")
        conversation = work.conversation.id
        why = msgspec.convert(work.event.data["why"], AlarmCause)
        with suppress(NotFound):  # the customer was erased meanwhile
            sounded = await self.store.handoffs.sound_alarm(
                conversation, why, turn=work.id, at=self.clock.now()
            )
            if sounded:
                log.warning("handoff.alarm", conversation=conversation, why=why)
                self.events.publish(
                    Event(
                        topic="desk",
                        name="alarm",
                        conversation=conversation,
                        data={
                            "priority": str(HIGHEST_PRIORITY),
                            "brand": work.conversation.brand,
                        },
                    )
                )
        return TurnOutcome(work=work, conversation=work.conversation, customer=work.customer)

    def _next_request(self, handoff: Handoff) -> HandoffRequest | None:
        """None when it has the top tier, and the highest priority that waiting gives."""
        tier = self.policies.current.tiers.get(handoff.tier)
        above = tier.next if tier else None
        raised = max(handoff.priority, min(HIGHEST_BY_WAITING, handoff.priority + 1))
        if above is None and raised == handoff.priority:
            return None
        name = above or handoff.tier
        return HandoffRequest(
            reasons=handoff.reasons,
            tier=name,
            skills=handoff.skills,
            priority=raised,
            claim_by=self.policies.current.claim_by(name, self.clock.now()),
        )
