"""A week of cases and people around the desk's own `assign`, event by event.

Customers, their moods, and how long answers take are those of `gateway.testing.simulation`; what
people are given is decided by the function that the desk uses, with the load ledger that the desk
keeps. The same seed gives every mode the same customers at the same times.
"""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from gateway import MOOD_SCALE, UPSET_AT, LoadLedger, WorkStep
from gateway.support.emotional_load import LONGEST_STEP
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.demand import Demand
from gateway.testing.simulation.floor import PATIENT
from gateway.testing.simulation.scenario import STAFF, Scenario, Worker
from gateway.testing.simulation.staff import AgentAtWork, Writer, shifts_of
from gateway.testing.simulation.values import AgentAnswer, Heard
from plugins.agents_desk.staff.assignment import (
    CHATS,
    PushMode,
    StaffLoad,
    StaffMember,
    WaitingCase,
    assign,
    has_room,
    in_order,
)

PER_DAY = 950.0
"""New matters on an average day. The bot settles some two fifths; the rest keeps `TEAM` busy for
nearly half of their shifts, and all day on Mondays."""
TEAM: tuple[Worker, ...] = (
    *STAFF,
    *(
        msgspec.structs.replace(
            worker,
            id=f"{worker.id}-2",
            name=f"{worker.name} 2",
            late_first=not worker.late_first,
            days=tuple(sorted({(day + 3) % 6 for day in worker.days})),
        )
        for worker in STAFF
    ),
)
"""Twelve people: those of the simulation, and as many with other days and the other shifts."""
DAYS = 7
LUNCH = 1800.0
"""Seconds of the break in the middle of a shift, which everybody takes in every mode."""
SAMPLE = 900.0
"""Seconds between two looks at what people carry."""
DISPLEASED, VARIES = 0.2, 0.1
"""How far the mood falls of customers whom a bot could not help, and its deviation: as in
`Contact`."""
LOOKS_AGAIN = 15.0
"""Seconds after which what was held back is looked at again, as in the desk."""


class WeekFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one week came to.

    ``spread``: standard deviation of the decayed load between the people at work, in upset
    minutes, averaged over the week; ``spread_week``: between the means of the people's weeks;
    ``spread_home``: between what people carry at the ends of shifts. ``claim_p90`` and
    ``answer_p90``: seconds until a person has the case, and until the customer has a first answer,
    of cases that came while somebody was at work. ``thirds``: upset cases given as a third (or
    later) in a row while another qualified person was free; ``thirds_unavoidable``: while none was.
    ``mismatches``: cases given to somebody without the language, though somebody at work had it.
    ``busy``: the share of the shifts in which people work on answers.
    """

    spread: float
    spread_week: float
    spread_home: float
    claim_p90: float
    answer_p90: float
    thirds: int
    thirds_unavoidable: int
    mismatches: int
    cases: int
    upset: int
    mean_load: float
    busy: float


@dataclass(kw_only=True, eq=False)
class _Case:
    contact: Contact
    arrived: float
    in_hours: bool
    upset: bool = False
    claimed: float | None = None
    answered: float | None = None
    version: int = 0


@dataclass(kw_only=True, eq=False)
class _Desk:
    worker: Worker
    shifts: list[tuple[float, float]]
    work: AgentAtWork
    ledger: LoadLedger = field(default_factory=LoadLedger)
    cases: dict[int, _Case] = field(default_factory=dict)
    owed: list[int] = field(default_factory=list)
    busy: bool = False
    at_hand: int = 0
    in_a_row: int = 0
    last_given: float | None = None
    worked: float = 0.0
    samples: list[float] = field(default_factory=list)
    home: list[float] = field(default_factory=list)

    def at_work(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self.shifts)

    def on_break(self, at: float) -> bool:
        return any(
            begin <= at < end and 0 <= at - (begin + end - LUNCH) / 2 < LUNCH
            for begin, end in self.shifts
        )

    def member(self, at: float) -> StaffMember:
        here = self.at_work(at)
        return StaffMember(
            agent=self.worker.agent().replace(tier="front"),
            languages=frozenset(self.worker.languages),
            at_work=here,
            available=here and not self.on_break(at),
        )

    def load(self, at: float, start: datetime) -> StaffLoad:
        counts: dict[str, int] = {}
        for number, case in self.cases.items():
            channel = case.contact.person.address.channel
            if channel not in CHATS and number not in self.owed and number != self.at_hand:
                continue  # it waits for the customer
            counts[channel] = counts.get(channel, 0) + 1
        given = self.last_given
        return StaffLoad(
            open=counts,
            open_upset=sum(
                _upset(case.contact)
                for number, case in self.cases.items()
                if number in self.owed or number == self.at_hand
            ),
            load=self.ledger.load_at(at),
            upset_in_a_row=self.in_a_row,
            last_given=None if given is None else start + timedelta(seconds=given),
        )


class Week:
    """One week in one mode; `run` gives its figures."""

    def __init__(
        self,
        seed: int,
        mode: PushMode,
        *,
        per_day: float = PER_DAY,
        team: Sequence[Worker] = TEAM,
    ) -> None:
        self._mode: PushMode = mode
        self._scenario = scenario = Scenario(seed=seed, days=DAYS, per_day=per_day)
        self._start = scenario.start
        self._rng = random.Random(f"week {seed}")  # noqa: S311  (not a secret)
        self._writer = Writer(scenario=scenario, rng=random.Random(f"hands {seed}"))  # noqa: S311
        self._desks = [_desk(worker, scenario) for worker in team]
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._waiting: dict[int, _Case] = {}
        self._all: list[_Case] = []
        self._spreads: list[float] = []
        self._loads: list[float] = []
        self._thirds = self._unavoidable = self._mismatches = self._given = 0
        self._look_planned = False

    def run(self) -> WeekFigures:
        demand = Demand(scenario=self._scenario)
        for at, topic in demand.arrivals():
            self._plan(at, self._arrival(demand.contact(at, topic)))
        for desk in self._desks:
            for begin, end in desk.shifts:
                for at in (begin, (begin + end + LUNCH) / 2):
                    self._plan(at, self._go_on)
                self._plan(end, self._end_shift(desk))
        for number in range(int(DAYS * 86_400 / SAMPLE)):
            self._plan(number * SAMPLE, self._sample)
        last = DAYS * 86_400.0
        while self._heap and self._heap[0][0] <= last:
            at, _, happening = heapq.heappop(self._heap)
            happening(at)
        return self._figures()

    # -- what happens ------------------------------------------------------------------------------

    def _arrival(self, contact: Contact) -> Callable[[float], None]:
        def arrive(at: float) -> None:
            if not contact.matter.kind.person:
                if self._rng.random() < contact.matter.kind.settled:
                    return  # the bot settled it
                fall = DISPLEASED + self._rng.gauss(0, VARIES)
                contact.feeling = max(-1.0, contact.feeling - fall)
            contact.open(at)
            contact.hear(
                Heard(
                    conversation=contact.number,
                    address=contact.person.address,
                    at=self._start,
                    purpose="handover",
                    text="",
                ),
                at,
            )
            here = any(desk.at_work(at) for desk in self._desks)
            case = _Case(contact=contact, arrived=at, in_hours=here)
            self._waiting[contact.number] = case
            self._all.append(case)
            self._go_on(at)

        return arrive

    def _go_on(self, at: float) -> None:
        """Give out what waits, and let everybody work who can."""
        self._give(at)
        for desk in self._desks:
            self._work(desk, at)

    def _give(self, at: float) -> None:
        people = {desk.worker.id: desk for desk in self._desks}
        now = self._start + timedelta(seconds=at)
        members = [desk.member(at) for desk in self._desks]
        if not any(member.available for member in members):
            return
        waiting = in_order(self._as_waiting(number, case) for number, case in self._waiting.items())
        loads = {desk.worker.id: desk.load(at, self._start) for desk in self._desks}
        for item in waiting:
            given = assign(item, members, loads, now, mode=self._mode)
            if given.agent is None:
                if any(
                    m.available and has_room(m, item.channel, loads[m.agent.id]) for m in members
                ):
                    self._look_again(at)
                continue
            self._check(item, given.agent.id, members, loads)
            case = self._waiting.pop(item.conversation)
            desk = people[given.agent.id]
            case.claimed, case.upset = at, item.upset
            case.contact.claimed()
            desk.cases[item.conversation] = case
            desk.owed.append(item.conversation)
            desk.in_a_row = desk.in_a_row + 1 if item.upset else 0
            desk.last_given = at
            loads[given.agent.id] = desk.load(at, self._start)
            self._given += 1

    def _check(
        self,
        item: WaitingCase,
        chosen: str,
        members: list[StaffMember],
        loads: dict[str, StaffLoad],
    ) -> None:
        """Judge what was decided, by rules of its own."""
        speaking = [m for m in members if m.at_work and item.language in m.languages]
        if speaking and all(m.agent.id != chosen for m in speaking):
            self._mismatches += 1
        if not item.upset or loads[chosen].upset_in_a_row < 2:
            return
        others = [
            m
            for m in speaking or [m for m in members if m.at_work]
            if m.available
            and m.agent.id != chosen
            and has_room(m, item.channel, loads[m.agent.id])
            and loads[m.agent.id].upset_in_a_row < 2
        ]
        if others:
            self._thirds += 1
        else:
            self._unavoidable += 1

    def _look_again(self, at: float) -> None:
        if self._look_planned:
            return
        self._look_planned = True

        def look(now: float) -> None:
            self._look_planned = False
            self._go_on(now)

        self._plan(at + LOOKS_AGAIN, look)

    def _work(self, desk: _Desk, at: float) -> None:
        if desk.busy or not desk.owed or not desk.at_work(at) or desk.on_break(at):
            return None
        number = desk.owed.pop(0)
        case = desk.cases.get(number)
        if case is None:
            return self._work(desk, at)
        desk.busy, desk.at_hand = True, number
        seconds = self._writer.seconds(desk.work, case.contact)
        mood = MOOD_SCALE[case.contact.shown.label]

        def done(now: float) -> None:
            desk.busy, desk.at_hand = False, 0
            desk.worked += seconds
            step = WorkStep(now, min(LONGEST_STEP, seconds), mood)
            desk.ledger.work(step)
            self._answer(desk, number, case, now)
            self._go_on(now)

        self._plan(at + seconds, done)
        return None

    def _answer(self, desk: _Desk, number: int, case: _Case, at: float) -> None:
        if case.answered is None:
            case.answered = at
        contact = case.contact
        helpful = contact.rng.random() < desk.worker.skill
        contact.answered(AgentAnswer(text="", helpful=helpful), at)
        case.version += 1
        version = case.version
        if (say := contact.pending) is not None:

            def speak(now: float) -> None:
                if number not in desk.cases or case.version != version:
                    return
                contact.said(say, now)
                if say.kind == "thanks":
                    self._close(desk, number)
                else:
                    desk.owed.append(number)
                self._go_on(now)

            self._plan(at + say.after, speak)

        def close(now: float) -> None:
            if case.version == version and number in desk.cases and number not in desk.owed:
                self._close(desk, number)
                self._go_on(now)

        self._plan(at + PATIENT[contact.person.chats], close)

    def _close(self, desk: _Desk, number: int) -> None:
        desk.cases.pop(number, None)

    def _end_shift(self, desk: _Desk) -> Callable[[float], None]:
        """What still waits for an answer goes back to the queue; the rest is closed."""

        def end(at: float) -> None:
            for number, case in list(desk.cases.items()):
                if number in desk.owed and case.answered is None:
                    self._waiting[number] = case
                desk.cases.pop(number)
            desk.owed.clear()
            desk.home.append(desk.ledger.load_at(at))
            self._go_on(at)

        return end

    def _sample(self, at: float) -> None:
        here = [desk for desk in self._desks if desk.at_work(at)]
        loads = [desk.ledger.load_at(at) for desk in here]
        for desk, load in zip(here, loads, strict=True):
            desk.samples.append(load)
        if len(loads) > 1:
            self._spreads.append(statistics.pstdev(loads))
            self._loads += loads

    # -- values ------------------------------------------------------------------------------------

    def _as_waiting(self, number: int, case: _Case) -> WaitingCase:
        contact = case.contact
        return WaitingCase(
            conversation=number,
            channel=contact.person.address.channel,
            language=contact.person.language,
            upset=_upset(contact),
            priority=2 if contact.shown.label == "angry" else 0,
            waiting_since=self._start + timedelta(seconds=case.arrived),
        )

    def _plan(self, at: float, happening: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, happening))

    def _figures(self) -> WeekFigures:
        within = [case for case in self._all if case.in_hours]
        claims = sorted((c.claimed or c.arrived + 86_400) - c.arrived for c in within)
        answers = sorted((c.answered or c.arrived + 86_400) - c.arrived for c in within)
        hours = sum(end - begin for desk in self._desks for begin, end in desk.shifts)
        return WeekFigures(
            spread=statistics.fmean(self._spreads),
            spread_week=statistics.pstdev(statistics.fmean(d.samples) for d in self._desks),
            spread_home=statistics.pstdev([x for d in self._desks for x in d.home]),
            claim_p90=_p90(claims),
            answer_p90=_p90(answers),
            thirds=self._thirds,
            thirds_unavoidable=self._unavoidable,
            mismatches=self._mismatches,
            cases=self._given,
            upset=sum(case.upset for case in self._all),
            mean_load=statistics.fmean(self._loads),
            busy=sum(desk.worked for desk in self._desks) / hours,
        )


def _desk(worker: Worker, scenario: Scenario) -> _Desk:
    shifts = shifts_of(worker, scenario)
    return _Desk(worker=worker, shifts=shifts, work=AgentAtWork(worker=worker, shifts=shifts))


def _p90(values: list[float]) -> float:
    return values[min(len(values) - 1, int(0.9 * len(values)))]


def _upset(contact: Contact) -> bool:
    """As the ledger of emotional load has it."""
    return MOOD_SCALE[contact.shown.label] <= UPSET_AT
