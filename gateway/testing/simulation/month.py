"""The month itself: what happens when. The same for the real gateway and for the quick stand-in.

Events lie in a heap, ordered by time. Each is handled whole before the next begins, so that a seed
always gives the same month.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.model import Agent
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.demand import BASE, Demand
from gateway.testing.simulation.ledger import Ledger
from gateway.testing.simulation.plants import Effect, OverworkedAgent
from gateway.testing.simulation.scenario import Scenario
from gateway.testing.simulation.staff import (
    BREAK,
    MOST_OPEN,
    TOO_TIRED,
    AgentAtWork,
    Case,
    Writer,
    choose_next,
    shifts_of,
)
from gateway.testing.simulation.values import (
    AgentAnswer,
    Claimed,
    Heard,
    QueuedCase,
    Received,
    Say,
    Written,
)

PATIENT = {True: 900.0, False: 3 * 3600.0}
"""Seconds of silence after which an agent closes a conversation, in a chat and elsewhere."""
NOTICES = 420.0
"""Seconds, on average, until an agent who does other work notices that somebody waits; a quarter of
it for an answer in a conversation that they have."""
LOOK_AGAIN = 600.0
"""Seconds until an agent who found nothing for them looks at the queue again."""
TRANSFERS = 0.04
"""The share of claimed conversations that the front line passes on to a specialist."""


class Shop(Protocol):
    """What customers and agents meet: the real gateway, or a stand-in. Times are UTC."""

    async def next_due(self) -> datetime | None:
        """When the next timer is due."""
        ...

    async def fire(self, at: datetime) -> Sequence[Heard]:
        """Fire the timers that are due at ``at``; what customers hear from it."""
        ...

    async def write(self, message: Written) -> Received:
        """A customer writes."""
        ...

    async def waiting(self, at: datetime) -> Sequence[QueuedCase]:
        """The conversations that nobody has claimed, most urgent first."""
        ...

    async def claim(self, item: QueuedCase, agent: Agent, at: datetime) -> Claimed: ...
    async def answer(self, case: Claimed, agent: Agent, answer: AgentAnswer, at: datetime) -> int:
        """Send an agent's answer; the number of messages that it became."""
        ...

    async def transfer(
        self, case: Claimed, agent: Agent, tier: str, why: str, at: datetime
    ) -> None: ...
    async def resolve(self, case: Claimed, agent: Agent, at: datetime) -> Sequence[Heard]:
        """Close a conversation; what the customer hears from it."""
        ...


Happening = Callable[[float], Awaitable[None]]


class Month:
    """Plays a `Scenario` in a `Shop` and keeps the ledger."""

    def __init__(self, scenario: Scenario, shop: Shop) -> None:
        self.scenario, self.shop = scenario, shop
        self.ledger = Ledger()
        self.demand = Demand(scenario=scenario)
        rng = random.Random(f"staff {scenario.seed}")  # noqa: S311  (not a secret)
        self._rng = rng
        self._writer = Writer(scenario=scenario, rng=rng)
        self._desks = [
            AgentAtWork(worker=worker, shifts=shifts_of(worker, scenario))
            for worker in scenario.staff
        ]
        self._overwork = scenario.plant(OverworkedAgent)
        self._heap: list[tuple[float, int, Happening]] = []
        self._count = 0
        self._by_lane: dict[str, Contact] = {}
        self._owner: dict[int, AgentAtWork] = {}
        self._waiting = 0

    async def run(self) -> Ledger:
        """Play the whole month. What is under way at its end stays open."""
        for at, topic in self.demand.arrivals():
            self._at(at, self._arrival(topic))
        for desk in self._desks:
            for begin, end in desk.shifts:
                self._at(begin, self._begin_shift(desk))
                self._at(end, self._end_shift(desk))
        end = self.scenario.days * 86_400.0
        while self._heap and self._heap[0][0] < end:
            now = self._heap[0][0]
            due = await self.shop.next_due()
            if due is not None and due <= self._time(now):
                for heard in await self.shop.fire(due):
                    self._heard(heard)
                continue
            _, _, happen = heapq.heappop(self._heap)
            await happen(now)
        self.ledger.finish(self.demand.contacts)
        return self.ledger

    # -- customers ---------------------------------------------------------------------------------

    def _arrival(self, topic: str | None) -> Happening:
        async def arrive(at: float) -> None:
            await self._open(self.demand.contact(at, topic), at)

        return arrive

    async def _open(self, contact: Contact, at: float) -> None:
        effect = self.scenario.plant(Effect)
        if effect is not None and Effect.name in contact.planted and effect.measure == "felt_heard":
            base = BASE["felt_heard"]
            points = effect.points
            contact.lifts_survey = points / (1 - base) if points > 0 else points / base
        self._by_lane[contact.person.address.lane] = contact
        await self._write(contact, contact.open(at), at)

    async def _write(self, contact: Contact, say: Say, at: float) -> None:
        """The customer writes ``say``."""
        time = self._time(at)
        received = await self.shop.write(
            Written(
                key=f"{contact.number}-{contact.version}",
                address=contact.person.address,
                name=contact.person.name,
                say=say,
                at=time,
            )
        )
        first = contact.conversation == 0
        contact.conversation = received.conversation if first else contact.conversation
        contact.said(say, at)
        self.ledger.wrote(contact, say, received, time)
        version = contact.version
        for heard in received.heard:
            contact.hear(heard, at)
        if received.handed_over:
            await self._handed_over(contact, at)
        elif received.state == "person":
            self._remind(received.conversation, say, at)
        if contact.version == version and contact.state == "bot" and contact.pending is None:
            contact.state = "left"
        self._plan(contact, at)

    async def _handed_over(self, contact: Contact, at: float) -> None:
        if contact.state != "waits":
            contact.state, contact.waits_since = "waits", at
        overwork = self._overwork if contact.shown.upset else None
        if overwork is not None and contact.rng.random() < overwork.share:
            contact.planted.add(OverworkedAgent.name)
        self._waiting += 1
        self._wake(at)

    def _heard(self, heard: Heard) -> None:
        """A timer let the bot say something."""
        contact = self._by_lane.get(heard.address.lane)
        self.ledger.heard(heard)
        if contact is not None:
            at = (heard.at - self.scenario.start).total_seconds()
            contact.hear(heard, at)
            self._plan(contact, at)

    def _plan(self, contact: Contact, at: float) -> None:
        """Put what the customer does next into the heap."""
        say, version = contact.pending, contact.version
        if say is not None:

            async def speak(now: float) -> None:
                current = self._by_lane[contact.person.address.lane] is contact
                if current and contact.version == version and contact.pending is say:
                    await self._write(contact, say, now)

            self._at(at + max(1.0, say.after), speak)
        elif contact.over:
            self._plan_return(contact, at)

    def _plan_return(self, contact: Contact, at: float) -> None:
        if contact.decided:
            return
        contact.decided = True
        delay = contact.comes_back()
        if delay is None:
            return
        contact.comes = True

        async def come(now: float) -> None:
            contact.comes = False
            if self._by_lane[contact.person.address.lane] is contact and contact.over:
                await self._open(self.demand.again(contact, now), now)

        self._at(at + delay, come)

    # -- agents ------------------------------------------------------------------------------------

    def _begin_shift(self, desk: AgentAtWork) -> Happening:
        async def begin(at: float) -> None:
            desk.fatigue, desk.fatigue_at = desk.rested(at) * 0.3, at
            await self._next(desk, at)

        return begin

    def _end_shift(self, desk: AgentAtWork) -> Happening:
        async def end(at: float) -> None:
            for case in list(desk.cases.values()):
                if case.owes:
                    await self._transfer(desk, case, "front", "the end of my shift", at)
                elif case.answers:
                    await self._resolve(desk, case, at)

        return end

    def _wake(self, at: float) -> None:
        """Let agents who have nothing to do look at the queue."""
        for desk in self._desks:
            if not desk.busy and desk.at_work(at):

                async def look(now: float, desk: AgentAtWork = desk) -> None:
                    await self._next(desk, now)

                self._at(at + 10 + self._rng.expovariate(1 / NOTICES), look)

    def _remind(self, conversation: int, say: Say, at: float) -> None:
        """The customer wrote in a conversation that an agent has."""
        desk = self._owner.get(conversation)
        case = desk.cases.get(conversation) if desk else None
        if desk is None or case is None:
            return
        case.version += 1
        if say.kind == "thanks":
            self._plan_closing(desk, case, at, after=self._rng.uniform(40, 200))
            return
        case.owes = True
        if conversation not in desk.to_answer:
            desk.to_answer.append(conversation)
        if not desk.busy and desk.at_work(at):

            async def look(now: float) -> None:
                await self._next(desk, now)

            self._at(at + 10 + self._rng.expovariate(4 / NOTICES), look)

    async def _next(self, desk: AgentAtWork, at: float) -> None:
        """What the agent does next."""
        if desk.busy or not desk.at_work(at):
            return
        case: Case | None = None
        while desk.to_answer and case is None:
            case = desk.cases.get(desk.to_answer.popleft())
        if case is None and len(desk.cases) < MOST_OPEN and self._waiting:
            case = await self._claim(desk, at)
        if case is not None:
            self._begin(desk, case, at)
        elif self._waiting:  # none of them is for this agent yet: look again later

            async def look(now: float) -> None:
                await self._next(desk, now)

            self._at(at + LOOK_AGAIN, look)

    async def _claim(self, desk: AgentAtWork, at: float) -> Case | None:
        time = self._time(at)
        items = await self.shop.waiting(time)
        self._waiting = len(items)
        known = [
            (item, contact, (time - item.since).total_seconds())
            for item in items
            if (contact := self._by_lane.get(item.address.lane))
        ]
        victim = self._desks[0] if self._overwork and self._desks[0].at_work(at) else None
        chosen = choose_next(desk, known, victim=victim)
        if chosen is None:
            return None
        item, contact = chosen
        claimed = await self.shop.claim(item, desk.worker.agent(), time)
        case = Case(claimed=claimed, contact=contact, claimed_at=at)
        desk.cases[item.conversation] = case
        self._owner[item.conversation] = desk
        self._waiting -= 1
        contact.claimed()
        self.ledger.claimed(item.conversation, desk.worker.id, time)
        return case

    def _begin(self, desk: AgentAtWork, case: Case, at: float) -> None:
        desk.busy = True

        async def finish(now: float) -> None:
            desk.busy = False
            await self._answer(desk, case, now)
            rest = self._rest(desk, now)

            async def go_on(later: float) -> None:
                await self._next(desk, later)

            self._at(now + rest, go_on)

        self._at(at + self._writer.seconds(desk, case.contact), finish)

    def _rest(self, desk: AgentAtWork, at: float) -> float:
        """Seconds until the agent goes on. Nobody gives the overworked one a break."""
        overworked = self._overwork is not None and desk is self._desks[0]
        tired = desk.rested(at) > TOO_TIRED and not overworked
        return BREAK if tired else 20.0

    async def _answer(self, desk: AgentAtWork, case: Case, at: float) -> None:
        conversation, contact = case.claimed.conversation, case.contact
        if conversation not in desk.cases:
            return
        front = desk.worker.tier == "front" and case.answers == 0
        if front and self._rng.random() < TRANSFERS:
            await self._transfer(desk, case, "specialist", "needs the till", at)
            return
        answer = self._writer.compose(desk, case, case.claimed.suggestion, at)
        time = self._time(at)
        parts = await self.shop.answer(case.claimed, desk.worker.agent(), answer, time)
        self.ledger.answered(conversation, desk.worker.id, answer, time, parts=parts)
        desk.worked(at, upset=contact.shown.upset)
        case.answers += 1
        case.owes = False
        case.version += 1
        contact.answered(answer, at)
        self._plan(contact, at)
        self._plan_closing(desk, case, at)

    def _plan_closing(
        self, desk: AgentAtWork, case: Case, at: float, *, after: float | None = None
    ) -> None:
        """Close the conversation when the customer stays silent."""
        version = case.version

        async def close(now: float) -> None:
            if case.version == version and case.claimed.conversation in desk.cases:
                await self._resolve(desk, case, now)

        silence = PATIENT[case.contact.person.chats]
        self._at(at + (silence if after is None else after), close)

    async def _resolve(self, desk: AgentAtWork, case: Case, at: float) -> None:
        conversation, contact, time = case.claimed.conversation, case.contact, self._time(at)
        for heard in await self.shop.resolve(case.claimed, desk.worker.agent(), time):
            self._heard(heard)
        del desk.cases[conversation]
        self._owner.pop(conversation, None)
        self.ledger.resolved(conversation, desk.worker.id, time)
        contact.resolved(at)
        self._plan(contact, at)
        await self._next(desk, at)

    async def _transfer(
        self, desk: AgentAtWork, case: Case, tier: str, why: str, at: float
    ) -> None:
        conversation, time = case.claimed.conversation, self._time(at)
        await self.shop.transfer(case.claimed, desk.worker.agent(), tier, why, time)
        del desk.cases[conversation]
        self._owner.pop(conversation, None)
        self.ledger.transferred(conversation, desk.worker.id, time)
        case.contact.state = "waits"
        self._waiting += 1
        self._wake(at)

    # -- time --------------------------------------------------------------------------------------

    def _at(self, at: float, happen: Happening) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, happen))

    def _time(self, at: float) -> datetime:
        """``at`` seconds from the start, to the millisecond, as the database keeps it."""
        return self.scenario.start + timedelta(milliseconds=int(at * 1000))
