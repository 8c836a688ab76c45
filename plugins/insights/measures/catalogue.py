"""Every measure: what it counts in a tally, and how its figure is computed. Pure.

The definitions in words, with sources and known biases, are in ``docs/measures.md``; a test holds
the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from gateway import Value
from plugins.insights.measures import statistics
from plugins.insights.measures.observe import WINDOWS
from plugins.insights.measures.tally import Tally, duration_in
from plugins.insights.measures.values import Comparison, MeasureInfo, PilotMeasure, Unit
from plugins.insights.model import Figure


class Rate(Value, frozen=True, kw_only=True):
    """The share of one ``value`` among all that is counted under ``name``."""

    name: str
    value: int = 1

    def figure(self, tally: Tally, least: int) -> Figure:
        return statistics.rate(*self._counts(tally), least)

    def difference(self, tally: Tally, other: Tally, least: int) -> tuple[Figure, float]:
        (yes, number), (other_yes, other_number) = self._counts(tally), self._counts(other)
        both = (yes, other_yes), (number, other_number)
        return statistics.rate_difference(*both, least), statistics.p_of_rates(*both)

    def _counts(self, tally: Tally) -> tuple[int, int]:
        return tally.times(self.name, self.value), tally.number(self.name)


class Quantile(Value, frozen=True, kw_only=True):
    """The quantile ``share`` of the durations under ``name``."""

    name: str
    share: float

    def figure(self, tally: Tally, least: int) -> Figure:
        return statistics.quantile(tally.of_name(self.name), self.share, least)

    def difference(self, tally: Tally, other: Tally, least: int) -> tuple[Figure, float]:
        one, two = tally.of_name(self.name), other.of_name(self.name)
        return (
            statistics.quantile_difference(one, two, self.share, least),
            statistics.p_of_quantiles(one, two, self.share),
        )


class Mean(Value, frozen=True, kw_only=True):
    """The mean of the values under ``name``, each as what ``scale`` makes of it."""

    name: str
    scale: Callable[[int], float] = float

    def figure(self, tally: Tally, least: int) -> Figure:
        return statistics.mean(tally.of_name(self.name), least, scale=self.scale)

    def difference(self, tally: Tally, other: Tally, least: int) -> tuple[Figure, float]:
        one, two = tally.of_name(self.name), other.of_name(self.name)
        return (
            statistics.mean_difference(one, two, least, scale=self.scale),
            statistics.p_of_means(one, two, scale=self.scale),
        )


class Measure(Value, frozen=True, kw_only=True):
    """A measure and how it is computed."""

    info: MeasureInfo
    how: Rate | Quantile | Mean

    def figure(self, tally: Tally, least: int) -> Figure:
        """The figure of ``tally``; below ``least`` cases it is not enough."""
        return self.how.figure(tally, least)


def _minutes(tenths: int) -> float:
    return tenths / 10


def _measure(
    name: str,
    title: str,
    unit: Unit,
    how: Rate | Quantile | Mean,
    better: Literal["higher", "lower"] | None = None,
) -> Measure:
    info = MeasureInfo(
        name=name, title=title, unit=unit, better=better, window=WINDOWS.get(how.name, 0)
    )
    return Measure(info=info, how=how)


def _durations(
    name: str, title: str, counted: str, better: Literal["lower"] = "lower"
) -> Iterable[Measure]:
    yield _measure(name, title, "seconds", Quantile(name=counted, share=0.5), better)
    slow = Quantile(name=counted, share=0.9)
    yield _measure(f"{name}_p90", f"{title}, 9 of 10", "seconds", slow, better)


def _all() -> Iterable[Measure]:
    yield _measure("containment", "Contained by the bot", "share", Rate(name="contained"))
    yield _measure(
        "containment_honest",
        "Contained, not back, not rated low",
        "share",
        Rate(name="honest"),
        "higher",
    )
    yield from _durations("seconds_to_person", "Time to a person", "to_person")
    yield from _durations(
        "seconds_to_person_upset", "Time to a person, upset at the beginning", "to_person_upset"
    )
    yield _measure("reached", "Hand-overs that a person claimed", "share", Rate(name="reached"))
    yield _measure("late_claims", "Not claimed in time", "share", Rate(name="late"), "lower")
    yield from _durations("first_answer_seconds", "Time to the first answer", "first_answer")
    yield from _durations("resolution_seconds", "Time to the resolution", "resolution")
    yield _measure("csat", "Satisfaction", "score", Mean(name="score:csat"), "higher")
    yield _measure("ces", "Ease", "score", Mean(name="score:ces"), "higher")
    yield _measure("felt_heard", "Felt heard", "score", Mean(name="score:felt_heard"), "higher")
    yield _measure("response_rate", "Surveys answered", "share", Rate(name="response"))
    yield _measure(
        "mood_change", "Mood, from first to last", "steps", Mean(name="mood_change"), "higher"
    )
    yield _measure(
        "mood_change_next",
        "Mood, until the next contact",
        "steps",
        Mean(name="mood_next"),
        "higher",
    )
    yield _measure(
        "repeat_contact_7d", "Back within 7 days", "share", Rate(name="back_7d"), "lower"
    )
    yield _measure(
        "repeat_contact_30d", "Back within 30 days", "share", Rate(name="back_30d"), "lower"
    )
    yield _measure(
        "first_contact_resolution",
        "Solved at the first contact",
        "share",
        Rate(name="first_contact"),
        "higher",
    )
    yield _measure(
        "repeated_themselves", "Had to tell it again", "share", Rate(name="told_again"), "lower"
    )
    yield _measure("human_moment", "Human moments", "share", Rate(name="human_moment"))
    for value, outcome in enumerate(("sent", "edited", "ignored")):
        title = f"Suggestions {outcome}"
        yield _measure(
            f"suggestion_{outcome}", title, "share", Rate(name="suggestion", value=value)
        )
    yield _measure("voice_hits", "Texts changed by the voice", "count", Mean(name="voice_hits"))
    yield _measure(
        "agent_minutes",
        "Agent minutes of a conversation",
        "minutes",
        Mean(name="agent_minutes", scale=_minutes),
    )
    yield _measure(
        "agent_minutes_per_resolution",
        "Agent minutes of a resolution",
        "minutes",
        Mean(name="minutes_per_resolution", scale=_minutes),
        "lower",
    )
    yield _measure("sms_segments", "SMS segments of a resolution", "count", Mean(name="segments"))
    yield _measure(
        "tokens",
        "Tokens of a resolution",
        "count",
        Mean(name="tokens_per_resolution", scale=duration_in),
    )


MEASURES: Mapping[str, Measure] = {measure.info.name: measure for measure in _all()}
"""All measures by name: the contract's, and further ones."""


def figures(tally: Tally, least: int, names: Iterable[str] = MEASURES) -> Mapping[str, Figure]:
    """The measures ``names`` of ``tally``."""
    return {name: MEASURES[name].figure(tally, least) for name in names}


def shares(tally: Tally, least: int) -> Mapping[str, Mapping[str, Figure]]:
    """The parts of a whole, as `MeasuredPeriod.shares` has them."""
    conversations = tally.number("conversations")
    of_hours = tally.of_name("conversations")
    handovers = tally.number("late")
    found: dict[str, dict[str, Figure]] = {
        "hour": {
            f"{hour:02}": statistics.rate(of_hours.get(hour, 0), conversations, least)
            for hour in range(24)
        },
        "reason": {
            code: statistics.rate(tally.number(f"reason:{code}"), handovers, least)
            for code in tally.names("reason:")
        },
        "response_rate_by_mood": _rates(tally, "response:", least),
        "edited_by_experience": _rates(tally, "edited:", least),
        "edit": _edits(tally, "edit:", least),
    }
    for source in tally.names("suggestion:"):
        of_source = f"suggestion:{source}"
        found[of_source] = {
            outcome: Rate(name=of_source, value=value).figure(tally, least)
            for value, outcome in enumerate(("sent", "edited", "ignored"))
        }
        found[f"edit:{source}"] = _edits(tally, f"edit_of:{source}:", least)
    return found


def scores(tally: Tally, least: int) -> Mapping[str, Figure]:
    """The mean score of each kind of survey question."""
    return {kind: Mean(name=f"score:{kind}").figure(tally, least) for kind in tally.names("score:")}


def pending(tally: Tally) -> Mapping[str, int]:
    """How many cases cannot count in a measure yet."""
    return {
        name: tally.number(f"pending:{measure.how.name}")
        for name, measure in MEASURES.items()
        if measure.info.window
    }


def compare(
    tally: Tally, other: Tally, least: int, names: Iterable[str] = MEASURES
) -> Mapping[str, Comparison]:
    """The measures ``names`` of two tallies, against one another. What is notable among them, see
    `with_notable`, is not said yet."""
    found: dict[str, Comparison] = {}
    for name in names:
        measure = MEASURES[name]
        figure, against = measure.figure(tally, least), measure.figure(other, least)
        if not (figure.n and against.n):
            found[name] = Comparison(figure=figure, other=against, difference=statistics.nothing())
            continue
        difference, p = measure.how.difference(tally, other, least)
        enough = figure.enough and against.enough
        found[name] = Comparison(
            figure=figure, other=against, difference=difference, p=p if enough else None
        )
    return found


def pilot(
    now: tuple[Tally, Tally], before: tuple[Tally, Tally] | None, least: int
) -> Mapping[str, PilotMeasure]:
    """A pilot against the rest (two tallies), now and before. See `PilotMeasure`."""
    differences = with_notable({"": compare(*now, least)})[""]
    if before is None:
        return {name: PilotMeasure(now=found) for name, found in differences.items()}
    earlier = with_notable({"": compare(*before, least)})[""]
    effects = with_notable({"": _effects(differences, earlier)})[""]
    return {
        name: PilotMeasure(
            now=found,
            before=earlier[name] if name in effects else None,
            effect=effects.get(name),
        )
        for name, found in differences.items()
    }


def _effects(
    now: Mapping[str, Comparison], before: Mapping[str, Comparison]
) -> Mapping[str, Comparison]:
    """How much more two groups differ now than before, by measure; not where a group had no case
    at one of both times."""
    found: dict[str, Comparison] = {}
    for name, comparison in now.items():
        one, other = comparison.difference, before[name].difference
        if one.value is None or other.value is None:
            continue
        difference = statistics.difference_of_differences(one, other)
        p = statistics.p_of_interval(difference) if difference.enough else None
        found[name] = Comparison(figure=one, other=other, difference=difference, p=p)
    return found


def with_notable(
    groups: Mapping[str, Mapping[str, Comparison]],
) -> Mapping[str, Mapping[str, Comparison]]:
    """Comparisons by group and measure; those that stand when all with enough cases are tested
    together are `Comparison.notable`."""
    tested = {
        (group, name): comparison.p
        for group, comparisons in groups.items()
        for name, comparison in comparisons.items()
        if comparison.p is not None
    }
    stands = dict(zip(tested, statistics.notable(list(tested.values())), strict=True))
    return {
        group: {
            name: comparison.replace(notable=stands.get((group, name), False))
            for name, comparison in comparisons.items()
        }
        for group, comparisons in groups.items()
    }


def _rates(tally: Tally, prefix: str, least: int) -> dict[str, Figure]:
    return {value: Rate(name=prefix + value).figure(tally, least) for value in tally.names(prefix)}


def _edits(tally: Tally, prefix: str, least: int) -> dict[str, Figure]:
    numbers = {kind: tally.number(prefix + kind) for kind in tally.names(prefix)}
    whole = sum(numbers.values())
    return {kind: statistics.rate(number, whole, least) for kind, number in numbers.items()}
