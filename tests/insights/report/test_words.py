"""Numbers as people read them, and sentences that say no more than the figures do."""

from __future__ import annotations

from datetime import date

import pytest

from plugins.insights.measures.values import Comparison, MeasureInfo
from plugins.insights.model import Figure
from plugins.insights.report import telling, words
from plugins.insights.report.values import ReportQuery, ShownUnit

HEARD = Figure(value=0.78, low=0.70, high=0.84, n=120, enough=True)
BEFORE = Figure(value=0.71, low=0.62, high=0.79, n=110, enough=True)
NONE = Figure(value=None, low=None, high=None, n=0, enough=False)
HIGHER = MeasureInfo(name="share", title="Share", unit="share", better="higher")
LOWER = MeasureInfo(name="wait", title="Wait", unit="share", better="lower")
NEUTRAL = MeasureInfo(name="volume", title="Volume", unit="share")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.4, "0.4 s"),
        (42.4, "42 s"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 day"),
        (273_600, "3 days 4 h"),
        (-90, "−1 min 30 s"),
    ],
)
def test_a_duration_has_at_most_two_parts(seconds: float, shown: str) -> None:
    assert words.duration(seconds).replace(words.NARROW, " ") == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.78, "share", "78 %"),
        (0.004, "share", "0.4 %"),
        (0.0, "share", "0 %"),
        (1204, "whole", "1,204"),
        (4.26, "score", "4.3"),
        (-0.345, "steps", "−0.34"),
        (0.345, "steps", "+0.34"),
        (3.5, "minutes", "3 min 30 s"),
        (1.75, "count", "1.8"),
        (0.375, "count", "0.38"),
    ],
)
def test_a_number_in_its_unit(value: float, unit: ShownUnit, shown: str) -> None:
    assert words.number(value, unit).replace(words.NARROW, " ") == shown


def test_a_figure_shows_its_interval() -> None:
    assert words.figure(HEARD, "share").replace(words.NARROW, " ") == "78 % (70 to 84)"
    assert words.in_hundred(HEARD, "said yes") == "78 of 100 said yes (70 to 84)"
    assert words.figure(NONE, "share") == words.NONE


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        (date(2026, 10, 5), date(2026, 10, 5), "5 October 2026"),
        (date(2026, 10, 5), date(2026, 10, 11), "5 to 11 October 2026"),
        (date(2026, 9, 28), date(2026, 10, 4), "28 September to 4 October 2026"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 December 2025 to 4 January 2026"),
    ],
)
def test_a_period_says_no_more_than_it_must(since: date, until: date, shown: str) -> None:
    assert words.period(ReportQuery(since=since, until=until)) == shown


def change(difference: float, *, p: float | None, notable: bool) -> Comparison:
    return Comparison(
        figure=HEARD,
        other=BEFORE,
        difference=HEARD.replace(value=difference, low=difference - 0.1, high=difference + 0.1),
        p=p,
        notable=notable,
    )


@pytest.mark.parametrize(
    ("compared", "info", "verdict"),
    [
        (change(0.07, p=0.2, notable=False), HIGHER, "chance"),
        (change(0.07, p=0.001, notable=True), HIGHER, "better"),
        (change(0.07, p=0.001, notable=True), LOWER, "worse"),
        (change(-0.07, p=0.001, notable=True), LOWER, "better"),
        (change(0.07, p=0.001, notable=True), NEUTRAL, "changed"),
        (change(0.07, p=None, notable=False), HIGHER, "untold"),
        (None, HIGHER, "untold"),
    ],
)
def test_only_a_change_beyond_chance_is_called_better_or_worse(
    compared: Comparison | None, info: MeasureInfo, verdict: str
) -> None:
    assert telling.verdict(compared, info) == verdict


def test_a_change_is_told_with_its_interval_and_with_doubt() -> None:
    said = telling.change_sentence(
        change(0.07, p=0.2, notable=False), HIGHER, "the week before"
    ).replace(words.NARROW, " ")
    assert said == "The week before: 71 % (62 to 79). The difference may be chance."


def test_without_cases_nothing_is_told() -> None:
    assert telling.of_hundred(NONE, "said yes") == "Nobody can tell yet how many said yes."
    few = HEARD.replace(n=5, enough=False)
    assert telling.of_hundred(few, "said yes").endswith("but so few cases tell little.")


def test_groups_stand_out_only_beyond_chance() -> None:
    """The most certain first, those below apart from those above."""
    groups = {
        "sms": {"felt_heard": change(-0.2, p=0.002, notable=True)},
        "email": {"felt_heard": change(-0.3, p=0.001, notable=True)},
        "webchat": {"felt_heard": change(0.2, p=0.003, notable=True)},
        "rest": {"felt_heard": change(-0.4, p=0.2, notable=False)},
    }
    assert telling.stand_out(groups, "felt_heard") == (["email", "sms"], ["webchat"])
