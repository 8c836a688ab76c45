"""One inbox row becomes a turn, and the turn becomes everything that is committed for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.model import Route, SurveyAnswer, Turn
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.by_mail.answer_by_mail import AnswerByMail
from gateway.pipeline.consent import ConsentChange, read_consent, repeats_stop
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.shadow import NOTICE, closed_notice
from gateway.pipeline.turn_start import begin_turn
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import SHADOW_SOURCE, Clock
from gateway.routing.business_hours import BusinessHours
from gateway.routing.hours import closes_at, opening_times, reopens_at
from gateway.routing.opt_out import asks_for_no_messages, is_stop_word
from gateway.routing.policy import PolicySource
from gateway.routing.reasons import HARM
from gateway.routing.route import (
    ask_details,
    decide,
    hand_over,
    in_shadow,
    may_ask_details,
    with_earlier_matter,
    with_sensitive_matter,
    with_survey_mood,
    without_shadow,
)
from gateway.settings import Brands, Hours
from gateway.store import SPAM, ProvenAddress, TurnOutcome, WorkItem
from gateway.support.courtesy import is_courtesy, says_thanks
from gateway.support.statements import (
    asked_for,
    claims_in,
    facts_told,
    promises_in,
    statement_words,
)
from gateway.support.statements.words import STATEMENT_LANGUAGES

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
    by_mail: AnswerByMail
    policies: PolicySource
    brands: Brands
    hours: BusinessHours
    clock: Clock
    alarms: bool = False
    """Whether an alarm reaches somebody; see `Turn`."""
    closed_notices: Mapping[str, str] = field(default_factory=dict)
    """By language, what is said in shadow mode to customers who write while nobody works."""
    _opening_cache: dict[str, tuple[datetime, datetime, str | None, Hours | None]] = field(
        default_factory=dict, init=False
    )
    """The `Turn.opening` of a brand's turns from the first moment to the second, by these hours."""

    async def run(self, work: WorkItem, proven: ProvenAddress | None = None) -> TurnOutcome:
        """Handle one message, timer or event. ``proven``: it has proven this address."""
        work = self._with_brand(work)
        turn = begin_turn(work, self.clock.now())
        turn = turn.replace(context=await self.contexts.gather(turn))
        turn = turn.replace(understanding=await self.understanding.understand(turn))
        change = self._consent_change(work, turn)
        if work.blocked and work.kind == "message" and not self._speaks_of_harm(turn):
            consent = change.consent if change else None
            return self.outcomes.blocked(*_with_spam(work, turn)).replace(consent=consent)
        if change:
            turn = turn.replace(route=decide(turn, self.policies.current))
            return self.outcomes.consent_in_words(work, turn, change)
        work, turn, courtesy = self._read_survey(work, turn)
        if courtesy:
            return await self._courtesy(work, turn)
        turn = with_survey_mood(turn, self.policies.current)
        turn = with_earlier_matter(turn, self.policies.current)
        turn = with_sensitive_matter(turn, self.policies.current)
        turn = turn.replace(
            route=decide(turn, self.policies.current),
            opening=self.opening(turn.conversation.brand, turn.at),
            hours=opening_times(self.hours.of(turn.conversation.brand), turn.at),
            alarms=self.alarms,
        )
        turn = await self._joined(work, turn)
        answer = await self._worked(turn)
        if work.shadow:
            return await self._in_shadow(work, answer)
        draft = await self.handlers.suggest(answer.turn) if _needs_draft(answer) else None
        lines = await self.handlers.passages_for(answer.turn) if _is_handed_over(answer) else ()
        outcome = self.outcomes.answered(work, answer, draft, passages=lines)
        return await self.by_mail.extended(work, answer.turn, outcome, proven)

    async def _worked(self, turn: Turn) -> HandlerAnswer:
        """What the handlers say to a turn that was routed."""
        if may_ask_details(turn, self.policies.current):
            needed = await self.handlers.needed_slots(turn)
            turn = turn.replace(route=ask_details(turn, needed))
        return await self.handlers.answer(turn)

    async def _in_shadow(self, work: WorkItem, would: HandlerAnswer) -> TurnOutcome:
        """In shadow mode a person gets every message, with what the bot ``would`` have said as a
        suggestion; so also of later messages, until a person claims the conversation. Answers to
        surveys, timers and events bother nobody."""
        turn = would.turn
        for_people = turn.route.action == "escalate" or turn.survey_answer is None
        if turn.kind != "message" or turn.automatic or not for_people:
            return self.outcomes.answered(work, HandlerAnswer(turn=turn), None)
        if (alone := without_shadow(turn, self.policies.current)) is not None:
            would = await self._worked(alone)
        reply = would.reply
        speaks = reply is not None and would.turn.route.action in ("automate", "clarify")
        draft = (reply, f"{SHADOW_SOURCE}{would.handler}") if reply and speaks else None
        turn = turn.replace(route=in_shadow(turn, self.policies.current))
        draft = draft or await self.handlers.suggest(turn)
        notice = None
        if turn.route.action == "escalate":
            notice = closed_notice(turn, self.closed_notices)
        answer = HandlerAnswer(turn=turn, reply=notice, handler=NOTICE if notice else None)
        return self.outcomes.answered(work, answer, draft)

    async def _joined(self, work: WorkItem, turn: Turn) -> Turn:
        """A customer who comes back while a person answers them elsewhere gets that person, and
        never the bot."""
        turn, elsewhere = await self.by_mail.joined(work, turn)
        if elsewhere is None or turn.automatic or turn.route.action == "escalate":
            return turn
        return turn.replace(route=hand_over(turn, self.policies.current, (elsewhere,)))

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
        return None if change is None or self._speaks_of_harm(turn) else change

    def _speaks_of_harm(self, turn: Turn) -> bool:
        """A blocked customer in danger still reaches a person: an alarm too many costs a look."""
        harm = self.policies.current.reasons.harm
        return harm.enabled and harm.check(turn, self.policies.current) is not None

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

    def opening(self, brand: str, at: datetime) -> str | None:
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


def _with_spam(work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn]:
    """A message after spam belongs to that conversation, however long ago it was resolved."""
    closed = work.closed
    if turn.conversation.id or closed is None or SPAM not in closed.labels:
        return work, turn
    kept = work.replace(conversation=closed, history=work.closed_history, survey=None)
    again = begin_turn(kept, turn.at)
    return kept, again.replace(context=turn.context, understanding=turn.understanding)


async def prepare_readers() -> None:
    """Compile the patterns with which messages and replies are read, in a thread: at the first
    message they would hold up the event loop for 0.3 s."""
    await asyncio.to_thread(_read_once)


READ_FIRST = "Do not write to me any more, call me on 0171234567. Order W-48120, 12 High Street."
"""It has something of all that is looked for, so that every pattern is compiled."""


def _read_once() -> None:
    asks_for_no_messages(READ_FIRST)
    for language in STATEMENT_LANGUAGES:
        statement_words(language)
        asked_for(READ_FIRST, language)
        facts_told(READ_FIRST, language)
        claims_in(READ_FIRST, language)
        promises_in(READ_FIRST, language, NEVER, ZoneInfo("UTC"))


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


def _is_handed_over(answer: HandlerAnswer) -> bool:
    """Whether a person takes the message over, about something that sources may know of."""
    turn = answer.turn
    harm = any(reason.code == HARM for reason in turn.route.reasons)
    return turn.kind == "message" and turn.route.action == "escalate" and not harm


def _open_until(hours: Hours | None, at: datetime) -> datetime:
    """When the hours that ``at`` lies in end; ``at`` itself when that is unknown."""
    return closes_at(hours, at) or at if hours else at
