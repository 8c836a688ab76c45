"""How surely the effect of an adopted proposal is shown four weeks later, and that of a pilot on
one channel, and how true their intervals are.

Each run simulates nine weeks without a gateway. From the day of an adoption on a measure is better
by ten points, and `effect_of` compares the four weeks after it with those before, as it does for a
proposal. What a measure truly moves by is the mean over all runs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from gateway import CaseRecord
from gateway.testing.simulation import Effect, Scenario, simulate_records
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.derive import TextDetectors, WordsRead, derive_facts
from plugins.insights.facts.returns import find_returns
from plugins.insights.learning.effects import DAYS, effect_of
from plugins.insights.learning.model import Proposal, ProposalDecision, ProposalTarget
from plugins.insights.measures import catalogue
from plugins.insights.measures.service import measured_period, waiting_names
from plugins.insights.measures.sheets import Sheet, SheetSums, build_sheet
from plugins.insights.measures.values import EVERYTHING, Filters, MeasuredPeriod, MeasuresApi

POINTS = 0.1
ADOPTED = DAYS
"""The day of the adoption; it belongs to neither side."""
FOLLOWED = 9
"""Days that are simulated beyond the four weeks: some measures wait a week for those who come
back."""
PLANTED: Mapping[str, tuple[str, ...]] = {
    "containment": ("containment", "containment_honest"),
    "felt_heard": ("felt_heard",),
    "suggestion_sent": ("suggestion_sent", "suggestion_edited"),
}
"""What is planted, and the measures that it moves: itself, and one that `effect_of` tells."""
PILOT, BEFORE = "webchat", 84
"""The channel of the pilot, and the days before it."""
NO_WORDS = TextDetectors(read_words=lambda *_: WordsRead(), edit_kinds=lambda *_: ())
"""What is compared here rests on events alone."""


class ShownEffect(NamedTuple):
    """The difference of a measure in one run, with its interval, and whether it is shown."""

    measure: str
    value: float
    low: float
    high: float
    shown: bool


class MonthsInMemory:
    """The measures of conversations that no database has. Implements what `effect_of` needs of
    `MeasuresApi`."""

    def __init__(self, sheets: Mapping[str, Sheet], now: datetime, zone: ZoneInfo) -> None:
        self._sheets, self._now, self._zone = sheets, now, zone

    async def between(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> MeasuredPeriod:
        before = self.sums(since - (until - since) - timedelta(days=1), since - timedelta(days=1))
        empty = MeasuredPeriod(since=since, until=until, filters=filters)
        return measured_period(empty, self.sums(since, until), before.tally(filters), 30)

    def sums(self, since: date, until: date) -> SheetSums:
        """What the days have together."""
        chosen = {
            day: sheet
            for day, sheet in self._sheets.items()
            if since.isoformat() <= day <= until.isoformat()
        }
        return SheetSums(chosen, lambda day: waiting_names(day, self._now, self._zone))


def run(seed: int, planted: str) -> list[ShownEffect]:
    """The effect that one simulated adoption shows on each measure that it moves."""
    plant = Effect(measure=cast("Any", planted), points=POINTS, after=ADOPTED)
    scenario = Scenario(seed=seed, days=2 * DAYS + 1 + FOLLOWED, plants=(plant,))
    cases, _ = simulate_records(scenario)
    zone = ZoneInfo(scenario.timezone)
    measures = MonthsInMemory(sheets_of(cases, zone), scenario.end, zone)
    decision = ProposalDecision(
        by="desk:ana", at=scenario.start + timedelta(days=ADOPTED, hours=12), why="w", version=1
    )
    proposal = Proposal(
        id="1",
        kind="answer",
        state="adopted",
        title="t",
        found="f",
        target=ProposalTarget(at=("answers",)),
        source="review",
        made_at=decision.at,
        updated_at=decision.at,
        decision=decision,
    )
    return asyncio.run(_effects(proposal, measures, scenario.end, planted))


async def _effects(
    proposal: Proposal, measures: MonthsInMemory, now: datetime, planted: str
) -> list[ShownEffect]:
    effect = await effect_of(proposal, cast("MeasuresApi", measures), now)
    told = {each.measure: each.change for each in effect.measures}
    assert proposal.decision is not None
    since = proposal.decision.at.date() + timedelta(days=1)
    period = await measures.between(since, since + timedelta(days=DAYS - 1))
    found = []
    for name in PLANTED[planted]:
        figure = (told.get(name) or period.changes[name]).difference
        if figure.value is not None and figure.low is not None and figure.high is not None:
            shown = figure.low > 0 or figure.high < 0
            found.append(ShownEffect(name, figure.value, figure.low, figure.high, shown))
    return found


def sheets_of(cases: Sequence[CaseRecord], zone: ZoneInfo) -> dict[str, Sheet]:
    """The tallies of each day, as `FactRefresh` and `TallyStore` would store them."""
    facts = [derive_facts(case, zone, {}, NO_WORDS) for case in cases]
    by_customer: defaultdict[int, list[CaseFacts]] = defaultdict(list)
    for case in facts:
        by_customer[case.customer].append(case)
    by_day: defaultdict[str, list[CaseFacts]] = defaultdict(list)
    for own in by_customer.values():
        returns = find_returns(case.contact for case in own)
        for case in own:
            came = returns.get(case.conversation)
            by_day[case.day].append(case.replace(returns=came) if came else case)
    return {day: build_sheet(found) for day, found in by_day.items()}


def run_pilot(seed: int, points: float = POINTS) -> list[ShownEffect]:
    """A pilot of four weeks on `PILOT`: its effect, and its plain difference from the rest, with
    ``points`` more of its conversations contained from its first day on. ``shown`` is what stands
    among all measures."""
    plant = Effect(measure="containment", points=points, after=BEFORE, channel=PILOT)
    plants = (plant,) if points else ()
    scenario = Scenario(seed=seed, days=BEFORE + DAYS + FOLLOWED, plants=plants)
    cases, _ = simulate_records(scenario)
    zone = ZoneInfo(scenario.timezone)
    measures = MonthsInMemory(sheets_of(cases, zone), scenario.end, zone)
    first = scenario.start.astimezone(zone).date()
    begin = first + timedelta(days=BEFORE)
    now, before = (
        measures.sums(since, until).split(Filters(channel=(PILOT,)), EVERYTHING)
        for since, until in (
            (begin, begin + timedelta(days=DAYS - 1)),
            (first, begin - timedelta(days=1)),
        )
    )
    found = catalogue.pilot(now, before, 30)["containment"]
    return [
        ShownEffect(name, figure.value, figure.low, figure.high, comparison.notable)
        for name, comparison in (("effect", found.effect), ("difference", found.now))
        if comparison is not None
        and (figure := comparison.difference).value is not None
        and figure.low is not None
        and figure.high is not None
    ]


class EffectQuality(NamedTuple):
    """Of ``runs`` so many have ``shown`` that there is an effect, and the interval of so many
    ``covered`` the ``truth``: what the plant moves the measure by."""

    runs: int
    shown: int
    covered: int
    truth: float


def quality(effects: Sequence[ShownEffect], truth: float | None = None) -> EffectQuality:
    """How good the effects of one measure are; without ``truth`` it is taken to be their mean."""
    if truth is None:
        truth = sum(effect.value for effect in effects) / max(1, len(effects))
    return EffectQuality(
        runs=len(effects),
        shown=sum(effect.shown for effect in effects),
        covered=sum(effect.low <= truth <= effect.high for effect in effects),
        truth=truth,
    )
