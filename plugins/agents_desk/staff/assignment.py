"""Who gets a waiting case: a pure function, with its reasons.

Hard rules of every mode that gives cases to people: the brand, presence and shift, capacity, and
the languages, skills and tier that the case needs, as long as anyone at work has them. Among
those who are left the mode chooses:

- ``round_robin``: whoever was given nothing for longest;
- ``least_busy``: whoever has most room left;
- ``care``: an upset customer goes to whoever carries least, and never as the third in a row to
  anybody while another qualified person is free; a calm one goes to whoever has most room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from gateway import Agent, Value

AssignmentMode = Literal["pull", "round_robin", "least_busy", "care"]
"""``pull``: people take cases from the queue themselves."""
PushMode = Literal["round_robin", "least_busy", "care"]

CHAT_UNITS, MESSAGING_UNITS, MAIL_UNITS = 5, 2, 1
"""What a conversation takes of a person's capacity. In a chat the customer sits in front of the
screen and each minute counts; a text message may wait some minutes, a mail an hour. The numbers
are ours: the usual three or four chats at once, or twenty mails, fill the same day."""
CHATS = frozenset({"webchat", "rest"})
MAILS = frozenset({"email"})
CAPACITY = 20
"""Units that a person has unless they say otherwise: four chats."""
MOST_UPSET_IN_A_ROW = 2
OPEN_UPSET_MINUTES = 6.0
"""Upset minutes that an upset case counts ahead while the customer waits for an answer: so that two
that come at once go to two people. Chosen by the simulation, where one costs 4.5 on average."""
HELD_FOR = timedelta(seconds=45)
"""How long an upset case waits for another person rather than be somebody's third in a row."""


class WaitingCase(Value, frozen=True, kw_only=True):
    """A case that waits, as far as assignment looks at it."""

    conversation: int
    channel: str
    brand: str = ""
    language: str | None = None
    skills: tuple[str, ...] = ()
    tier: str = "front"
    priority: int = 0
    harm: bool = False
    upset: bool = False
    waiting_since: datetime
    tried: frozenset[str] = frozenset()
    """Ids of people who were given it and did not open it, while another may take it."""


class StaffMember(Value, frozen=True, kw_only=True):
    """A person as assignment sees them now.

    ``at_work``: within a shift and not away; ``available``: at work, and on no break.
    ``languages``: none means all, as nobody has said which. ``most`` limits single channels.
    """

    agent: Agent
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int = CAPACITY
    most: Mapping[str, int] = msgspec.field(default_factory=dict)
    at_work: bool = True
    available: bool = True


class StaffLoad(Value, frozen=True, kw_only=True):
    """What a person has on their hands.

    ``open`` counts their conversations by channel: chats, and of the others those in which the
    customer waits for an answer, as a mail that waits for the customer takes nobody's attention.
    ``open_upset`` counts those with an upset customer; ``load`` is their emotional load, decayed to
    now; ``upset_in_a_row`` counts the upset ones among those that they took last.
    """

    open: Mapping[str, int] = msgspec.field(default_factory=dict)
    open_upset: int = 0
    load: float = 0.0
    upset_in_a_row: int = 0
    last_given: datetime | None = None

    @property
    def units(self) -> int:
        return sum(units_of(channel) * count for channel, count in self.open.items())

    @property
    def expected(self) -> float:
        """The load with what is still to come of the open cases."""
        return self.load + self.open_upset * OPEN_UPSET_MINUTES


class Assignment(Value, frozen=True, kw_only=True):
    """Whom a case is given to, or None, and why, in plain words."""

    agent: Agent | None
    reasons: tuple[str, ...]


NO_LOAD = StaffLoad()


def units_of(channel: str) -> int:
    """What one conversation on ``channel`` takes of a person's capacity."""
    if channel in CHATS:
        return CHAT_UNITS
    return MAIL_UNITS if channel in MAILS else MESSAGING_UNITS


def in_order(cases: Iterable[WaitingCase]) -> list[WaitingCase]:
    """``cases`` in the order in which they are given out: harm first of all, then by priority,
    then whoever has waited longest."""
    return sorted(cases, key=lambda c: (not c.harm, -c.priority, c.waiting_since, c.conversation))


def assign(
    case: WaitingCase,
    people: Sequence[StaffMember],
    loads: Mapping[str, StaffLoad],
    now: datetime,
    *,
    mode: PushMode,
) -> Assignment:
    """Whom ``case`` goes to. ``loads`` are by the id of the agent."""
    fitting, reasons = _fitting(case, people)
    free = [p for p in fitting if p.available and has_room(p, case.channel, _load(p, loads))]
    free = [p for p in free if p.agent.id not in case.tried] or free
    if not free:
        return Assignment(agent=None, reasons=(_nobody(fitting),))
    if mode == "care":
        chosen, why = _with_care(case, free, fitting, loads, now)
        if chosen is None:
            return Assignment(agent=None, reasons=(why,))
    elif mode == "least_busy":
        chosen, why = min(free, key=_busy(loads)), "has most room now"
    else:
        chosen, why = min(free, key=_turn(loads)), "it is their turn"
    alone = ("nobody else who fits is free",) if len(free) == 1 else ()
    return Assignment(agent=chosen.agent, reasons=(*reasons, *(alone or (why,))))


def has_room(person: StaffMember, channel: str, load: StaffLoad) -> bool:
    """Whether one more conversation on ``channel`` fits."""
    most = person.most.get(channel)
    if most is not None and load.open.get(channel, 0) >= most:
        return False
    return load.units + units_of(channel) <= person.capacity


def _fitting(
    case: WaitingCase, people: Sequence[StaffMember]
) -> tuple[list[StaffMember], tuple[str, ...]]:
    """Those at work who may have the case, and what of it spoke for them. A need that nobody at
    work meets is left out: an answer from another beats none."""
    found = [p for p in people if p.at_work and p.agent.works_for(case.brand)]
    reasons: list[str] = []
    language, skills = case.language, frozenset(case.skills)
    if language is not None:
        name = language
        speaking = [p for p in found if not p.languages or name in p.languages]
        if found and not speaking:
            reasons.append(f"nobody at work speaks {name}")
        elif len(speaking) < len(found):
            reasons.append(f"speaks {name}")
        found = speaking or found
    if skills:
        skilled = [p for p in found if skills <= p.skills]
        needed = ", ".join(sorted(skills))
        if found and not skilled:
            most = max(len(skills & p.skills) for p in found)
            skilled = [p for p in found if len(skills & p.skills) == most] if most else []
            reasons.append(f"nobody at work has all of: {needed}")
        elif len(skilled) < len(found):
            reasons.append(f"has the skill {needed}")
        found = skilled or found
    of_tier = [p for p in found if p.agent.tier == case.tier]
    if of_tier and len(of_tier) < len(found):
        reasons.append(f"works at {case.tier}")
    return of_tier or found, tuple(reasons)


def _with_care(
    case: WaitingCase,
    free: Sequence[StaffMember],
    fitting: Sequence[StaffMember],
    loads: Mapping[str, StaffLoad],
    now: datetime,
) -> tuple[StaffMember | None, str]:
    """Whoever carries least, for an upset customer; whoever has most room, for a calm one."""
    if case.upset:
        rested = [p for p in free if _load(p, loads).upset_in_a_row < MOST_UPSET_IN_A_ROW]
        held = now - case.waiting_since < HELD_FOR and not case.harm
        if not rested and held and len(fitting) > len(free):
            return None, "held back some seconds for somebody with fewer hard ones behind them"
        chosen = min(rested or free, key=lambda p: (_load(p, loads).expected, *_busy(loads)(p)))
        return chosen, "carries least of those who are free"
    chosen = min(free, key=lambda p: (_share(p, loads), _load(p, loads).expected, *_turn(loads)(p)))
    return chosen, "has most room now"


def _load(person: StaffMember, loads: Mapping[str, StaffLoad]) -> StaffLoad:
    return loads.get(person.agent.id, NO_LOAD)


def _share(person: StaffMember, loads: Mapping[str, StaffLoad]) -> float:
    return _load(person, loads).units / max(1, person.capacity)


def _turn(loads: Mapping[str, StaffLoad]) -> Callable[[StaffMember], tuple[float, str]]:
    """Whoever was given nothing for longest comes first."""

    def key(person: StaffMember) -> tuple[float, str]:
        last = _load(person, loads).last_given
        return (last.timestamp() if last else 0.0, person.agent.id)

    return key


def _busy(loads: Mapping[str, StaffLoad]) -> Callable[[StaffMember], tuple[float, float, str]]:
    """Whoever has the smallest share of their capacity in use comes first."""
    return lambda person: (_share(person, loads), *_turn(loads)(person))


def _nobody(fitting: Sequence[StaffMember]) -> str:
    return "everybody who fits is busy or on a break" if fitting else "nobody is at work"
