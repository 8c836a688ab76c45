"""What a simulated month is made of: its length, the channels, the staff, and what is planted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Literal, TypeVar

import msgspec

from gateway.model import Agent
from gateway.ports import Traits
from gateway.testing.simulation.plants import BadPlant, Plant
from gateway.testing.simulation.words import matter_kinds, words_in

P = TypeVar("P")

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""

CHANNELS: Mapping[str, float] = {
    "webchat": 0.3,
    "email": 0.27,
    "whatsapp": 0.15,
    "sms": 0.1,
    "telegram": 0.08,
    "rest": 0.07,
    "slack": 0.03,
}
"""The share of customers who write on each channel."""

TRAITS: Mapping[str, Traits] = {
    "webchat": Traits(mailbox=True, buttons=True, attachments=True),
    "rest": Traits(mailbox=True, buttons=True),
    "email": Traits(attachments=True, unsure="resend", quotes=True, suspends=True),
    "sms": Traits(unsure="resend", max_length=1600, confirms_opt_out=True),
    "whatsapp": Traits(unsure="resend", max_length=1600, confirms_opt_out=True),
    "telegram": Traits(unsure="resend", repeats=1, buttons=True, max_length=4096),
    "slack": Traits(unsure="resend", buttons=True, max_length=4000),
}
"""As those of the real channels, without their rate limits: time is virtual."""

LANGUAGES: Mapping[str, float] = {"en": 0.55, "de": 0.2, "fr": 0.13, "es": 0.12}


LAST_HOURS = 2.5
"""Hours at the end of a month with ``open_at_end``."""
EARLY, LATE, SATURDAY = (8.0, 16.0), (12.0, 20.0), (9.0, 18.0)
"""The shifts, in hours of the day in the time of the shop."""
WHOLE_DAY = (8.0, 20.0)
"""The shift of an overworked agent, six days a week."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of the shop.

    ``skill``: how likely an answer of theirs helps; ``warmth``: how likely it has a human moment;
    ``trust``: how likely they send a suggestion as it is; ``pace``: 1 is usual, 2 twice as fast.
    They work on ``days`` (0 is Monday), one week `EARLY` and the next `LATE`; ``late_first``: the
    other way round.
    """

    id: str
    name: str
    languages: tuple[str, ...]
    skill: float
    warmth: float
    trust: float
    pace: float = 1.0
    tier: str = "front"
    late_first: bool = False
    days: tuple[int, ...] = (0, 1, 2, 3, 4)

    def agent(self) -> Agent:
        """As the desk knows them."""
        skills = tuple(SKILLS[code] for code in self.languages if code in SKILLS)
        return Agent(
            id=self.id, name=self.name, tier=self.tier, skills=("billing", "delivery", *skills)
        )


SKILLS: Mapping[str, str] = {"de": "german", "fr": "french", "es": "spanish"}

STAFF: tuple[Worker, ...] = (
    Worker(id="desk:ana", name="Ana", languages=("en", "es"), skill=0.8, warmth=0.5, trust=0.5,
           days=(0, 1, 2, 3, 5)),
    Worker(id="desk:bo", name="Bo", languages=("en", "de"), skill=0.76, warmth=0.35, trust=0.45,
           late_first=True),
    Worker(id="desk:cleo", name="Cleo", languages=("en", "fr"), skill=0.78, warmth=0.45, trust=0.4,
           days=(0, 1, 3, 4, 5), late_first=True),
    Worker(id="desk:dirk", name="Dirk", languages=("en", "de"), skill=0.74, warmth=0.3, trust=0.5,
           days=(0, 1, 2, 4, 5)),
    Worker(id="desk:elena", name="Elena", languages=("en", "es", "fr"), skill=0.8, warmth=0.55,
           trust=0.45, late_first=True),
    Worker(id="desk:una", name="Una", languages=("en", "de", "fr", "es"), skill=0.85, warmth=0.5,
           trust=0.4, tier="specialist"),
)  # fmt: skip


class Scenario(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A month to simulate. The same scenario always gives the same month.

    ``per_day``: new matters on an average day, without the customers who come back. ``start``
    is UTC, usually midnight. ``perception``: ``real``, the readers of the configuration read the
    messages; ``truth``, the gateway is told what each message means. ``survey_rate``: how
    likely a customer in a neutral mood answers a survey. ``labels``: the label that agents put on
    what they claim, by intent. ``open_at_end``: matters for a person that come in the last hours
    (see `LAST_HOURS`), in which nobody finishes anything: half of them still wait at the end, the
    agents have the others and have answered them, and one is snoozed.
    """

    seed: int
    days: int = 30
    per_day: float = 70.0
    start: datetime = START
    plants: tuple[Plant, ...] = ()
    perception: Literal["real", "truth"] = "real"
    channels: Mapping[str, float] = msgspec.field(default_factory=lambda: CHANNELS)
    languages: Mapping[str, float] = msgspec.field(default_factory=lambda: LANGUAGES)
    staff: tuple[Worker, ...] = STAFF
    timezone: str = "Europe/Dublin"
    survey_rate: float = 0.45
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    open_at_end: int = 0

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.days)

    @property
    def last_hours(self) -> float:
        """The second from which on nobody finishes anything; infinite where everybody does."""
        return self.days * 86_400.0 - LAST_HOURS * 3600.0 if self.open_at_end else inf

    def seconds(self, at: datetime) -> float:
        """The seconds from the start to ``at``."""
        return (at - self.start).total_seconds()

    def plant(self, kind: type[P]) -> P | None:
        """The first plant of ``kind``, if there is one."""
        return next((plant for plant in self.plants if isinstance(plant, kind)), None)


def check_plants(scenario: Scenario) -> None:
    """Raises BadPlant for a plant that this month has no place for: the ledger would name it, or
    a report be blamed for not finding it."""
    known: Mapping[str, Collection[str]] = {
        "channel": scenario.channels,
        "intent": matter_kinds(),
        "topic": words_in("en").topics,
        "agent": [worker.id for worker in scenario.staff],
    }
    for plant in scenario.plants:
        for key, values in known.items():
            value = getattr(plant, key, None)
            if value is not None and value not in values:
                raise BadPlant(
                    f"{plant.name}: there is no {key} `{value}`; choose from {', '.join(values)}"
                )
        after = getattr(plant, "after", 0)
        if after >= scenario.days:
            raise BadPlant(
                f"{plant.name}: day {after} is after the {scenario.days} days of the month; set "
                "a smaller `after`, or simulate more days"
            )
