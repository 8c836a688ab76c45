"""Composes a report from what it is made of: a pure function."""

from __future__ import annotations

from collections.abc import Callable

from plugins.insights.measures.values import DIMENSIONS
from plugins.insights.report import words
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.sections import changes, people, service
from plugins.insights.report.sections.common import group_label
from plugins.insights.report.values import PlotPoint, Report, Section

SECTIONS: tuple[Callable[[ReportMaterial], Section | None], ...] = (
    changes.what_changed,
    changes.what_hurt,
    changes.what_nobody_could_answer,
    changes.what_to_do,
    service.volume,
    service.speed,
    service.containment,
    people.felt_heard,
    people.mood,
    people.repeats,
    people.handover,
    people.suggestions,
    people.voice,
    people.load,
    service.cost,
    service.pilots,
)
"""In the order of the report."""


def compose(material: ReportMaterial) -> Report:
    """The report on ``material``."""
    sections = (
        [make(material) for make in SECTIONS] if material.measured.totals.conversations else []
    )
    names = dict.fromkeys(name for point in material.trend for name in point.figures)
    return Report(
        query=material.query,
        scope=scope(material),
        made_at=material.made_at,
        timezone=material.timezone,
        least=material.least,
        measured=material.measured,
        opening=changes.opening(material),
        headlines=changes.headlines(material) if sections else (),
        sections=tuple(section for section in sections if section is not None),
        findings=material.findings,
        found_until=material.found_until,
        trend={
            name: tuple(
                PlotPoint(since=point.since, figure=point.figures[name])
                for point in material.trend
                if name in point.figures
            )
            for name in names
        },
        pilots=material.pilots,
    )


def scope(material: ReportMaterial) -> str:
    """Which conversations the report is of, in words."""
    filters = material.query.filters
    parts = [
        words.listed([group_label(dimension, value, material.titles) for value in values])
        for dimension in DIMENSIONS
        if (values := getattr(filters, dimension))
    ]
    return " · ".join(["Report", *parts]) if parts else "Report on all conversations"
