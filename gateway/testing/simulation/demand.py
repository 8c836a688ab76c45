"""Who writes when, and about what: the rhythm of day and week, new customers and known ones."""

from __future__ import annotations

import random
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TypeVar
from zoneinfo import ZoneInfo

from gateway.model import Address
from gateway.testing.simulation.contact import AWAY, Contact
from gateway.testing.simulation.customers import Matter, Person
from gateway.testing.simulation.moods import Temper
from gateway.testing.simulation.plants import Effect, UnansweredQuestion
from gateway.testing.simulation.scenario import LAST_HOURS, Scenario
from gateway.testing.simulation.words import Words, matter_kinds, words_in

S = TypeVar("S", bound=str)

WEEK = (1.3, 1.15, 1.1, 1.05, 1.0, 0.8, 0.6)
"""How busy each day is, from Monday on."""
DAY = (
    1,
    0.5,
    0.3,
    0.2,
    0.2,
    0.4,
    1,
    2.5,
    5,
    7.5,
    9,
    9,
    8,
    7.5,
    7.5,
    7,
    6.5,
    6,
    6,
    6.5,
    6,
    5,
    3.5,
    2,
)
"""How busy each hour of the day is, in the time of the shop."""
KNOWN = 0.25
"""The share of new matters that come from customers who wrote before."""
PLAIN = 0.75
"""The share of customers who put their matter in plain words."""
CALM, MOODINESS = 0.22, 0.24
"""The mean of what customers feel, and its deviation both among them and from one matter to the
next."""
BASE = {"containment": 0.62, "felt_heard": 0.627, "suggestion_sent": 0.43}
"""What these shares are without plants: measured, see ``docs/simulation.md``."""


@dataclass(kw_only=True)
class Demand:
    """Makes the contacts of a month. `arrivals` gives the times, `contact` who then writes."""

    scenario: Scenario
    rng: random.Random = field(init=False)
    contacts: list[Contact] = field(default_factory=list)
    _customers: list[Person] = field(default_factory=list)
    _last: dict[int, Contact] = field(default_factory=dict)
    _others: dict[str, list[str]] = field(default_factory=dict)
    _topics: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"demand {self.scenario.seed}")  # noqa: S311  (not a secret)

    def arrivals(self) -> list[tuple[float, str | None]]:
        """When new matters come, in seconds from the start, each with the topic that is planted
        there, if any."""
        scenario, zone = self.scenario, ZoneInfo(self.scenario.timezone)
        mean = sum(WEEK) / 7
        hours = sum(DAY)
        times: list[float] = []
        for hour in range(scenario.days * 24):
            begins = scenario.start + timedelta(hours=hour)
            local = begins.astimezone(zone)
            rate = scenario.per_day * WEEK[local.weekday()] / mean * DAY[local.hour] / hours
            times += [3600 * (hour + self.rng.random()) for _ in range(_poisson(rate, self.rng))]
        times.sort()
        return self._with_topics(times)

    def _with_topics(self, times: Sequence[float]) -> list[tuple[float, str | None]]:
        planted: dict[int, str] = {}
        for plant in self.scenario.plants:
            if not isinstance(plant, UnansweredQuestion) or not times:
                continue
            free = [at for at in range(len(times)) if at not in planted]
            for at in self.rng.sample(free, min(plant.messages, len(free))):
                planted[at] = plant.topic
            free = [at for at in free if at not in planted]
            for at in self.rng.sample(free, min(plant.others or 0, len(free))):
                planted[at] = "other"
        return [(time, planted.get(at)) for at, time in enumerate(times)]

    def last(self) -> list[float]:
        """When the matters come that are open at the end: evenly over the last hours."""
        scenario, count = self.scenario, self.scenario.open_at_end
        begins, lasts = scenario.last_hours + 600, LAST_HOURS * 3600.0 - 1200
        return [begins + lasts * at / count for at in range(count)]

    def contact(self, at: float, topic: str | None, *, person: bool = False) -> Contact:
        """Somebody with a new matter; ``person``: one that only a person can settle."""
        customer = self._customer(at)
        rng = self._random()
        matter, planted = self._matter(customer, at, topic, rng, person=person)
        feeling = rng.gauss(customer.calm + matter.kind.mood, MOODINESS)
        if matter.easy:
            feeling = max(feeling, 0.1)
        return self._add(customer, matter, rng, feeling, planted)

    def again(self, earlier: Contact, at: float) -> Contact:
        """The same customer with the same matter, once more."""
        rng = self._random()
        feeling = min(earlier.feeling, earlier.person.calm + 0.1) - 0.1
        bodies = earlier.matter.bodies
        planted: set[str] = set()
        easy, hard = self._effect_on(earlier.person, at, planted, rng)
        matter = earlier.matter.replace(
            body=rng.choice(bodies),
            vague=False,
            easy=easy and not earlier.matter.kind.person,
            hard=hard,
        )
        feeling = max(feeling, 0.1) if matter.easy else feeling + rng.gauss(0, 0.1)
        contact = self._add(earlier.person, matter, rng, feeling, planted)
        contact.repeat_of = earlier
        return contact

    def _add(
        self,
        customer: Person,
        matter: Matter,
        rng: random.Random,
        feeling: float,
        planted: set[str],
    ) -> Contact:
        contact = Contact(
            number=len(self.contacts) + 1,
            person=customer,
            matter=matter,
            rng=rng,
            feeling=min(1.0, max(-1.0, feeling)),
            survey_rate=self.scenario.survey_rate,
            planted=planted,
        )
        self.contacts.append(contact)
        self._last[customer.number] = contact
        return contact

    def _random(self) -> random.Random:
        return random.Random(self.rng.getrandbits(64))  # noqa: S311  (not a secret)

    # -- customers ---------------------------------------------------------------------------------

    def _customer(self, at: float) -> Person:
        if self._customers and self.rng.random() < KNOWN:
            known = self.rng.choice(self._customers)
            last = self._last[known.number]
            if last.over and not last.comes and at - last.last_at > AWAY:
                return known
        customer = self._new_customer()
        self._customers.append(customer)
        return customer

    def _new_customer(self) -> Person:
        rng, number = self.rng, len(self._customers) + 1
        language = _choose(self.scenario.languages, rng)
        channel = _choose(self.scenario.channels, rng)
        name = rng.choice(words_in(language).names)
        tempers: dict[Temper, float] = {"frustrated": 0.6, "anxious": 0.25, "confused": 0.15}
        return Person(
            number=number,
            name=name,
            address=Address(channel=channel, value=_address(channel, name, number)),
            language=language,
            temper=_choose(tempers, rng),
            calm=rng.gauss(CALM, MOODINESS),
            lenience=rng.random(),
            answers_surveys=0.5 + rng.random(),
            hurried=rng.random() < 0.04,
        )

    # -- matters -----------------------------------------------------------------------------------

    def _matter(
        self,
        customer: Person,
        at: float,
        topic: str | None,
        rng: random.Random,
        *,
        person: bool,
    ) -> tuple[Matter, set[str]]:
        planted: set[str] = set()
        easy, hard = self._effect_on(customer, at, planted, rng)
        easy = easy and not person
        kinds = matter_kinds()
        if topic is not None:
            intent = "oos"
        else:
            shares = {
                name: kind.share
                for name, kind in kinds.items()
                if (kind.person or not person)
                and (not easy or (not kind.person and kind.settled > 0))
            }
            intent = _choose(shares, rng)
        words = words_in(customer.language)
        order = f"MP-{20000 + rng.randrange(9000)}"
        details = {name: rng.choice(values) for name, values in words.fills.items()}
        if intent == "oos":
            topic = topic or "other"
            body = self._question(topic, customer.language, words, rng)
            if topic != "other":
                planted.add(UnansweredQuestion.name)
            bodies: tuple[str, ...] = (body,)
        else:
            topic, bodies = None, words.plain[intent]
            body = rng.choice(bodies if rng.random() < PLAIN else words.intents[intent])
        vague = not easy and not hard and intent != "oos" and rng.random() < 0.03
        matter = Matter(
            intent=intent,
            topic=topic,
            body=body,
            bodies=bodies,
            order=order,
            details=details,
            easy=easy,
            hard=hard,
            vague=vague,
        )
        return matter, planted

    def _effect_on(
        self, customer: Person, at: float, planted: set[str], rng: random.Random
    ) -> tuple[bool, bool]:
        """Whether the planted effect on containment makes this matter easy, or hard."""
        plant = self.scenario.plant(Effect)
        chance = rng.random()
        if plant is None or not self.under_effect(plant, customer, at):
            return False, False
        planted.add(Effect.name)
        if plant.measure != "containment":
            return False, False
        base = BASE["containment"]
        if plant.points > 0:
            return chance < plant.points / (1 - base), False
        return False, chance < -plant.points / base

    def under_effect(self, plant: Effect, customer: Person, at: float) -> bool:
        """Whether a conversation that begins ``at`` is one of those that the effect is on."""
        late = at >= plant.after * 86_400
        return late and plant.channel in (None, customer.address.channel)

    def _question(self, topic: str, language: str, words: Words, rng: random.Random) -> str:
        """A question about ``topic`` in words that nobody has used yet, while there are some."""
        key = (topic, language)
        if not self._topics.get(key):
            found = words.topics[topic].ask if topic in words.topics else words.others
            self._topics[key] = rng.sample(found, len(found))
        return self._topics[key].pop()


def _address(channel: str, name: str, number: int) -> str:
    """The customer's address as the channel writes it."""
    match channel:
        case "email":
            plain = name.lower().encode("ascii", "ignore").decode().replace(" ", ".")
            return f"{plain}.{number}@mail.example"
        case "sms" | "whatsapp":
            return f"+35385{5_000_000 + number}"
        case "telegram":
            return str(610_000_000 + number)
        case "slack":
            return f"U0SIM{number:06d}"
        case "rest":
            return f"shopper-{number}"
        case _:
            # As long as a real one, of which people see the first letters.
            return b32encode(sha256(f"visitor {number}".encode()).digest()).decode().lower()[:26]


def _choose(shares: Mapping[S, float], rng: random.Random) -> S:
    """One of the keys, each as likely as its share."""
    return rng.choices(tuple(shares), weights=tuple(shares.values()))[0]


def _poisson(mean: float, rng: random.Random) -> int:
    """A number of events of a Poisson process: how many exponential gaps fit into ``mean``."""
    count, total = 0, rng.expovariate(1.0)
    while total < mean:
        count += 1
        total += rng.expovariate(1.0)
    return count
