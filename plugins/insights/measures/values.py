"""What the measures give: figures of a period, by group, and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol

import msgspec

from gateway import LOAD_LIMIT, Agent, Pace, Value
from plugins.insights.model import Figure

Dimension = Literal["brand", "channel", "language", "intent", "team", "mood"]
"""What conversations can be grouped and filtered by. ``team`` is the tier of the person who had
it (``bot``: nobody had); ``mood`` is the customer's mood at the beginning."""
DIMENSIONS: tuple[Dimension, ...] = ("brand", "channel", "language", "intent", "team", "mood")
Unit = Literal["share", "seconds", "minutes", "score", "steps", "count"]
"""``score`` is 1..5, ``steps`` are steps of the mood scale, ``count`` is a number per case."""


class Filters(Value, frozen=True, kw_only=True):
    """Which conversations count: of each dimension the values that may be; none: all."""

    brand: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    intent: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    mood: tuple[str, ...] = ()


EVERYTHING = Filters()


class MeasureInfo(Value, frozen=True, kw_only=True):
    """What a measure is, for those who show it. ``title`` is a phrase such as `Time to a person`;
    ``better`` says which way is good; None: neither. ``window`` is how many days must pass after
    a conversation began until it can count."""

    name: str
    title: str
    unit: Unit
    better: Literal["higher", "lower"] | None = None
    window: int = 0


class Totals(Value, frozen=True, kw_only=True):
    """How much there was: conversations that began in the period, and their messages."""

    conversations: int = 0
    messages: int = 0


class Comparison(Value, frozen=True, kw_only=True):
    """One measure of two groups or periods: ``difference`` is ``figure`` minus ``other``.

    ``p`` is how probable so large a difference is if there is none; None without enough cases in
    both. ``notable``: it stands after Benjamini and Hochberg's control of the false discovery rate
    (at 5 %) over all measures that were compared with it.
    """

    figure: Figure
    other: Figure
    difference: Figure
    p: float | None = None
    notable: bool = False


class PilotMeasure(Value, frozen=True, kw_only=True):
    """One measure of a pilot.

    ``now`` compares the pilot with the rest on its days, ``before`` the same kinds of conversations
    on the days before it. ``effect`` compares both differences: how much more the pilot is apart
    from the rest now than it was before (difference in differences). ``before`` and ``effect`` are
    None where there was nothing to compare with before.
    """

    now: Comparison
    before: Comparison | None = None
    effect: Comparison | None = None

    @property
    def judged(self) -> Comparison:
        """What tells most of the pilot: its effect, and where there are too few cases for that, the
        difference from the rest."""
        tested = self.effect is not None and self.effect.p is not None
        return self.effect if self.effect is not None and tested else self.now


class MeasuredGroup(Value, frozen=True, kw_only=True):
    """The conversations with one value of a dimension. ``share`` is its part of all of them."""

    totals: Totals
    share: Figure
    figures: Mapping[str, Figure]


class MeasuredPeriod(Value, frozen=True, kw_only=True):
    """All figures of the conversations that began from ``since`` to ``until``, both days included.

    ``figures`` has the contract's names and further ones (see `MEASURES` and docs/measures.md).
    ``by[dimension][value]`` has those of each group. ``shares[what][code]`` are parts of a whole:
    ``hour`` (of conversations), ``reason`` (of hand-overs), ``suggestion:SOURCE`` (outcomes of the
    suggestions of a source), ``edit`` and ``edit:SOURCE`` (kinds of edit, of edited suggestions),
    ``edited_by_experience`` (share edited, by band of experience), ``response_rate_by_mood``.
    ``pending[name]`` counts conversations that cannot count in the measure ``name`` yet, since the
    days in which the customer may come back are not over.
    """

    since: date
    until: date
    filters: Filters = EVERYTHING
    totals: Totals = Totals()
    figures: Mapping[str, Figure] = msgspec.field(default_factory=dict)
    by: Mapping[Dimension, Mapping[str, MeasuredGroup]] = msgspec.field(default_factory=dict)
    shares: Mapping[str, Mapping[str, Figure]] = msgspec.field(default_factory=dict)
    voice_rules: Mapping[str, Mapping[str, int]] = msgspec.field(default_factory=dict)
    """How often each rule of the voice changed a text, by channel."""
    scores: Mapping[str, Figure] = msgspec.field(default_factory=dict)
    """The mean score of each kind of survey question that was answered."""
    pending: Mapping[str, int] = msgspec.field(default_factory=dict)
    changes: Mapping[str, Comparison] = msgspec.field(default_factory=dict)
    """Against as many days just before, by measure."""


class TrendPoint(Value, frozen=True, kw_only=True):
    """A measure over the days from ``since`` to ``until``."""

    since: date
    until: date
    figures: Mapping[str, Figure]


class MeasuresApi(Protocol):
    """What the report, the desk, the command and the proposals ask. `Measures` is the real one."""

    async def refresh(self) -> None:
        """Bring facts and tallies up to date with the database."""
        ...

    async def between(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> MeasuredPeriod:
        """The figures of the conversations that began on the days from ``since`` to ``until``,
        both included, with groups and the comparison with as many days before. From what the last
        `refresh` stored."""
        ...

    async def groups(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> Mapping[Dimension, Mapping[str, Totals]]:
        """How much there is of each group, without its figures: what can be chosen."""
        ...

    async def trend(
        self,
        since: date,
        until: date,
        names: tuple[str, ...],
        filters: Filters = EVERYTHING,
        *,
        days: int = 7,
    ) -> tuple[TrendPoint, ...]:
        """The measures ``names`` over steps of ``days`` days, oldest first."""
        ...

    async def contrasts(
        self,
        since: date,
        until: date,
        dimension: Dimension,
        names: tuple[str, ...],
        filters: Filters = EVERYTHING,
    ) -> Mapping[str, Mapping[str, Comparison]]:
        """Each value of ``dimension`` against all others, by measure of ``names``. The false
        discovery rate is controlled over all values and measures together."""
        ...

    async def pilot(
        self,
        days: tuple[date, date],
        before: tuple[date, date] | None,
        chosen: Filters,
        among: Filters = EVERYTHING,
    ) -> Mapping[str, PilotMeasure]:
        """A pilot against the rest: the conversations that ``chosen`` names against all others of
        ``among``, by measure, on ``days`` (the first and the last) and on those ``before`` it. The
        false discovery rate is controlled over all differences, and over all effects."""
        ...


class LoadDay(Value, frozen=True, kw_only=True):
    """The emotional load of one person on one day (see docs/measures.md), in upset minutes: work
    with somebody anxious or frustrated counts its minutes, with somebody angry half as many again.

    ``carried`` is what is left of the days before when it begins, ``peak`` the highest load of the
    day, ``unbroken`` the most that came together without a break.
    """

    day: date
    conversations: int = 0
    """With a customer who was upset."""
    minutes: float = 0.0
    carried: float = 0.0
    peak: float = 0.0
    unbroken: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it is more than a person should carry: `LOAD_LIMIT`."""
        return self.peak > LOAD_LIMIT


class TeamLoad(Value, frozen=True, kw_only=True):
    """The emotional load of a team as its lead may see it: nobody is named, and nothing is given
    of a team of fewer than `LEAST_AGENTS` people (then only ``agents`` is set).

    ``person_days`` counts the days on which somebody worked, ``over`` those that were too much,
    ``people_over`` the people who had at least two of those. ``peak`` is the median of the days'
    highest loads.
    """

    agents: int
    person_days: int = 0
    over: Figure | None = None
    people_over: int | None = None
    peak: Figure | None = None


LEAST_AGENTS = 3


class PeriodLoad(Protocol):
    """The emotional load of one period, added up once for all filters. It names nobody."""

    def team(self, filters: Filters = EVERYTHING) -> TeamLoad:
        """See `LoadApi.team`."""
        ...


class LoadApi(Protocol):
    """The ledger of emotional load. There is no way to ask for a person by name: an agent asks
    for their own with the session's `Agent`, and a lead for the team's."""

    async def own(self, viewer: Agent, since: date, until: date) -> tuple[LoadDay, ...]:
        """The days of ``viewer``, who must be the person who is signed in."""
        ...

    async def team(self, since: date, until: date, filters: Filters = EVERYTHING) -> TeamLoad:
        """The team's aggregate, of those who handled a conversation that ``filters`` choose."""
        ...

    async def period(self, since: date, until: date, pace: Pace | None = None) -> PeriodLoad:
        """What `team` rests on. To add it up takes seconds; to ask it for a team does not. With a
        ``pace`` it rests in between."""
        ...
