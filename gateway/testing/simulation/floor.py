"""The agents at work: who takes which conversation, answers, and closes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.ledger import Ledger
from gateway.testing.simulation.plants import OverworkedAgent
from gateway.testing.simulation.scenario import LAST_HOURS, Scenario, Worker
from gateway.testing.simulation.shop import Shop
from gateway.testing.simulation.staff import (
    BREAK,
    DAY,
    MOST_OPEN,
    TOO_TIRED,
    AgentAtWork,
    Case,
    Writer,
    choose_next,
    names_order_number,
    shifts_of,
)
from gateway.testing.simulation.timeline import Happening, Timeline
from gateway.testing.simulation.values import Heard, Say

PATIENT = {True: 900.0, False: 3 * 3600.0}
"""Seconds of silence after which an agent closes a conversation, in a chat and elsewhere."""
NOTICES = 420.0
"""Seconds, on average, until an agent who does other work notices that somebody waits; a quarter of
it for an answer in a conversation that they have."""
LOOK_AGAIN = 600.0
"""Seconds until an agent who found nothing for them looks at the queue again."""
TAKEN_BEFORE_END = 0.5
"""Hours before the end at which agents take what is open at the end."""
SNOOZED = 16 * 3600.0
"""Seconds for which a conversation is snoozed: from the afternoon to the next morning."""
TRANSFERS = 0.04
"""The share of claimed conversations that the front line passes on to a specialist."""


class Floor:
    """All agents. ``contact_at`` finds who writes from a lane; ``plan`` plans what a customer does
    next; ``heard`` passes on what the bot said to one."""

    def __init__(
        self,
        scenario: Scenario,
        shop: Shop,
        ledger: Ledger,
        timeline: Timeline,
        *,
        contact_at: Callable[[str], Contact | None],
        plan: Callable[[Contact, float], None],
        heard: Callable[[Heard], None],
    ) -> None:
        self._shop, self._ledger, self._timeline = shop, ledger, timeline
        self._contact_at, self._plan, self._heard = contact_at, plan, heard
        self._rng = random.Random(f"staff {scenario.seed}")  # noqa: S311  (not a secret)
        self._writer = Writer(scenario=scenario, rng=self._rng)
        overwork = scenario.plant(OverworkedAgent)
        victim = find_victim(scenario.staff, overwork) if overwork else None
        self._desks = [
            AgentAtWork(
                worker=worker, shifts=shifts_of(worker, scenario, overworked=worker is victim)
            )
            for worker in scenario.staff
        ]
        self._overwork = overwork
        self._last_hours, self._open_at_end = scenario.last_hours, scenario.open_at_end
        self._labels = scenario.labels
        self._victim = next((desk for desk in self._desks if desk.worker is victim), None)
        self._owner: dict[int, AgentAtWork] = {}
        self._waiting = 0

    def plan_shifts(self) -> None:
        """Let everybody come and go, and take what is open at the end."""
        taken = self._last_hours + (LAST_HOURS - TAKEN_BEFORE_END) * 3600.0
        for number in range(self._open_at_end // 2):
            self._timeline.plan(taken + number, self._take(number))
        if self._open_at_end:
            self._plan_promises()
        for desk in self._desks:
            for begin, end in desk.shifts:
                timeline = self._timeline
                timeline.plan(begin, self._begin_shift(desk))
                timeline.plan(end, self._end_shift(desk))

    def handed_over(self, contact: Contact, at: float) -> None:
        """The bot handed ``contact`` over."""
        overwork = self._overwork if contact.shown.upset else None
        if overwork is not None and contact.rng.random() < overwork.share:
            contact.planted.add(OverworkedAgent.name)
        self._waiting += 1
        self._wake(at)

    def _plan_promises(self) -> None:
        """Let the last agent look after all promises each morning but the last one, so that only
        what fell due in the last day is left."""
        agent = self._desks[-1].worker.agent()

        async def settle(at: float) -> None:
            await self._shop.settle_promises(agent, self._timeline.time(at))

        for day in range(1, int(self._last_hours // DAY)):
            self._timeline.plan(day * DAY, settle)

    def _take(self, number: int) -> Happening:
        """Claim one at the end of the month, by turns. The first one is snoozed, once it is
        answered."""
        at_turn = [*self._desks[number:], *self._desks[:number]]

        async def take(at: float) -> None:
            for desk in at_turn:
                if case := await self._claim(desk, at):
                    break
            else:
                return

            async def answer(now: float) -> None:
                await self._answer(desk, case, now, may_transfer=False)

            async def snooze(now: float) -> None:
                until, time = self._timeline.time(now + SNOOZED), self._timeline.time(now)
                await self._shop.snooze(case.claimed, desk.worker.agent(), until, time)

            self._timeline.plan(at + 240, answer)
            if number == 0:
                self._timeline.plan(at + 1500, snooze)

        return take

    def _begin_shift(self, desk: AgentAtWork) -> Happening:
        async def begin(at: float) -> None:
            desk.fatigue, desk.fatigue_at = desk.rested(at) * 0.3, at
            await self._next(desk, at)

        return begin

    def _end_shift(self, desk: AgentAtWork) -> Happening:
        async def end(at: float) -> None:
            if at >= self._last_hours:
                return
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

                self._timeline.plan(at + 10 + self._rng.expovariate(1 / NOTICES), look)

    def remind(self, conversation: int, say: Say, at: float) -> None:
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

            self._timeline.plan(at + 10 + self._rng.expovariate(4 / NOTICES), look)

    async def _next(self, desk: AgentAtWork, at: float) -> None:
        """What the agent does next."""
        if desk.busy or not desk.at_work(at) or at >= self._last_hours:
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

            self._timeline.plan(at + LOOK_AGAIN, look)

    async def _claim(self, desk: AgentAtWork, at: float) -> Case | None:
        time = self._timeline.time(at)
        items = await self._shop.waiting(time)
        self._waiting = len(items)
        known = [
            (item, contact, (time - item.since).total_seconds())
            for item in items
            if (contact := self._contact_at(item.address.lane))
        ]
        victim = self._victim if self._victim and self._victim.at_work(at) else None
        chosen = choose_next(desk, known, victim=victim)
        if chosen is None:
            return None
        item, contact = chosen
        claimed = await self._shop.claim(item, desk.worker.agent(), time)
        case = Case(claimed=claimed, contact=contact, claimed_at=at)
        desk.cases[item.conversation] = case
        self._owner[item.conversation] = desk
        self._waiting -= 1
        contact.claimed()
        if label := self._labels.get(contact.matter.intent):
            await self._shop.label(claimed, desk.worker.agent(), label, time)
        self._ledger.claimed(item.conversation, desk.worker.id, item.reasons, time)
        return case

    def _begin(self, desk: AgentAtWork, case: Case, at: float) -> None:
        desk.busy = True

        async def finish(now: float) -> None:
            desk.busy = False
            await self._answer(desk, case, now)
            rest = self._rest(desk, now)

            async def go_on(later: float) -> None:
                await self._next(desk, later)

            self._timeline.plan(now + rest, go_on)

        self._timeline.plan(at + self._writer.seconds(desk, case.contact), finish)

    def _rest(self, desk: AgentAtWork, at: float) -> float:
        """Seconds until the agent goes on. Nobody gives the overworked one a break."""
        tired = desk.rested(at) > TOO_TIRED and desk is not self._victim
        return BREAK if tired else 20.0

    async def _answer(
        self, desk: AgentAtWork, case: Case, at: float, *, may_transfer: bool = True
    ) -> None:
        conversation, contact = case.claimed.conversation, case.contact
        if conversation not in desk.cases:
            return
        front = desk.worker.tier == "front" and case.answers == 0
        if may_transfer and front and self._rng.random() < TRANSFERS:
            await self._transfer(desk, case, "specialist", "needs the till", at)
            return
        time = self._timeline.time(at)
        suggestion = await self._shop.suggestion(case.claimed, time)
        answer = self._writer.compose(desk, case, suggestion, at)
        parts = await self._shop.answer(case.claimed, desk.worker.agent(), answer, time)
        again = contact.told_order and (answer.asks or names_order_number(answer.text, contact))
        self._ledger.answered(conversation, desk.worker.id, answer, time, parts=parts, again=again)
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
            current = case.version == version and case.claimed.conversation in desk.cases
            if current and now < self._last_hours:
                await self._resolve(desk, case, now)

        silence = PATIENT[case.contact.person.chats]
        self._timeline.plan(at + (silence if after is None else after), close)

    async def _resolve(self, desk: AgentAtWork, case: Case, at: float) -> None:
        conversation, contact, time = (
            case.claimed.conversation,
            case.contact,
            self._timeline.time(at),
        )
        for heard in await self._shop.resolve(case.claimed, desk.worker.agent(), time):
            self._heard(heard)
        del desk.cases[conversation]
        self._owner.pop(conversation, None)
        self._ledger.resolved(conversation, desk.worker.id, time)
        contact.resolved(at)
        self._plan(contact, at)
        await self._next(desk, at)

    async def _transfer(
        self, desk: AgentAtWork, case: Case, tier: str, why: str, at: float
    ) -> None:
        conversation, time = case.claimed.conversation, self._timeline.time(at)
        await self._shop.transfer(case.claimed, desk.worker.agent(), tier, why, time)
        del desk.cases[conversation]
        self._owner.pop(conversation, None)
        self._ledger.transferred(conversation, desk.worker.id, time)
        case.contact.state = "waits"
        self._waiting += 1
        self._wake(at)


def find_victim(staff: Sequence[Worker], plant: OverworkedAgent) -> Worker:
    """Who is overworked: the agent that the plant names, else the one with most languages."""
    named = [worker for worker in staff if worker.id == plant.agent]
    return max(named or staff, key=lambda worker: len(worker.languages))
