"""One inbox row becomes a turn, and the turn becomes everything that is committed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.model import (
    UNREADABLE,
    Conversation,
    Inbound,
    Message,
    Route,
    SurveyAnswer,
    Turn,
)
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.consent import ConsentChange, read_consent, repeats_stop
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.subject import new_subject, with_subject
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import Clock
from gateway.routing.business_hours import BusinessHours
from gateway.routing.hours import closes_at, reopens_at
from gateway.routing.opt_out import is_stop_word
from gateway.routing.policy import PolicySource
from gateway.routing.reasons import HARM
from gateway.routing.route import ask_details, decide, may_ask_details, with_earlier_matter
from gateway.settings import Brands, Hours
from gateway.store import TurnOutcome, WorkItem
from gateway.support.courtesy import is_courtesy, says_thanks

ANSWER_AGAIN = timedelta(days=1)
"""How long the answer to a survey can be repeated or changed."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(kw_only=True)
class TurnPipeline:
    """Passes a turn through context, understanding, routing, handlers and outcomes."""

    contexts: ContextGatherer
    understanding: UnderstandingStage
    handlers: HandlerChain
    outcomes: OutcomeBuilder
    policies: PolicySource
    brands: Brands
    hours: BusinessHours
    clock: Clock
    alarms: bool = False
    """Whether an alarm reaches somebody; see `Turn`."""
    _opening_cache: dict[str, tuple[datetime, datetime, str | None, Hours | None]] = field(
        default_factory=dict, init=False
    )
    """The `Turn.opening` of a brand's turns from the first moment to the second, by these hours."""

    async def run(self, work: WorkItem) -> TurnOutcome:
        """Handle one message, timer or event."""
        work = self._with_brand(work)
        turn = begin_turn(work, self.clock.now())
        turn = turn.replace(context=await self.contexts.gather(turn))
        turn = turn.replace(understanding=await self.understanding.understand(turn))
        if change := self._consent_change(work, turn):
            turn = turn.replace(route=decide(turn, self.policies.current))
            return self.outcomes.consent_in_words(work, turn, change)
        work, turn, courtesy = self._read_survey(work, turn)
        if courtesy:
            return await self._courtesy(work, turn)
        turn = with_earlier_matter(turn, self.policies.current)
        turn = turn.replace(
            route=decide(turn, self.policies.current),
            opening=self._opening(turn.conversation.brand, turn.at),
            alarms=self.alarms,
        )
        if may_ask_details(turn, self.policies.current):
            needed = await self.handlers.needed_slots(turn)
            turn = turn.replace(route=ask_details(turn, needed))
        answer = await self.handlers.answer(turn)
        draft = await self.handlers.suggest(answer.turn) if _needs_draft(answer) else None
        return self.outcomes.answered(work, answer, draft)

    def _with_brand(self, work: WorkItem) -> WorkItem:
        """A message whose row is damaged has lost its brand, not its support address."""
        inbound = work.inbound
        if not self.brands or inbound is None or inbound.brand:
            return work
        brand = self.brands.of(inbound.address)
        return work.replace(inbound=inbound.replace(brand=brand)) if brand else work

    def _consent_change(self, work: WorkItem, turn: Turn) -> ConsentChange | None:
        """An opt-out in the customer's own words; never in a message that speaks of harm: a person
        must be able to answer that."""
        change = read_consent(work)
        harm = self.policies.current.reasons.harm
        if change is None or (harm.enabled and harm.check(turn, self.policies.current) is not None):
            return None
        return change

    def _read_survey(self, work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn, bool]:
        """Whether the message belongs to a conversation that is over: the answer to its survey, the
        same answer again or another one, or thanks. Any other message begins a new one. The last
        value is True for what needs no answer but courtesy."""
        if turn.kind != "message":
            return work, turn, False
        if turn.survey is None:
            return self._after_the_end(work, turn)
        if turn.automatic:
            return work, turn, False
        answer = self.handlers.read_survey(turn)
        if answer is not None:
            return work, turn.replace(survey_answer=answer), False
        if says_thanks(turn.message.text) and not turn.message.attachments:
            return work, turn, True
        work = work.replace(conversation=None, history=(), survey=None)
        fresh = begin_turn(work, turn.at)
        return (
            work,
            fresh.replace(context=turn.context, understanding=turn.understanding),
            False,
        )

    def _after_the_end(self, work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn, bool]:
        """See `_read_survey`; for a conversation that has no open survey."""
        if work.closed is None or turn.automatic or turn.unreadable:
            return work, turn, turn.opted_out and _thanks_for_confirmation(turn)
        if turn.understanding.has(HARM):
            return work, turn, False
        survey = work.closed_survey
        kept = work.replace(conversation=work.closed, history=work.closed_history, survey=survey)
        again = begin_turn(kept, turn.at).replace(
            context=turn.context, understanding=turn.understanding
        )
        recent = (
            survey is not None
            and survey.answered_at is not None
            and turn.at - survey.answered_at <= ANSWER_AGAIN
        )
        answer = self.handlers.read_survey(again) if recent else None
        if survey is not None and answer is not None and not answer.opt_out:
            said = survey.answer or SurveyAnswer()
            if (answer.score, answer.solved) == (said.score, said.solved):
                return kept, again, True
            if answer.score is not None or answer.solved is not None:
                return kept, again.replace(survey_answer=answer), False
        polite = is_courtesy(turn.message.text) and not turn.message.attachments
        if polite or repeats_stop(work):
            return kept.replace(survey=None), again.replace(survey=None), True
        return work, turn, False

    async def _courtesy(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """Thanks after the end, or the same answer again: stored where it belongs. The bot may say
        that it is welcome; nothing begins anew."""
        turn = turn.replace(route=Route(action="automate"))
        again = turn.survey is not None and turn.survey.answered_at is not None
        again = again or is_stop_word(turn.message.text)
        answer = HandlerAnswer(turn=turn) if again else await self.handlers.courtesy(turn)
        return self.outcomes.answered(work, answer, None)

    def _opening(self, brand: str, at: datetime) -> str | None:
        """When people of ``brand`` are next there, if nobody is now; computed again when that
        changes."""
        hours = self.hours.of(brand)
        never = (NEVER, NEVER, None, None)
        since, until, opening, known = self._opening_cache.get(brand, never)
        if known is not hours or not since <= at < until:
            reopens = reopens_at(hours, at)
            opening = reopens.isoformat() if reopens else None
            until = reopens or _open_until(hours, at)
            self._opening_cache[brand] = (at, until, opening, hours)
        return opening


def _thanks_for_confirmation(turn: Turn) -> bool:
    """Whether a customer who opted out thanks the bot, which needs neither an answer nor a
    person."""
    polite = is_courtesy(turn.message.text) and not turn.message.attachments
    return turn.conversation.state == "bot" and polite and not turn.unreadable


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
    if subject := new_subject(work):
        conversation = conversation.replace(subject=subject)
    message = received_message(work, conversation)
    return Turn(
        id=work.id,
        at=now,
        kind="message" if inbound else "timer" if work.kind == "timer" else "event",
        name=event.name if event else "",
        data=event.data if event else {},
        message=message,
        customer=work.customer,
        conversation=conversation,
        history=work.history,
        survey=work.survey,
        automatic=bool(inbound and inbound.automatic),
        unreadable=work.kind == "unreadable" or _has_damage(work.history),
        wordless=bool(inbound and _has_no_words(inbound, message)),
        opted_out=work.opted_out,
        returning=work.returning,
    )


def _has_no_words(inbound: Inbound, message: Message) -> bool:
    """A mail with files alone may say in its subject what is asked."""
    return inbound.wordless or bool(message.attachments and not message.text.strip())


def _has_damage(history: tuple[Message, ...]) -> bool:
    """Whether the bot does not know all that was said, so that a person must answer."""
    return any(message.text == UNREADABLE for message in history)


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
    subject = new_subject(work)
    text = inbound.text if inbound else ""
    return Message(
        id=0,
        conversation=conversation.id,
        author="customer",
        text=with_subject(subject, text) if subject and work.kind == "message" else text,
        subject=subject,
        at=inbound.at if inbound else work.at,
        turn=work.id,
        remote_id=inbound.remote_id if inbound else None,
        attachments=inbound.attachments if inbound else (),
        facts=inbound.facts if inbound else (),
        edited=work.kind == "edit",
        internal=work.kind == "edit",
    )
