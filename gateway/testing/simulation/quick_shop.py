"""A stand-in for the gateway: the same month without a database, in about a second.

It decides with the gateway's own policy and writes the same kinds of records, but it has no brand
voice, no plugins and no delivery. It is for studies over hundreds of months; what it leaves out is
in ``docs/simulation.md``.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.model import (
    Agent,
    CaseRecord,
    Context,
    Conversation,
    Customer,
    Fact,
    Guess,
    Handoff,
    Language,
    Message,
    MoodLabel,
    PastConversation,
    Purpose,
    Route,
    Slot,
    State,
    Suggestion,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Turn,
    Understanding,
)
from gateway.routing.policy import Policy
from gateway.routing.reasons import Reasons, SensitiveIntent, UnservedLanguage
from gateway.routing.route import ask_details, decide, is_still_in_line, may_ask_details
from gateway.testing.simulation.customers import NAMED
from gateway.testing.simulation.perception import insight_of
from gateway.testing.simulation.real_shop import count_segments
from gateway.testing.simulation.values import (
    AgentAnswer,
    Claimed,
    Heard,
    QueuedCase,
    Received,
    Say,
    Written,
    heard_from,
)
from gateway.testing.simulation.words import matter_kinds, words_in

IDLE = timedelta(hours=24)
SURVEY_AFTER = timedelta(seconds=20)
_ORDER = re.compile(r"MP[- ]?\d{5}")


def quick_policy() -> Policy:
    """The policy of the demo shop, as far as the simulation needs it."""
    people = {name for name, kind in matter_kinds().items() if kind.person}
    return Policy(
        reasons=Reasons(
            sensitive_intent=SensitiveIntent(intents=frozenset(people)),
            language=UnservedLanguage(served=("en", "de", "fr", "es")),
        )
    )


@dataclass(kw_only=True, eq=False)
class QuickCase:
    """A conversation while it goes on."""

    conversation: Conversation
    customer: Customer
    messages: list[Message] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    mood: MoodLabel = "calm"

    def record(self) -> CaseRecord:
        """As `Records.cases` returns it."""
        return CaseRecord(
            conversation=self.conversation,
            customer=self.customer.id,
            customer_name=self.customer.name,
            mood=self.mood,
            messages=tuple(self.messages),
            handoffs=tuple(self.handoffs),
            suggestions=tuple(self.suggestions),
            surveys=tuple(self.surveys),
        )


class QuickShop:
    """A `Shop` in memory. ``cases`` are its conversations, in the order of their ids."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or quick_policy()
        self.cases: list[QuickCase] = []
        self._current: dict[str, QuickCase] = {}
        self._past: dict[str, list[PastConversation]] = {}
        self._customers: dict[str, Customer] = {}
        self._queue: dict[int, QuickCase] = {}
        self._timers: list[tuple[datetime, int, QuickCase, int]] = []
        self._ids = {"message": 0, "turn": 0, "handoff": 0, "suggestion": 0, "survey": 0}

    # -- timers ------------------------------------------------------------------------------------

    async def next_due(self) -> datetime | None:
        return self._timers[0][0] if self._timers else None

    async def fire(self, at: datetime) -> Sequence[Heard]:
        heard: list[Heard] = []
        while self._timers and self._timers[0][0] <= at:
            due, _, case, epoch = heapq.heappop(self._timers)
            conversation = case.conversation
            newer = self._current[conversation.address.lane] is not case
            asked = any(message.purpose == "survey" for message in case.messages)
            if conversation.state != "resolved" or conversation.epoch != epoch or newer or asked:
                continue
            question = SurveyQuestion()
            text = words_in(conversation.language or "en").bot["survey"][0]
            message = self._bot(case, text, "survey", due, survey=question)
            case.surveys.append(
                Survey(
                    id=self._id("survey"), conversation=conversation.id, ask=question, asked_at=due
                )
            )
            heard.append(heard_from(message, conversation.address, None))
        return heard

    # -- customers ---------------------------------------------------------------------------------

    async def write(self, message: Written) -> Received:
        say, at = message.say, message.at
        case, new, survey = self._case_for(message)
        understanding = _understanding(say)
        turn = Turn(
            id=self._id("turn"),
            at=at,
            message=Message(
                id=self._id("message"),
                conversation=case.conversation.id,
                author="customer",
                text=say.text,
                at=at,
            ),
            customer=case.customer,
            conversation=case.conversation,
            history=tuple(case.messages[-40:]),
            context=Context(earlier=tuple(self._past.get(message.address.lane, ()))),
            understanding=understanding,
            survey=survey,
            survey_answer=SurveyAnswer(score=say.score) if survey else None,
            returning=not new,
        )
        if case.conversation.state == "resolved" and survey is None:
            route = Route(action="automate")  # thanks after the end
        else:
            route = decide(turn, self._policy)
            turn = turn.replace(route=route)
            if may_ask_details(turn, self._policy):
                needs = understanding.intent.name
                kind = matter_kinds().get(needs)
                route = ask_details(turn, ("order",) if kind and kind.needs else ())
        turn = turn.replace(route=route)
        case.messages.append(
            turn.message.replace(turn=turn.id, understanding=understanding, route=route)
        )
        if survey is None:
            case.mood = understanding.emotion.label
        return self._answer(case, turn, say)

    def _case_for(self, message: Written) -> tuple[QuickCase, bool, Survey | None]:
        """The conversation that a message belongs to, whether it is new, and the survey that the
        message answers."""
        lane, at, say = message.address.lane, message.at, message.say
        case = self._current.get(lane)
        if case is not None:
            state = case.conversation.state
            if state == "resolved":
                survey = case.surveys[-1] if case.surveys else None
                if say.kind == "survey" and survey is not None and survey.answer is None:
                    answer = SurveyAnswer(score=say.score)
                    survey = survey.replace(answered_at=at, answer=answer)
                    case.surveys[-1] = survey
                    return case, False, survey
                if say.kind in ("thanks", "survey"):
                    return case, False, None
            elif state != "bot" or at - case.messages[-1].at < IDLE:
                return case, False, None
            else:
                self._change(case, state="resolved", resolved_at=at)
        return self._open(message), case is None, None

    def _open(self, message: Written) -> QuickCase:
        address = message.address
        customer = self._customers.get(address.lane)
        if customer is None:
            named = address.channel in NAMED
            customer = Customer(id=len(self._customers) + 1, name=message.name if named else None)
            self._customers[address.lane] = customer
        if known := self._current.get(address.lane):
            self._past.setdefault(address.lane, []).insert(0, _past(known))
        case = QuickCase(
            conversation=Conversation(
                id=len(self.cases) + 1, address=address, opened_at=message.at
            ),
            customer=customer,
        )
        self.cases.append(case)
        self._current[address.lane] = case
        return case

    def _answer(self, case: QuickCase, turn: Turn, say: Say) -> Received:
        route, conversation = turn.route, case.conversation
        intent = turn.understanding.intent
        sure = intent.confidence >= self._policy.reasons.low_confidence.below
        about = sure and intent.name not in self._policy.pass_by_intents and turn.survey is None
        self._change(
            case,
            language=turn.understanding.language.code,
            intent=intent.name if about else conversation.intent,
        )
        replies: list[Message] = []
        if route.action == "escalate":
            replies.append(self._hand_over(case, turn))
        elif route.action == "pass":
            if is_still_in_line(turn):
                replies.append(self._say(case, "waiting", "notice", turn))
        elif turn.survey is not None:
            replies.append(self._say(case, "thanks", "thanks", turn))
        elif case.conversation.state == "resolved":
            pass
        elif route.action == "clarify":
            details = any(reason.code == "details_needed" for reason in route.reasons)
            replies.append(self._say(case, "details" if details else "clarify", "clarify", turn))
        else:
            replies.append(self._say(case, "answer", "answer", turn))
        heard = tuple(heard_from(reply, conversation.address, intent.name) for reply in replies)
        return Received(
            conversation=conversation.id,
            state=case.conversation.state,
            heard=heard,
            handed_over=route.action == "escalate",
            reasons=tuple(r.code for r in route.reasons) if route.action == "escalate" else (),
        )

    def _hand_over(self, case: QuickCase, turn: Turn) -> Message:
        route, conversation = turn.route, case.conversation
        case.handoffs.append(
            Handoff(
                id=self._id("handoff"),
                conversation=conversation.id,
                reasons=route.reasons,
                tier=route.tier,
                skills=route.skills,
                priority=route.priority,
                created_at=turn.at,
            )
        )
        self._change(case, state="waiting", tier=route.tier, resolved_at=None)
        self._line(case, "Handed over to a person", turn.at)
        if turn.survey is None:
            text = self._text(turn, "draft")
            case.suggestions.append(
                Suggestion(
                    id=self._id("suggestion"),
                    conversation=conversation.id,
                    text=text,
                    source="faq",
                    at=turn.at,
                )
            )
        self._queue[conversation.id] = case
        upset = turn.understanding.emotion.label in ("frustrated", "angry", "anxious", "urgent")
        return self._say(case, "upset" if upset else "handover", "handover", turn)

    # -- agents ------------------------------------------------------------------------------------

    async def waiting(self, at: datetime) -> Sequence[QueuedCase]:
        items = [
            QueuedCase(
                conversation=id,
                epoch=case.conversation.epoch,
                address=case.conversation.address,
                tier=case.handoffs[-1].tier,
                priority=case.handoffs[-1].priority,
                since=case.handoffs[-1].created_at,
            )
            for id, case in self._queue.items()
        ]
        return sorted(items, key=lambda item: (-item.priority, item.since))

    async def claim(self, item: QueuedCase, agent: Agent, at: datetime) -> Claimed:
        case = self._queue.pop(item.conversation)
        case.handoffs[-1] = case.handoffs[-1].replace(agent=agent, claimed_at=at)
        self._change(case, state="person", owner=agent, epoch=case.conversation.epoch + 1)
        self._line(case, f"{agent.name} took the conversation", at, agent)
        suggestion = case.suggestions[-1] if case.suggestions else None
        if suggestion is not None and suggestion.outcome != "open":
            suggestion = None
        return Claimed(
            conversation=item.conversation,
            address=item.address,
            epoch=case.conversation.epoch,
            suggestion=suggestion,
        )

    async def answer(self, case: Claimed, agent: Agent, answer: AgentAnswer, at: datetime) -> int:
        found = self.cases[case.conversation - 1]
        if answer.suggestion is not None and answer.outcome is not None:
            final = answer.text if answer.outcome != "ignored" else None
            found.suggestions = [
                known.replace(outcome=answer.outcome, final=final)
                if known.id == answer.suggestion
                else known
                for known in found.suggestions
            ]
        facts: tuple[Fact, ...] = ()
        if case.address.channel == "sms":
            facts = (Fact(name="segments", value=str(count_segments(answer.text))),)
        found.messages.append(
            Message(
                id=self._id("message"),
                conversation=case.conversation,
                author="agent",
                text=answer.text,
                at=at,
                turn=self._id("turn"),
                status="sent",
                agent=agent,
                facts=facts,
            )
        )
        return 1

    async def transfer(
        self, case: Claimed, agent: Agent, tier: str, why: str, at: datetime
    ) -> None:
        found = self.cases[case.conversation - 1]
        last = found.handoffs[-1]
        found.handoffs[-1] = last.replace(closed_at=at)
        found.handoffs.append(
            Handoff(
                id=self._id("handoff"),
                conversation=case.conversation,
                reasons=last.reasons,
                tier=tier,
                skills=last.skills,
                priority=1,
                created_at=at,
            )
        )
        epoch = found.conversation.epoch + 1
        self._change(found, state="waiting", owner=None, tier=tier, epoch=epoch)
        line = f"{agent.name} transferred the conversation to {tier}: {why}"
        self._line(found, line, at, agent)
        self._queue[case.conversation] = found

    async def resolve(self, case: Claimed, agent: Agent, at: datetime) -> Sequence[Heard]:
        found = self.cases[case.conversation - 1]
        found.handoffs[-1] = found.handoffs[-1].replace(closed_at=at)
        epoch = found.conversation.epoch + 1
        self._change(found, state="resolved", owner=None, epoch=epoch, resolved_at=at)
        self._line(found, f"{agent.name} resolved the conversation", at, agent)
        due = (at + SURVEY_AFTER, case.conversation, found, epoch)
        heapq.heappush(self._timers, due)
        return ()

    # -- records -----------------------------------------------------------------------------------

    def _say(self, case: QuickCase, kind: str, purpose: Purpose, turn: Turn) -> Message:
        handler = {"answer": "faq", "handover": "escalation"}.get(purpose)
        text = self._text(turn, kind)
        return self._bot(case, text, purpose, turn.at, turn=turn, handler=handler)

    def _text(self, turn: Turn, kind: str) -> str:
        words = words_in(turn.understanding.language.code)
        texts = words.bot[kind]
        title = words.titles.get(turn.understanding.intent.name, "")
        return texts[turn.id % len(texts)].replace("{matter}", title)

    def _bot(
        self,
        case: QuickCase,
        text: str,
        purpose: Purpose,
        at: datetime,
        *,
        turn: Turn | None = None,
        handler: str | None = None,
        survey: SurveyQuestion | None = None,
    ) -> Message:
        message = Message(
            id=self._id("message"),
            conversation=case.conversation.id,
            author="bot",
            text=text,
            at=at,
            turn=turn.id if turn else self._id("turn"),
            status="sent",
            purpose=purpose,
            route=turn.route if turn else None,
            handler=handler,
            survey=survey,
        )
        case.messages.append(message)
        return message

    def _line(self, case: QuickCase, text: str, at: datetime, agent: Agent | None = None) -> None:
        case.messages.append(
            Message(
                id=self._id("message"),
                conversation=case.conversation.id,
                author="system",
                text=text,
                at=at,
                internal=True,
                status="sent",
                purpose="notice",
                agent=agent,
            )
        )

    def _change(self, case: QuickCase, **changes: State | object) -> None:
        case.conversation = case.conversation.replace(**changes)

    def _id(self, kind: str) -> int:
        self._ids[kind] += 1
        return self._ids[kind]


def _understanding(say: Say) -> Understanding:
    """What the gateway makes of a message if its readers know the truth."""
    insight = insight_of(say.meaning, say.text)
    found = _ORDER.search(say.text)
    slots: tuple[Slot, ...] = ()
    if found:
        slots = (Slot(name="order", value=found[0], start=found.start(), end=found.end()),)
    return Understanding(
        language=insight.language or Language(),
        ranking=insight.ranking or (Guess(name="none", confidence=0.0),),
        emotion=say.meaning.mood.emotion(),
        signals=insight.signals,
        slots=slots,
        engines=("simulated_truth",),
        ranked_by="simulated_truth",
    )


def _past(case: QuickCase) -> PastConversation:
    conversation = case.conversation
    return PastConversation(
        id=conversation.id,
        channel=conversation.address.channel,
        opened_at=conversation.opened_at,
        resolved_at=conversation.resolved_at,
        intent=conversation.intent,
        mood=case.mood,
    )
