"""Plots as inline SVG, drawn with leather.

leather (MIT, pure Python, 0.4 MB) was weighed against matplotlib (about 60 MB with what it needs)
and pygal (LGPL, 1.3 MB), which puts a script and a style sheet of its own into every plot: both are
forbidden by the desk's content security policy. leather draws scales and axes with presentation
attributes, which our style sheet overrides (colours, dark mode), and takes shapes of our own.

Colours are those of Okabe and Ito (2008), but nothing is told by colour alone: what rests on too
few cases is a hollow diamond, and each figure stands beside its line as a text.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import leather
from leather import theme
from leather.axis import Axis
from leather.scales import Linear, Ordinal, Scale
from leather.shapes.base import Shape
from markupsafe import Markup

from plugins.insights.model import Figure
from plugins.insights.report import words
from plugins.insights.report.values import (
    BarPlot,
    IntervalPlot,
    Plot,
    ShownUnit,
    TrendPlot,
)

theme.margin = 0.0
theme.background_color = "none"
theme.tick_font_size = 12
theme.tick_font_char_width = 6.9
theme.tick_font_char_height = 12
for _font in ("tick_font_family", "axis_title_font_family", "legend_font_family"):
    setattr(theme, _font, "inherit")

WIDE, NARROW = 680, 340
"""Widths in CSS pixels: for screens and paper, and for phones. The style sheet shows one."""
ROW = 30
LONGEST_LABEL = {WIDE: 34, NARROW: 19}
_numbers = itertools.count(1)


def plot_svg(plot: Plot) -> Markup:
    """``plot`` as inline SVG in two widths, described for those who do not see it."""
    return Markup("").join(_svg(plot, width) for width in (WIDE, NARROW))


def describe(plot: Plot) -> str:
    """What the plot shows, in words."""
    match plot:
        case IntervalPlot():
            parts = [f"{row.label}: {words.figure(row.figure, plot.unit)}" for row in plot.rows]
        case TrendPlot():
            parts = [
                f"{words.short_day(point.since)}: {words.figure(point.figure, plot.unit)}"
                for point in plot.points
            ]
        case BarPlot():
            parts = [f"{bar.label}: {words.number(bar.value, plot.unit)}" for bar in plot.bars]
    return "; ".join(parts)


def _svg(plot: Plot, width: int) -> Markup:
    match plot:
        case IntervalPlot():
            group, height = _draw_intervals(plot, width)
        case TrendPlot():
            group, height = _draw_trend(plot, width)
        case BarPlot():
            group, height = _draw_bars(plot, width)
    size = "wide" if width == WIDE else "narrow"
    number = next(_numbers)
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    root.set("class", f"plot {size}")
    root.set("viewBox", f"0 0 {width} {height}")
    root.set("aria-labelledby", f"plot{number}")
    root.set("aria-describedby", f"plot{number}d")
    title = ET.SubElement(root, "title", id=f"plot{number}")
    title.text = plot.title
    description = ET.SubElement(root, "desc", id=f"plot{number}d")
    description.text = describe(plot)
    _tidy(group)
    root.append(group)
    # ElementTree has escaped every text.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


def _tidy(group: ET.Element) -> None:
    """Round coordinates, and leave fonts and colours to the style sheet."""
    for element in group.iter():
        for name in ("font-family", "font-size", "fill", "stroke", "stroke-width"):
            if element.get(name) != "none":
                element.attrib.pop(name, None)
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "dy"):
            try:
                element.set(name, f"{float(element.attrib[name]):.1f}")
            except (KeyError, ValueError):
                continue


# -- the three kinds ------------------------------------------------------------------------------


def _draw_intervals(plot: IntervalPlot, width: int) -> tuple[ET.Element, int]:
    rows = list(reversed(plot.rows))  # leather counts upwards
    narrow = width == NARROW
    texts = [
        words.number(row.figure.value, plot.unit) if narrow and row.figure.value is not None
        else words.figure(row.figure, plot.unit)
        for row in rows
    ]  # fmt: skip
    gutter = 14 + max(len(text) for text in texts) * theme.tick_font_char_width
    labels = [_shortened(row.label, LONGEST_LABEL[width]) for row in rows]
    factor, suffix = _axis_unit(plot.unit, [row.figure for row in rows])
    keys = [str(index) for index in range(len(rows))]
    chart = leather.Chart()
    chart.set_y_scale(Ordinal(keys))
    chart.set_y_axis(Axis(ticks=keys, tick_formatter=_formatter(labels)))
    chart.set_x_scale(_scale(plot.unit, [row.figure for row in rows], factor))
    chart.set_x_axis(_number_axis(plot.unit, suffix, chart, few=narrow))
    data = [_Datum(key, row.figure, text) for row, key, text in zip(rows, keys, texts, strict=True)]
    chart.add_series(
        leather.Series(
            data, x=lambda row, _: _scaled(row.figure.value, factor), y=lambda row, _: row.at
        ),
        _Intervals(factor=factor, reference=plot.reference),
    )
    height = ROW * len(rows) + 28
    return chart.to_svg_group(width - gutter, height), height + 4


def _draw_trend(plot: TrendPlot, width: int) -> tuple[ET.Element, int]:
    figures = [point.figure for point in plot.points]
    factor, suffix = _axis_unit(plot.unit, figures)
    chart = leather.Chart()
    chart.set_x_scale(_DayScale([point.since for point in plot.points]))
    chart.set_x_axis(_day_axis([point.since for point in plot.points], width))
    chart.set_y_scale(_scale(plot.unit, figures, factor))
    chart.set_y_axis(_number_axis(plot.unit, suffix, chart, vertical=True))
    data = [_Datum(point.since, point.figure, "") for point in plot.points]
    chart.add_series(
        leather.Series(
            data, x=lambda row, _: row.at, y=lambda row, _: _scaled(row.figure.value, factor)
        ),
        _Intervals(factor=factor, upright=True),
    )
    height = 200 if width == WIDE else 180
    group = chart.to_svg_group(width - 16, height - 10)
    group.set("transform", "translate(0 8)")
    return group, height + 4


def _draw_bars(plot: BarPlot, width: int) -> tuple[ET.Element, int]:
    keys = [str(index) for index in range(len(plot.bars))]
    labels = [bar.label for bar in plot.bars]
    chart = leather.Chart()
    chart.set_x_scale(Ordinal(keys))
    step = _step(len(keys), max(map(len, labels)), width)
    chart.set_x_axis(Axis(ticks=keys[::step], tick_formatter=_formatter(labels)))
    top = max((bar.value for bar in plot.bars), default=0)
    chart.set_y_scale(Linear(0, max(top, 4)))
    chart.set_y_axis(_number_axis(plot.unit, "", chart, vertical=True))
    chart.add_columns([(key, bar.value) for key, bar in zip(keys, plot.bars, strict=True)])
    height = 160
    group = chart.to_svg_group(width - 8, height - 10)
    group.set("transform", "translate(0 8)")
    return group, height + 4


# -- scales and axes ------------------------------------------------------------------------------


class _DayScale(Scale):  # type: ignore[misc]  # leather has no types
    """Days, with half a step of room on both sides. (leather's own scale rounds its ends, and fails
    for fewer than four days.)"""

    def __init__(self, days: Sequence[date]) -> None:
        first, last = days[0].toordinal(), days[-1].toordinal()
        room = max((last - first) / (2 * len(days)), 0.5)
        self._low, self._high = first - room, last + room

    def contains(self, value: date) -> bool:
        return self._low <= value.toordinal() <= self._high

    def project(self, value: date, range_min: float, range_max: float) -> float:
        share = (value.toordinal() - self._low) / (self._high - self._low)
        return float((range_max - range_min) * share + range_min)


def _scale(unit: ShownUnit, figures: Sequence[Figure], factor: float) -> Any:
    """From zero where a part of a whole is shown; scores from 1 to 5; differences of shares as far
    to both sides of none."""
    if unit == "score":
        return _linear(1, 5)
    ends = [end for f in figures for end in (f.low, f.value, f.high) if end is not None]
    top = max(ends, default=1.0)
    if unit == "share":
        return _linear(0, next((bound for bound in (0.2, 0.4, 0.6) if top <= bound), 1.0))
    if unit == "points":
        reach = ceil(max([0.05, *map(abs, ends)]) * 20) / 20
        return _linear(-reach, reach)
    bottom = min([0.0, *ends]) if unit == "steps" else 0.0
    return _linear(bottom * factor, (top if top > bottom else bottom + 1) * factor)


@lru_cache(maxsize=256)
def _linear(low: float, high: float) -> Linear:
    """leather looks long for the best ticks, and each plot is drawn in two widths."""
    return Linear(low, high)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _axis_unit(unit: ShownUnit, figures: Sequence[Figure]) -> tuple[float, str]:
    """The factor to the unit of the axis, and its name: a wait of hours is not shown in seconds."""
    if unit not in ("seconds", "minutes"):
        return 1.0, ""
    seconds = 1 if unit == "seconds" else 60
    top = max((f.high or f.value or 0 for f in figures), default=0) * seconds
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if top >= 2 * size:
            return seconds / size, name
    return float(seconds), "s"


def _number_axis(
    unit: ShownUnit, suffix: str, chart: Any, *, few: bool = False, vertical: bool = False
) -> Axis:
    scale = chart._scales[1 if vertical else 0]  # noqa: SLF001  (leather has no getter)
    ticks = list(scale.ticks())
    if few and len(ticks) > 4:
        ticks = [ticks[0], ticks[len(ticks) // 2], ticks[-1]] if len(ticks) % 2 else ticks[::2]

    def label(value: Any, *_: int) -> str:
        if suffix:
            text = f"{float(value):g}"
            return f"{text}{words.NARROW}{suffix}"
        if unit == "points":
            return words.bound(float(value), unit)
        return words.percent(float(value)) if unit == "share" else f"{float(value):,g}"

    return Axis(ticks=ticks, tick_formatter=label)


def _day_axis(days: Sequence[date], width: int) -> Axis:
    step = _step(len(days), 6, width)
    return Axis(ticks=list(days[::step]), tick_formatter=lambda day, *_: words.short_day(day))


def _formatter(labels: Sequence[str]) -> Callable[..., str]:
    return lambda key, *_: labels[int(key)]


def _step(labels: int, longest: int, width: int) -> int:
    """Every how many labels one fits."""
    room = max(1, int((width - 60) / ((longest + 2) * theme.tick_font_char_width)))
    return -(-labels // room)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# -- the shape ------------------------------------------------------------------------------------


class _Datum(NamedTuple):
    """One mark: its place on the axis that is not the figures', and the text beside it."""

    at: str | date
    figure: Figure
    text: str


class _Intervals(Shape):  # type: ignore[misc]  # leather has no types
    """A mark at each value, and a line from its lower to its upper end."""

    def __init__(
        self, *, factor: float, reference: float | None = None, upright: bool = False
    ) -> None:
        self._factor, self._reference, self._upright = factor, reference, upright

    def validate_series(self, series: Any) -> None:
        """Any series of ours will do."""

    def to_svg(
        self, width: Any, height: Any, x_scale: Any, y_scale: Any, series: Any, _palette: Any
    ) -> ET.Element:
        """Draw the series; see `leather.shapes.base.Shape`."""
        group = ET.Element("g")
        group.set("class", "intervals")
        place: Callable[[float], float] = (
            (lambda v: float(y_scale.project(v * self._factor, height, 0)))
            if self._upright
            else (lambda v: float(x_scale.project(v * self._factor, 0, width)))
        )
        if self._reference is not None and not self._upright:
            at = place(self._reference)
            group.append(_line(at, 0, at, float(height), "reference"))
        path: list[str] = []
        for datum in series.data():
            figure, text = datum.row.figure, datum.row.text
            across = (
                float(x_scale.project(datum.x, 0, width))
                if self._upright
                else float(y_scale.project(datum.y, height, 0))
            )
            row = ET.SubElement(group, "g")
            row.set("class", "few" if not figure.enough else "enough")
            if figure.value is not None:
                self._mark(row, figure, across, place)
                if figure.enough:
                    path.append(f"{across:.1f} {place(figure.value):.1f}")
            if text:
                label = ET.SubElement(row, "text", x=str(float(width) + 12), y=str(across))
                label.set("class", "value")
                label.set("dy", "0.32em")
                label.text = text
        if self._upright and len(path) > 1:
            line = ET.Element("path", d="M" + " L".join(path), fill="none")
            line.set("class", "through")
            group.insert(0, line)
        return group

    def _mark(
        self, row: ET.Element, figure: Figure, across: float, place: Callable[[float], float]
    ) -> None:
        if figure.low is not None and figure.high is not None:
            low, high = place(figure.low), place(figure.high)
            for ends in ((low, 0.0, high, 0.0), (low, -4.0, low, 4.0), (high, -4.0, high, 4.0)):
                row.append(self._segment(*ends, across))
        assert figure.value is not None  # noqa: S101
        x, y = place(figure.value), across
        if self._upright:
            x, y = y, x
        if figure.enough:
            ET.SubElement(row, "circle", cx=str(x), cy=str(y), r="4.5")
        else:
            corners = ((x, y - 5.5), (x + 5.5, y), (x, y + 5.5), (x - 5.5, y))
            points = " ".join(f"{across:.1f},{down:.1f}" for across, down in corners)
            ET.SubElement(row, "polygon", points=points)

    def _segment(self, a: float, da: float, b: float, db: float, across: float) -> ET.Element:
        """From ``a`` to ``b`` along the axis of the figures, ``da`` and ``db`` beside the row."""
        if self._upright:
            return _line(across + da, a, across + db, b, "whisker")
        return _line(a, across + da, b, across + db, "whisker")


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> ET.Element:
    line = ET.Element("line", x1=str(x1), y1=str(y1), x2=str(x2), y2=str(y2))
    line.set("class", name)
    return line
