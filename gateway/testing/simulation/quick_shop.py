"""A stand-in for the gateway: the same month without a database, in about a second.

It decides with the gateway's own policy and writes the same kinds of records, but it has no brand
voice, no plugins and no delivery. It is for studies over hundreds of months; what it leaves out is
in ``docs/simulation.md``.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gateway.model import (
    Address,
    Agent,
    Context,
    Conversation,
    Customer,
    Message,
    PastConversation,
    Purpose,
    Route,
    Suggestion,
    Survey,
    SurveyAnswer,
    Turn,
)
from gateway.routing.policy import Policy
from gateway.routing.reasons import Reasons
from gateway.routing.route import ask_details, decide, is_still_in_line, may_ask_details
from gateway.routing.rules import SensitiveIntent, UnservedLanguage
from gateway.testing.simulation.customers import NAMED
from gateway.testing.simulation.quick_cases import Ids, QuickCase, true_understanding
from gateway.testing.simulation.values import (
    AgentAnswer,
    Claimed,
    Heard,
    QueuedCase,
    Received,
    Written,
    heard_from,
)
from gateway.testing.simulation.words import matter_kinds, words_in

IDLE = timedelta(hours=24)
SURVEY_AFTER = timedelta(seconds=20)
COOL_DOWN = timedelta(days=30)
NEVER = datetime.min.replace(tzinfo=UTC)


def quick_policy() -> Policy:
    """The policy of the demo shop, as far as the simulation needs it."""
    people = {name for name, kind in matter_kinds().items() if kind.person}
    return Policy(
        reasons=Reasons(
            sensitive_intent=SensitiveIntent(intents=frozenset(people)),
            language=UnservedLanguage(served=("en", "de", "fr", "es")),
        )
    )


class QuickShop:
    """A `Shop` in memory. ``cases`` are its conversations, in the order of their ids."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or quick_policy()
        self.cases: list[QuickCase] = []
        self._ids = Ids()
        self._current: dict[str, QuickCase] = {}
        self._past: dict[str, list[PastConversation]] = {}
        self._asked: dict[str, datetime] = {}
        self._customers: dict[str, Customer] = {}
        self._queue: dict[int, QuickCase] = {}
        self._timers: list[tuple[datetime, int, QuickCase, int]] = []

    # -- timers ------------------------------------------------------------------------------------

    async def next_due(self) -> datetime | None:
        return self._timers[0][0] if self._timers else None

    async def fire(self, at: datetime) -> Sequence[Heard]:
        heard: list[Heard] = []
        while self._timers and self._timers[0][0] <= at:
            due, _, case, epoch = heapq.heappop(self._timers)
            if not self._may_be_asked(case, epoch, due):
                continue
            self._asked[case.conversation.address.lane] = due
            text = words_in(case.conversation.language or "en").bot["survey"][0]
            message = case.ask(text, due)
            heard.append(heard_from(message, case.conversation.address, None))
        return heard

    def _may_be_asked(self, case: QuickCase, epoch: int, at: datetime) -> bool:
        conversation = case.conversation
        lane = conversation.address.lane
        over = conversation.state == "resolved" and conversation.epoch == epoch
        last = self._current[lane] is case and not case.surveys
        return over and last and at - self._asked.get(lane, NEVER) >= COOL_DOWN

    # -- customers ---------------------------------------------------------------------------------

    async def write(self, message: Written) -> Received:
        case, survey = self._case_for(message)
        turn = self._routed(self._turn(case, message, survey))
        case.heard_from_customer(turn)
        return self._answer(case, turn)

    def _turn(self, case: QuickCase, message: Written, survey: Survey | None) -> Turn:
        say = message.say
        return Turn(
            id=self._ids.next("turn"),
            at=message.at,
            message=Message(
                id=self._ids.next("message"),
                conversation=case.conversation.id,
                author="customer",
                text=say.text,
                at=message.at,
            ),
            customer=case.customer,
            conversation=case.conversation,
            history=tuple(case.messages[-40:]),
            context=Context(earlier=tuple(self._past.get(message.address.lane, ()))),
            understanding=true_understanding(say),
            survey=survey,
            survey_answer=SurveyAnswer(score=say.score) if survey else None,
        )

    def _routed(self, turn: Turn) -> Turn:
        if turn.conversation.state == "resolved" and turn.survey is None:
            return turn.replace(route=Route(action="automate"))  # thanks after the end
        turn = turn.replace(route=decide(turn, self._policy))
        if may_ask_details(turn, self._policy):
            kind = matter_kinds().get(turn.understanding.intent.name)
            turn = turn.replace(route=ask_details(turn, ("order",) if kind and kind.needs else ()))
        return turn

    def _case_for(self, message: Written) -> tuple[QuickCase, Survey | None]:
        """The conversation that a message belongs to, and the survey that the message answers."""
        at, say = message.at, message.say
        case = self._current.get(message.address.lane)
        if case is None:
            return self._open(message), None
        state = case.conversation.state
        if state == "resolved":
            survey = case.surveys[-1] if case.surveys else None
            if say.kind == "survey" and survey is not None and survey.answer is None:
                answer = SurveyAnswer(score=say.score)
                case.surveys[-1] = survey.replace(answered_at=at, answer=answer)
                return case, case.surveys[-1]
            if say.kind in ("thanks", "survey"):
                return case, None
        elif state != "bot" or at - case.messages[-1].at < IDLE:
            return case, None
        else:
            case.change(state="resolved", resolved_at=at)
        return self._open(message), None

    def _open(self, message: Written) -> QuickCase:
        address = message.address
        if known := self._current.get(address.lane):
            self._past.setdefault(address.lane, []).insert(0, known.past())
        conversation = Conversation(id=len(self.cases) + 1, address=address, opened_at=message.at)
        customer = self._customer(address, message.name)
        case = QuickCase(ids=self._ids, conversation=conversation, customer=customer)
        self.cases.append(case)
        self._current[address.lane] = case
        return case

    def _customer(self, address: Address, name: str | None) -> Customer:
        known = self._customers.get(address.lane)
        if known is None:
            name = name if address.channel in NAMED else None
            known = Customer(id=len(self._customers) + 1, name=name)
            self._customers[address.lane] = known
        return known

    def _answer(self, case: QuickCase, turn: Turn) -> Received:
        route, conversation = turn.route, case.conversation
        intent = turn.understanding.intent
        sure = intent.confidence >= self._policy.reasons.low_confidence.below
        about = sure and intent.name not in self._policy.pass_by_intents and turn.survey is None
        case.change(
            language=turn.understanding.language.code,
            intent=intent.name if about else conversation.intent,
        )
        reply = self._reply(case, turn)
        heard = (heard_from(reply, conversation.address, intent.name),) if reply else ()
        escalated = route.action == "escalate"
        return Received(
            conversation=conversation.id,
            state=case.conversation.state,
            heard=heard,
            handed_over=escalated,
            reasons=tuple(reason.code for reason in route.reasons) if escalated else (),
        )

    def _reply(self, case: QuickCase, turn: Turn) -> Message | None:
        match turn.route.action:
            case "escalate":
                return self._hand_over(case, turn)
            case "pass":
                waits = is_still_in_line(turn)
                return self._say(case, "waiting", "notice", turn) if waits else None
            case "clarify":
                details = any(reason.code == "details_needed" for reason in turn.route.reasons)
                return self._say(case, "details" if details else "clarify", "clarify", turn)
        if turn.survey is not None:
            return self._say(case, "thanks", "thanks", turn)
        if case.conversation.state == "resolved":
            return None
        return self._say(case, "answer", "answer", turn)

    def _hand_over(self, case: QuickCase, turn: Turn) -> Message:
        route, at = turn.route, turn.at
        case.queue(route.reasons, at, tier=route.tier, skills=route.skills, priority=route.priority)
        case.change(state="waiting", tier=route.tier, resolved_at=None)
        case.note("Handed over to a person", at)
        if turn.survey is None:
            case.suggest(_text(turn, "draft"), at)
        self._queue[case.conversation.id] = case
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
                reasons=tuple(reason.code for reason in case.handoffs[-1].reasons),
            )
            for id, case in self._queue.items()
        ]
        return sorted(items, key=lambda item: (-item.priority, item.since))

    async def claim(self, item: QueuedCase, agent: Agent, at: datetime) -> Claimed:
        case = self._queue.pop(item.conversation)
        case.claim(agent, at)
        return Claimed(
            conversation=item.conversation,
            address=item.address,
            epoch=case.conversation.epoch,
        )

    async def suggestion(self, case: Claimed, at: datetime) -> Suggestion | None:
        return self._found(case).open_suggestion

    async def answer(self, case: Claimed, agent: Agent, answer: AgentAnswer, at: datetime) -> int:
        self._found(case).agent_says(answer, agent, at)
        return 1

    async def transfer(
        self, case: Claimed, agent: Agent, tier: str, why: str, at: datetime
    ) -> None:
        found = self._found(case)
        last = found.release(at)
        found.queue(last.reasons, at, tier=tier, skills=last.skills, priority=1)
        found.move(state="waiting", owner=None, tier=tier)
        found.note(f"{agent.name} transferred the conversation to {tier}: {why}", at, agent)
        self._queue[case.conversation] = found

    async def label(self, case: Claimed, agent: Agent, label: str, at: datetime) -> None:
        """Nothing: no record has labels."""

    async def snooze(self, case: Claimed, agent: Agent, until: datetime, at: datetime) -> None:
        """Nothing: no record says so."""

    async def settle_promises(self, agent: Agent, at: datetime) -> None:
        """Nothing: no record has promises."""

    async def resolve(self, case: Claimed, agent: Agent, at: datetime) -> Sequence[Heard]:
        found = self._found(case)
        found.release(at)
        found.move(state="resolved", owner=None, resolved_at=at)
        found.note(f"{agent.name} resolved the conversation", at, agent)
        epoch = found.conversation.epoch
        heapq.heappush(self._timers, (at + SURVEY_AFTER, case.conversation, found, epoch))
        return ()

    def _found(self, case: Claimed) -> QuickCase:
        return self.cases[case.conversation - 1]

    def _say(self, case: QuickCase, kind: str, purpose: Purpose, turn: Turn) -> Message:
        handler = {"answer": "faq", "handover": "escalation"}.get(purpose)
        return case.bot_says(_text(turn, kind), purpose, turn.at, turn=turn, handler=handler)


def _text(turn: Turn, kind: str) -> str:
    """What the bot says, in the language of the message."""
    words = words_in(turn.understanding.language.code)
    texts = words.bot[kind]
    title = words.titles.get(turn.understanding.intent.name, "")
    return texts[turn.id % len(texts)].replace("{matter}", title)
