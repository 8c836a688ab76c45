"""The spine: one inbox row becomes a turn, and the turn one commit."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from gateway.model import Conversation, Message, Turn
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import Clock
from gateway.routing.hours import closing, opening_words
from gateway.routing.policy import Policy
from gateway.routing.route import decide
from gateway.store import TurnOutcome, WorkItem

log = structlog.get_logger()


class TurnPipeline:
    """Makes of a piece of work everything that is to be committed for it."""

    def __init__(
        self,
        *,
        contexts: ContextGatherer,
        understanding: UnderstandingStage,
        handlers: HandlerChain,
        outcomes: OutcomeBuilder,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._contexts = contexts
        self._understanding = understanding
        self._handlers = handlers
        self._outcomes = outcomes
        self._policy = policy
        self._clock = clock
        self._hours: tuple[datetime, datetime, str | None] = (NEVER, NEVER, None)

    async def converse(self, work: WorkItem) -> TurnOutcome:
        """The way of one message, timer or event."""
        turn = begin_turn(work, self._clock.now())
        turn = turn.replace(context=await self._contexts.gather(turn))
        turn = turn.replace(understanding=await self._understanding.of(turn))
        work, turn = self._settle_survey(work, turn)
        turn = turn.replace(route=decide(turn, self._policy), opening=self._opening(turn.at))
        answer = await self._handlers.answer(turn)
        return await self._conclude(work, answer)

    async def _conclude(self, work: WorkItem, answer: HandlerAnswer) -> TurnOutcome:
        turn, draft = answer.turn, None
        for_a_person = turn.route.action in ("escalate", "pass") and not turn.automatic
        if turn.kind == "message" and for_a_person:
            draft = await self._handlers.suggest(turn)
        return self._outcomes.of(work, answer, draft)

    def _settle_survey(self, work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn]:
        """An answer stays with the question; anything else is the beginning of a new matter."""
        if turn.survey is None or turn.kind != "message":
            return work, turn
        answer = self._handlers.read_survey(turn)
        if answer is not None:
            return work, turn.replace(survey_answer=answer)
        work = work.replace(conversation=None, history=(), survey=None)
        new_conversation = begin_turn(work, turn.at)
        return work, new_conversation.replace(
            context=turn.context, understanding=turn.understanding
        )

    def _opening(self, at: datetime) -> str | None:
        """What `opening_words` says; it stays so until people come or go."""
        since, until, words = self._hours
        if not since <= at < until:
            opening = opening_words(self._policy, at)
            words = opening.isoformat() if opening else None
            self._hours = (at, opening or _closing(self._policy, at), words)
        return words


NEVER = datetime.min.replace(tzinfo=UTC)


def _closing(policy: Policy, at: datetime) -> datetime:
    """Until when "people are there" holds: the end of the hours, or no longer than now."""
    return closing(policy.hours, at) or at if policy.hours else at


def begin_turn(work: WorkItem, now: datetime) -> Turn:
    """The turn of ``work``, before anything was made of it."""
    inbound, happened = work.inbound, work.happened
    conversation = work.conversation or new_conversation(work)
    return Turn(
        id=work.id,
        at=now,
        kind="message" if inbound else "timer" if work.kind == "timer" else "event",
        name=happened.name if happened else "",
        data=happened.data if happened else {},
        message=received_message(work, conversation),
        customer=work.customer,
        conversation=conversation,
        history=work.history,
        survey=work.survey,
        automatic=bool(inbound and inbound.automatic),
        unreadable=work.kind == "unreadable",
        opted_out=work.opted_out,
        returning=work.returning,
    )


def new_conversation(work: WorkItem) -> Conversation:
    """A conversation that begins with ``work``."""
    if work.inbound is None:
        raise ValueError(f"turn {work.id} belongs to no conversation")
    return Conversation(
        address=work.inbound.address,
        opened_at=work.at,
        language=work.inbound.language,
        subject=work.inbound.subject,
    )


def received_message(work: WorkItem, conversation: Conversation) -> Message:
    """What came in, as a message of ``conversation``."""
    inbound = work.inbound
    return Message(
        id=0,
        conversation=conversation.id,
        author="customer",
        text=inbound.text if inbound else "",
        at=inbound.at if inbound else work.at,
        turn=work.id,
        remote_id=inbound.remote_id if inbound else None,
        attachments=inbound.attachments if inbound else (),
        facts=inbound.facts if inbound else (),
        edited=work.kind == "edit",
        internal=work.kind == "edit",
    )
