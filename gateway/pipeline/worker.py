"""Working a lane: take, make, commit, announce. Here is what happens when something fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from gateway.model import Reason
from gateway.pipeline.answering import LAST_RESORT, HandlerAnswer
from gateway.pipeline.handoffs import ClaimSla
from gateway.pipeline.outcomes import OutcomeBuilder, is_consent_only
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.pipeline.turn import TurnPipeline, begin_turn
from gateway.pipeline.verification import AddressVerification
from gateway.ports import Clock, Event, Events
from gateway.routing.policy import Policy
from gateway.routing.route import after_failure
from gateway.runtime.dispatch import Next
from gateway.runtime.metrics import Metrics
from gateway.store import (
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    Store,
    TurnOutcome,
    UnreadableRow,
    WorkItem,
)

log = structlog.get_logger()
UNCLAIMED = "unclaimed"


class TurnWorker:
    """Does one inbox row of a lane at a time. ``attempts`` at most; then a person gets it."""

    def __init__(
        self,
        *,
        store: Store,
        turns: TurnPipeline,
        outcomes: OutcomeBuilder,
        claim_sla: ClaimSla,
        verification: AddressVerification,
        replies: ReplyWaiter,
        deliver: Callable[[str], None],
        events: Events,
        policy: Policy,
        clock: Clock,
        metrics: Metrics,
        attempts: int,
    ) -> None:
        self._store = store
        self._turns = turns
        self._outcomes = outcomes
        self._claim_sla = claim_sla
        self._verification = verification
        self._replies = replies
        self._deliver = deliver
        self._events = events
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._attempts = attempts

    async def step(self, lane: str) -> Next | datetime:
        """Handle the oldest row of ``lane``."""
        try:
            work = await self._store.inbox.take(lane, self._clock.now())
        except UnreadableRow as row:
            return await self._failed(row.turn, row.attempts, row)
        if isinstance(work, WorkItem):
            return await self._work(work)
        return Next.DONE if work is None else work.at

    async def _work(self, work: WorkItem) -> Next | datetime:
        try:
            outcome = await self._handle(work)
            committed = await self._store.inbox.commit(outcome, self._clock.now())
        except ConversationChanged:
            return Next.MORE
        except AlreadyHandled:
            log.info("turn.already_handled", turn=work.id)
            self._replies.disown(work.id)
            return Next.MORE
        except Exception as error:  # noqa: BLE001  (logged there, tried again, then a person's)
            return await self._failed(work.id, work.attempts, error)
        self._announce(outcome, committed)
        return Next.MORE if committed.more else Next.DONE

    async def _handle(self, work: WorkItem) -> TurnOutcome:
        if work.attempts >= self._attempts:
            return self._give_up(work)
        if work.said is not None and work.conversation is not None:
            return self._outcomes.of_agent(work, work.said, work.conversation)
        if work.kind == "edit":
            return self._outcomes.of_edit(work, begin_turn(work, self._clock.now()))
        if is_consent_only(work):
            return self._outcomes.of_silence(work, begin_turn(work, self._clock.now()))
        if work.happened is not None and work.happened.name == UNCLAIMED:
            return await self._claim_sla.move_up(work)
        await self._verification.hear(work)
        return await self._turns.converse(work)

    async def _failed(self, turn: int, attempts: int, error: Exception) -> datetime | Next:
        """Try again later; the row stays at the head of its lane, so order holds."""
        log.exception("turn.failed", turn=turn, attempt=attempts + 1)
        self._metrics.retries.inc()
        stuck = attempts > self._attempts  # even giving it to a person failed
        wait = min(60.0, 0.5 * 2**attempts)
        at = self._clock.now() + timedelta(seconds=wait)
        name = type(error).__name__
        await self._store.inbox.failed(turn, name, retry_at=None if stuck else at)
        if not stuck:
            return at
        self._metrics.stuck.inc()
        self._replies.settle(turn, ())
        return Next.MORE

    def _give_up(self, work: WorkItem) -> TurnOutcome:
        """A message that could not be handled goes to a person as it is; a person's own words
        show as not sent."""
        what = f"handling it failed {work.attempts} times ({work.error or 'the process died'})"
        if work.said is not None and work.conversation is not None:
            return self._outcomes.of_unsent(work, work.said, work.conversation, what)
        turn = begin_turn(work, self._clock.now())
        turn = turn.replace(route=after_failure(turn, self._policy, what))
        talks = turn.kind == "message" and turn.route.action == "escalate" and not turn.automatic
        if not talks:
            return self._outcomes.of(work, HandlerAnswer(turn=turn), None)
        try:
            return self._outcomes.of(work, HandlerAnswer(turn=turn, reply=LAST_RESORT), None)
        except Exception:
            # The voice may be what is broken: a person gets the message all the same.
            log.exception("voice.failed", turn=work.id)
            return self._outcomes.of(work, HandlerAnswer(turn=turn), None)

    def _announce(self, outcome: TurnOutcome, committed: CommittedTurn) -> None:
        """After the commit: tell those who wait, and count."""
        work, conversation = outcome.work, committed.conversation
        self._replies.settle(work.id, committed.replies)
        if committed.queued:
            self._deliver(work.lane)
        self._events.publish(Event(topic=work.lane, name="message", conversation=conversation.id))
        watched = outcome.handoff or conversation.state != "bot" or outcome.work.kind == "agent"
        if watched:
            self._events.publish(
                Event(topic="desk", name="conversation", conversation=conversation.id)
            )
        self._count(outcome, committed)

    def _count(self, outcome: TurnOutcome, committed: CommittedTurn) -> None:
        work, message = outcome.work, outcome.message
        channel = committed.conversation.address.channel
        route = message.route if message else None
        self._metrics.turns.labels(channel, route.action if route else work.kind).inc()
        took = (self._clock.now() - work.at).total_seconds()
        self._metrics.turn_seconds.labels(channel).observe(max(0.0, took))
        reasons: tuple[Reason, ...] = route.reasons if route else ()
        for reason in reasons:
            self._metrics.reasons.labels(reason.code).inc()
        if committed.dropped and outcome.replies and work.kind != "agent":
            self._metrics.dropped.inc()
        log.info(
            "turn.handled",
            turn=work.id,
            conversation=committed.conversation.id,
            action=route.action if route else work.kind,
            reasons=[reason.code for reason in reasons],
            replies=len(committed.replies),
            dropped=committed.dropped,
        )
