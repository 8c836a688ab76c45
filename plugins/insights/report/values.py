"""A report as values: sections, plots and tables, before it becomes a page, JSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from gateway import Value
from plugins.insights.measures.values import EVERYTHING, Filters, MeasuredPeriod, PilotMeasure
from plugins.insights.model import Discovery, Figure

ShownUnit = Literal["share", "seconds", "minutes", "score", "steps", "count", "whole", "points"]
"""How a number is shown: the units of measures, ``whole`` for things that are counted, and
``points`` for the difference of two shares."""


class ReportQuery(Value, frozen=True, kw_only=True):
    """What a report is of: the conversations that began on the days from ``since`` to ``until``,
    both included."""

    since: date
    until: date
    filters: Filters = EVERYTHING

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def before(self) -> ReportQuery:
        """The same for as many days just before."""
        until = self.since - timedelta(days=1)
        return self.replace(since=until - timedelta(days=self.days - 1), until=until)


class Column(Value, frozen=True, kw_only=True):
    """A table's column. ``unit`` None: text. A column of figures becomes five columns of a CSV
    file: the value, both ends of its interval, n, and whether they are enough."""

    key: str
    label: str
    unit: ShownUnit | None = None
    figures: bool = False


CellValue = Figure | str | int | float | None


class Table(Value, frozen=True, kw_only=True):
    """One table. ``name`` is that of its CSV file, unique within a report."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[CellValue, ...], ...] = ()


class IntervalRow(Value, frozen=True, kw_only=True):
    """One line of an `IntervalPlot`."""

    label: str
    figure: Figure


class IntervalPlot(Value, frozen=True, kw_only=True, tag="intervals"):
    """Figures one below another, each with its interval."""

    title: str
    unit: ShownUnit
    rows: tuple[IntervalRow, ...]
    reference: float | None = None
    """The value of all together, drawn as a line."""


class PlotPoint(Value, frozen=True, kw_only=True):
    """The figure of the days from ``since`` on."""

    since: date
    figure: Figure


class TrendPlot(Value, frozen=True, kw_only=True, tag="trend"):
    """One figure over time, each point with its interval."""

    title: str
    unit: ShownUnit
    points: tuple[PlotPoint, ...]


class Bar(Value, frozen=True, kw_only=True):
    """One column of a `BarPlot`."""

    label: str
    value: float


class BarPlot(Value, frozen=True, kw_only=True, tag="bars"):
    """Counts side by side. They are counted, not estimated, so they have no interval."""

    title: str
    unit: ShownUnit
    bars: tuple[Bar, ...]


Plot = IntervalPlot | TrendPlot | BarPlot


class Headline(Value, frozen=True, kw_only=True):
    """One of the figures that open the report. ``verdict`` is about the change: ``chance`` says
    that it may be chance, ``untold`` that there are too few cases to compare."""

    measure: str
    label: str
    unit: ShownUnit
    figure: Figure
    verdict: Literal["better", "worse", "changed", "chance", "untold"]
    sentence: str


class Section(Value, frozen=True, kw_only=True):
    """One part of the report: a question, its answer in a sentence, and what the answer rests on.

    Each of ``plots`` shows what one of ``tables`` says in numbers.
    """

    id: str
    title: str
    question: str
    answer: str
    notes: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    findings: tuple[Discovery, ...] = ()


class Pilot(Value, frozen=True, kw_only=True):
    """A pilot against the rest, by measure: the conversations that ``filters`` choose, of the days
    from ``since`` to ``until``, and of those from ``before_since`` to ``before_until``; None: it is
    not compared with days before it."""

    title: str
    since: date
    until: date
    filters: Filters = EVERYTHING
    before_since: date | None = None
    before_until: date | None = None
    measures: Mapping[str, PilotMeasure] = msgspec.field(default_factory=dict)


class Report(Value, frozen=True, kw_only=True):
    """A whole report. ``opening`` says the most important of it in a few sentences."""

    query: ReportQuery
    scope: str
    made_at: datetime
    timezone: str
    least: int
    """Below so many cases a figure is grey and is not compared."""
    measured: MeasuredPeriod
    opening: str
    headlines: tuple[Headline, ...] = ()
    sections: tuple[Section, ...] = ()
    findings: tuple[Discovery, ...] = ()
    found_until: date | None = None
    """The last day that findings were looked for in; None: nobody has looked."""
    trend: Mapping[str, tuple[PlotPoint, ...]] = msgspec.field(default_factory=dict)
    pilots: tuple[Pilot, ...] = ()

    def tables(self) -> dict[str, Table]:
        """All tables by name."""
        return {table.name: table for section in self.sections for table in section.tables}
