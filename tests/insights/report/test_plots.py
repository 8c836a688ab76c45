"""Plots: readable without colour, described in words, and allowed by the desk's policy."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import date, timedelta

import pytest

from plugins.insights.model import Figure
from plugins.insights.report import words
from plugins.insights.report.plots import describe, plot_svg
from plugins.insights.report.values import (
    Bar,
    BarPlot,
    IntervalPlot,
    IntervalRow,
    Plot,
    PlotPoint,
    TrendPlot,
)

SVG = "{http://www.w3.org/2000/svg}"
SURE = Figure(value=0.6, low=0.5, high=0.7, n=90, enough=True)
FEW = Figure(value=0.4, low=0.1, high=0.8, n=6, enough=False)
BARE = Figure(value=0.4, low=None, high=None, n=1, enough=False)
EMPTY = Figure(value=None, low=None, high=None, n=0, enough=False)
INTERVALS = IntervalPlot(
    title="Felt heard, by <channel>",
    unit="share",
    rows=(
        IntervalRow(label="Web & chat", figure=SURE),
        IntervalRow(label="A channel with a name that is far too long for a plot", figure=FEW),
        IntervalRow(label="SMS", figure=BARE),
    ),
    reference=0.55,
)
TREND = TrendPlot(
    title="Felt heard, week by week",
    unit="share",
    points=tuple(
        PlotPoint(since=date(2026, 3, 2) + timedelta(weeks=n), figure=figure)
        for n, figure in enumerate((SURE, EMPTY, FEW, SURE, SURE))
    ),
)
BARS = BarPlot(
    title="By hour", unit="whole", bars=tuple(Bar(label=str(n), value=n % 7) for n in range(24))
)
PLOTS: tuple[Plot, ...] = (INTERVALS, TREND, BARS)


def drawn(plot: Plot) -> list[ET.Element]:
    return list(ET.fromstring(f"<p>{plot_svg(plot)}</p>"))  # noqa: S314  (our own)


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)
def test_a_plot_is_named_and_described(plot: Plot) -> None:
    """For people who hear it: the same that others see, in words."""
    for svg in drawn(plot):
        title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
        assert svg.get("role") == "img"
        assert title is not None
        assert description is not None
        assert (title.text, description.text) == (plot.title, describe(plot))
        assert svg.get("aria-labelledby") == title.get("id")
        assert svg.get("aria-describedby") == description.get("id")


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)
def test_the_policy_of_the_desk_allows_it(plot: Plot) -> None:
    """No style attributes, no style sheets, no scripts, no links; every id once."""
    ids: Counter[str] = Counter()
    for svg in drawn(plot):
        for element in svg.iter():
            assert element.tag.removeprefix(SVG) in {
                "svg", "title", "desc", "g", "rect", "line", "text", "path", "circle", "polygon",
            }  # fmt: skip
            assert not {"style", "href", "onload"} & set(element.attrib)
            ids.update([element.get("id", "")])
    del ids[""]
    assert max(ids.values()) == 1


def test_few_cases_differ_by_shape_and_not_by_colour_alone() -> None:
    """A circle where there are enough, a hollow diamond where there are not."""
    wide = drawn(INTERVALS)[0]
    rows = [g for g in wide.iter(f"{SVG}g") if g.get("class") in {"enough", "few"}]
    shapes = {
        (row.get("class"), shape.tag.removeprefix(SVG))
        for row in rows
        for shape in row
        if shape.tag.removeprefix(SVG) in {"circle", "polygon"}
    }
    assert shapes == {("enough", "circle"), ("few", "polygon")}


def test_each_figure_stands_beside_its_interval() -> None:
    """So that no one has to guess a value from an axis."""
    texts = [text.text for text in drawn(INTERVALS)[0].iter(f"{SVG}text")]
    assert words.figure(SURE, "share") in texts
    assert "Web & chat" in texts
    assert any(text and text.endswith("…") for text in texts)


def test_an_interval_reaches_from_its_lower_to_its_upper_end() -> None:
    """In the scale of the axis: 50 % to 70 % of a scale from 0 to 100 %."""
    wide = drawn(INTERVALS)[0]
    (row,) = [g for g in wide.iter(f"{SVG}g") if g.get("class") == "enough"]
    whisker, circle = row.find(f"{SVG}line"), row.find(f"{SVG}circle")
    assert whisker is not None
    assert circle is not None
    low, high = float(whisker.attrib["x1"]), float(whisker.attrib["x2"])
    middle = float(circle.attrib["cx"])
    assert (middle - low) / (high - low) == pytest.approx(0.5, abs=0.01)
    assert low / middle == pytest.approx(5 / 6, abs=0.01)


def test_a_step_without_cases_is_a_gap() -> None:
    """And what rests on few cases is not joined by the line."""
    wide = drawn(TREND)[0]
    marks = [e.tag.removeprefix(SVG) for e in wide.iter() if e.tag.endswith(("circle", "polygon"))]
    assert Counter(marks) == {"circle": 3, "polygon": 1}


@pytest.mark.parametrize("days", [1, 2, 400])
def test_a_trend_of_any_length_is_drawn(days: int) -> None:
    points = tuple(
        PlotPoint(since=date(2025, 1, 1) + timedelta(days=n), figure=SURE) for n in range(days)
    )
    texts = [t.text for t in drawn(TREND.replace(points=points))[0].iter(f"{SVG}text")]
    assert "1 Jan" in texts
    assert len(texts) < 30


def test_long_waits_are_shown_in_hours() -> None:
    hours = Figure(value=9_000.0, low=3_600.0, high=20_000.0, n=90, enough=True)
    plot = IntervalPlot(
        title="Wait", unit="seconds", rows=(IntervalRow(label="a", figure=hours),) * 2
    )
    texts = "".join(t.text or "" for t in drawn(plot)[0].iter(f"{SVG}text"))
    assert f"{words.NARROW}h" in texts
