"""What a report is made of: measured figures, findings, decisions, and the team's load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import msgspec

from gateway import Value
from plugins.insights.measures.values import (
    EVERYTHING,
    Comparison,
    Dimension,
    Filters,
    MeasuredPeriod,
    MeasureInfo,
    TeamLoad,
    TrendPoint,
)
from plugins.insights.model import Discovery, Figure
from plugins.insights.report.values import Pilot, ReportQuery


class DecisionEffect(Value, frozen=True, kw_only=True):
    """What became of a proposal that was decided. ``decision`` says who decided what;
    ``effect`` compares afterwards with before; None while four weeks are not over, and where
    nothing is in force (not ``adopted``)."""

    proposal: str
    title: str
    decision: str
    measure: str = ""
    effect: Comparison | None = None
    adopted: bool = True


class ReportMaterial(Value, frozen=True, kw_only=True):
    """Everything that the sections need.

    ``trend`` has steps of ``step`` days, and may begin before the period. ``titles`` are the names
    of brands as people read them. ``found_since`` and ``found_until`` are the days in which
    ``findings`` were looked for, ``found_filters`` among which conversations; None when nobody has
    looked.
    """

    query: ReportQuery
    measured: MeasuredPeriod
    infos: Mapping[str, MeasureInfo]
    made_at: datetime
    timezone: str
    least: int
    trend: tuple[TrendPoint, ...] = ()
    step: int = 7
    titles: Mapping[str, str] = msgspec.field(default_factory=dict)
    findings: tuple[Discovery, ...] = ()
    found_since: date | None = None
    found_until: date | None = None
    found_filters: Filters = EVERYTHING
    findings_hidden: bool = False
    """The reader may see only some brands, and findings are of all."""
    daily: tuple[TrendPoint, ...] = ()
    """`containment` of each day of the period, for the numbers of conversations; empty when there
    are too many days."""
    contrasts: Mapping[Dimension, Mapping[str, Mapping[str, Comparison]]] = msgspec.field(
        default_factory=dict
    )
    """Each group against all others; see `MeasuresApi.contrasts`."""
    load: TeamLoad | None = None
    load_before: TeamLoad | None = None
    load_pending: bool = False
    """The load is still being added up."""
    decisions: tuple[DecisionEffect, ...] = ()
    pilots: tuple[Pilot, ...] = ()

    def info(self, name: str) -> MeasureInfo:
        """What the measure ``name`` is."""
        return self.infos[name]

    def figure(self, name: str) -> Figure:
        """The measure ``name`` of the whole period."""
        return self.measured.figures.get(name, NOTHING)


NOTHING = Figure(value=None, low=None, high=None, n=0, enough=False)


class Decisions(Protocol):
    """What past decisions on proposals did. The part that keeps proposals implements it."""

    async def effects(self, since: date, until: date) -> Sequence[DecisionEffect]:
        """The decided proposals whose effect can be told, or not yet, between these days, newest
        first."""
        ...
