"""Works a lane: takes a row, handles it, commits, announces; retries what fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.model import Conversation, Reason
from gateway.pipeline.answering import LAST_RESORT, HandlerAnswer
from gateway.pipeline.by_mail.answer_by_mail import ASK_TIMER
from gateway.pipeline.case.promising import PROMISE_TIMER
from gateway.pipeline.consent import UNANSWERED
from gateway.pipeline.handoffs import AutomaticHandoffs
from gateway.pipeline.outcomes import (
    ALARM_TIMER,
    CLAIM_TIMER,
    OutcomeBuilder,
    is_consent_word,
    is_silenced,
)
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.pipeline.shadow import DatabaseShadowSwitch, silent
from gateway.pipeline.turn import TurnPipeline
from gateway.pipeline.turn_start import begin_turn
from gateway.pipeline.verification import AddressVerification
from gateway.ports import Clock, Event, Events
from gateway.routing.policy import PolicySource
from gateway.routing.route import after_failure
from gateway.runtime.dispatch import Next
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import contained
from gateway.store import (
    ANSWERED_ELSEWHERE,
    SNOOZE_TIMER,
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    SourcesChanged,
    Store,
    TurnOutcome,
    UnreadableRow,
    WorkItem,
)
from gateway.support.backoff import backoff
from gateway.support.labels import counted

log = structlog.get_logger()


@dataclass(kw_only=True)
class TurnWorker:
    """Handles one inbox row of a lane at a time. After ``attempts`` failures a person gets it."""

    store: Store
    turns: TurnPipeline
    outcomes: OutcomeBuilder
    handoffs: AutomaticHandoffs
    verification: AddressVerification
    replies: ReplyWaiter
    deliver: Callable[[str], None]
    events: Events
    policies: PolicySource
    clock: Clock
    metrics: Metrics
    attempts: int
    shadow: DatabaseShadowSwitch

    async def step(self, lane: str) -> Next | datetime:
        """Handle the oldest row of ``lane``."""
        try:
            work = await self.store.inbox.take(lane, self.clock.now())
        except UnreadableRow as row:
            return await self._failed(row.turn, row.attempts, row)
        if isinstance(work, WorkItem):
            return await self._work(work)
        return Next.DONE if work is None else work.at

    async def _work(self, work: WorkItem) -> Next | datetime:
        try:
            with contained(), self.policies.one_policy():
                work = work.replace(shadow=await self.shadow.is_on())
                outcome = await self._handle(work)
                outcome = silent(outcome) if work.shadow else outcome
                committed = await self.store.inbox.commit(outcome, self.clock.now())
        except ConversationChanged:
            return Next.MORE
        except AlreadyHandled:
            log.info("turn.already_handled", turn=work.id)
            self.replies.forget(work.id)
            return Next.MORE
        except Exception as error:  # noqa: BLE001  (logged, retried, then given to a person)
            return await self._failed(work.id, work.attempts, error)
        self._announce(outcome, committed)
        return Next.MORE if committed.more else Next.DONE

    async def _handle(self, work: WorkItem) -> TurnOutcome:
        if work.attempts >= self.attempts or work.damaged:
            return self._give_up(work)
        if work.agent_message is not None and work.conversation is not None:
            return self.outcomes.agent_message(work, work.agent_message, work.conversation)
        if work.kind == "edit":
            return self.outcomes.edited(work, begin_turn(work, self.clock.now()))
        await self.handoffs.resume_bot(work)
        if is_consent_word(work):
            return self.outcomes.consent_word(work, begin_turn(work, self.clock.now()))
        if work.event is not None and (done := await self._own_event(work)) is not None:
            return done
        confirmed = None
        if not is_silenced(work):
            confirmed = await self.turns.by_mail.confirmed(work, self._opening(work))
        return confirmed or await self.turns.run(work, await self.verification.redeem(work))

    async def _own_event(self, work: WorkItem) -> TurnOutcome | None:
        """The outcome of a timer or an event that no handler gets: one of our own, or one that
        would write to a blocked address. None: handlers get it."""
        name = work.event.name if work.event is not None else ""
        silent = {
            CLAIM_TIMER: self.handoffs.move_up,
            ALARM_TIMER: self.handoffs.sound_alarm,
            UNANSWERED: self.handoffs.ask_again,
            SNOOZE_TIMER: self.handoffs.end_snooze,
            PROMISE_TIMER: self.handoffs.promise_due,
        }
        if name in silent:
            return await silent[name](work)
        if work.conversation is not None and is_silenced(work):
            return TurnOutcome(work=work, conversation=work.conversation, customer=work.customer)
        speaking = {
            ASK_TIMER: self._ask_later,
            ANSWERED_ELSEWHERE: self.turns.by_mail.answered_elsewhere,
        }
        return await speaking[name](work) if name in speaking else None

    async def _ask_later(self, work: WorkItem) -> TurnOutcome:
        return await self.turns.by_mail.ask_later(work, self._opening(work))

    def _opening(self, work: WorkItem) -> str | None:
        """As `Turn.opening`."""
        known = work.conversation or work.closed
        return self.turns.opening(known.brand if known else "", self.clock.now())

    async def _failed(self, turn: int, attempts: int, error: Exception) -> datetime | Next:
        """Retry later; the row stays at the head of its lane, so order holds."""
        if isinstance(error, SourcesChanged):  # the next attempt finds the new words
            log.info("turn.sources_changed", turn=turn, attempt=attempts + 1)
        else:
            log.exception("turn.failed", turn=turn, attempt=attempts + 1)
        self.metrics.retries.inc()
        stuck = attempts > self.attempts  # even giving it to a person failed
        at = self.clock.now() + timedelta(seconds=backoff(attempts + 1, 0.5, 60.0))
        name = type(error).__name__
        await self.store.inbox.mark_failed(turn, name, retry_at=None if stuck else at)
        if not stuck:
            return at
        self.metrics.stuck.inc()
        self.replies.settle(turn, ())
        return Next.MORE

    def _give_up(self, work: WorkItem) -> TurnOutcome:
        """A message that could not be handled goes to a person as it is; an agent's message shows
        as not sent."""
        times = counted(work.attempts, "time")
        why = f"handling it failed {times} ({work.error or 'the process died'})"
        if work.damaged:
            why = "the stored message is damaged and cannot be read"
        if work.agent_message is not None and work.conversation is not None:
            return self.outcomes.unsent(work, work.agent_message, work.conversation, why)
        turn = begin_turn(work, self.clock.now())
        turn = turn.replace(route=after_failure(turn, self.policies.current, why))
        silent = HandlerAnswer(turn=turn)
        if turn.kind != "message" or turn.route.action != "escalate" or turn.automatic:
            return self.outcomes.answered(work, silent, None)
        try:
            with contained():
                return self.outcomes.answered(work, silent.replace(reply=LAST_RESORT), None)
        except Exception:
            # The voice may be what fails: a person gets the message all the same.
            log.exception("voice.failed", turn=work.id)
            return self.outcomes.answered(work, silent, None)

    def _announce(self, outcome: TurnOutcome, committed: CommittedTurn) -> None:
        """After the commit: inform those who wait for it, and count."""
        work, conversation = outcome.work, committed.conversation
        for turn in (work.id, *work.joined):
            self.replies.settle(turn, committed.replies)
        if committed.queued:
            self.deliver(work.lane)
        self.events.publish(Event(topic=work.lane, name="message", conversation=conversation.id))
        if outcome.handoff or conversation.state != "bot" or work.kind == "agent":
            self.events.publish(
                Event(
                    topic="desk",
                    name="conversation",
                    conversation=conversation.id,
                    data=_told(outcome, conversation),
                )
            )
        self._count(outcome, committed)

    def _count(self, outcome: TurnOutcome, committed: CommittedTurn) -> None:
        work, message = outcome.work, outcome.message
        channel = committed.conversation.address.channel_key
        route = message.route if message else None
        self.metrics.turns.labels(channel, route.action if route else work.kind).inc()
        took = (self.clock.now() - work.at).total_seconds()
        self.metrics.turn_seconds.labels(channel).observe(max(0.0, took))
        reasons: tuple[Reason, ...] = route.reasons if route else ()
        for reason in reasons:
            self.metrics.reasons.labels(reason.code).inc()
        if committed.dropped and outcome.replies and work.kind != "agent":
            self.metrics.dropped.inc()
        log.info(
            "turn.handled",
            turn=work.id,
            conversation=committed.conversation.id,
            action=route.action if route else work.kind,
            reasons=[reason.code for reason in reasons],
            replies=len(committed.replies),
            dropped=committed.dropped,
        )


def _told(outcome: TurnOutcome, conversation: Conversation) -> dict[str, str]:
    """What the desk may alert people to: the customer wrote, or a snooze ended, in the conversation
    that ``owner`` has; or a new handoff of this ``priority``. No words."""
    told: dict[str, str] = {}
    inbound = outcome.work.inbound
    if conversation.owner is not None:
        told["owner"] = conversation.owner.id
        if inbound is not None and not inbound.automatic:
            told["wrote"] = "customer"
        if outcome.wakes is not None:
            told["woken"] = "time"
    if outcome.handoff is not None:
        told |= {"priority": str(outcome.handoff.priority), "brand": conversation.brand}
    return told
