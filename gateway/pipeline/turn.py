"""One inbox row becomes a turn, and the turn becomes everything that is committed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.model import Conversation, Message, Turn
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import Clock
from gateway.routing.hours import closes_at, reopens_at
from gateway.routing.policy import Policy
from gateway.routing.route import ask_details, decide, may_ask_details, with_earlier_matter
from gateway.settings import Brands, Hours
from gateway.store import TurnOutcome, WorkItem

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(kw_only=True)
class TurnPipeline:
    """Passes a turn through context, understanding, routing, handlers and outcomes."""

    contexts: ContextGatherer
    understanding: UnderstandingStage
    handlers: HandlerChain
    outcomes: OutcomeBuilder
    policy: Policy
    brands: Brands
    clock: Clock
    alarms: bool = False
    """Whether an alarm reaches somebody; see `Turn`."""
    _opening_cache: dict[str, tuple[datetime, datetime, str | None]] = field(
        default_factory=dict, init=False
    )
    """The `Turn.opening` of a brand's turns from the first moment to the second."""

    async def run(self, work: WorkItem) -> TurnOutcome:
        """Handle one message, timer or event."""
        turn = begin_turn(work, self.clock.now())
        turn = turn.replace(context=await self.contexts.gather(turn))
        turn = turn.replace(understanding=await self.understanding.understand(turn))
        work, turn = self._read_survey(work, turn)
        turn = with_earlier_matter(turn, self.policy)
        turn = turn.replace(
            route=decide(turn, self.policy),
            opening=self._opening(turn.conversation.brand, turn.at),
            alarms=self.alarms,
        )
        if may_ask_details(turn, self.policy):
            needed = await self.handlers.needed_slots(turn)
            turn = turn.replace(route=ask_details(turn, needed))
        answer = await self.handlers.answer(turn)
        draft = await self.handlers.suggest(answer.turn) if _needs_draft(answer) else None
        return self.outcomes.answered(work, answer, draft)

    def _read_survey(self, work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn]:
        """The answer to an open survey stays in its conversation; any other message begins a new
        one."""
        if turn.survey is None or turn.kind != "message":
            return work, turn
        answer = self.handlers.read_survey(turn)
        if answer is not None:
            return work, turn.replace(survey_answer=answer)
        work = work.replace(conversation=None, history=(), survey=None)
        fresh = begin_turn(work, turn.at)
        return work, fresh.replace(context=turn.context, understanding=turn.understanding)

    def _opening(self, brand: str, at: datetime) -> str | None:
        """When people of ``brand`` are next there, if nobody is now; computed again when that
        changes."""
        since, until, opening = self._opening_cache.get(brand, (NEVER, NEVER, None))
        if not since <= at < until:
            hours = self.brands.hours(brand) or self.policy.hours
            reopens = reopens_at(hours, at)
            opening = reopens.isoformat() if reopens else None
            self._opening_cache[brand] = (at, reopens or _open_until(hours, at), opening)
        return opening


def _needs_draft(answer: HandlerAnswer) -> bool:
    """Whether an agent gets the message, so that a suggestion helps."""
    turn = answer.turn
    return (
        turn.kind == "message" and turn.route.action in ("escalate", "pass") and not turn.automatic
    )


def _open_until(hours: Hours | None, at: datetime) -> datetime:
    """When the hours that ``at`` lies in end; ``at`` itself when that is unknown."""
    return closes_at(hours, at) or at if hours else at


def begin_turn(work: WorkItem, now: datetime) -> Turn:
    """The turn of ``work``, before any stage."""
    inbound, event = work.inbound, work.event
    conversation = work.conversation or new_conversation(work)
    if inbound is not None and inbound.brand != conversation.brand:
        conversation = conversation.replace(brand=inbound.brand)  # the settings have changed
    return Turn(
        id=work.id,
        at=now,
        kind="message" if inbound else "timer" if work.kind == "timer" else "event",
        name=event.name if event else "",
        data=event.data if event else {},
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
    """The conversation that begins with ``work``."""
    if work.inbound is None:
        raise ValueError(f"turn {work.id} belongs to no conversation")
    return Conversation(
        address=work.inbound.address,
        brand=work.inbound.brand,
        opened_at=work.at,
        language=work.inbound.language,
        subject=work.inbound.subject,
    )


def received_message(work: WorkItem, conversation: Conversation) -> Message:
    """The inbox row as a message of ``conversation``."""
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
