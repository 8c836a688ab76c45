"""What several sections build: tables by group, plots of groups and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway import code_label
from plugins.insights.measures.values import Dimension
from plugins.insights.model import Figure
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.values import (
    CellValue,
    Column,
    IntervalPlot,
    IntervalRow,
    PlotPoint,
    ShownUnit,
    Table,
    TrendPlot,
)

MOST_ROWS = 12
"""Lines of one plot. The table has all."""
GROUPS: Mapping[Dimension, str] = {
    "channel": "Channel",
    "language": "Language",
    "intent": "Matter",
    "team": "Team",
    "brand": "Brand",
    "mood": "Mood at the beginning",
}
CHANNELS = {
    "webchat": "Web chat",
    "rest": "REST",
    "email": "E-mail",
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "slack": "Slack",
    "telegram": "Telegram",
}
LANGUAGES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French",
    "it": "Italian", "ja": "Japanese", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
    "und": "not recognised",
}  # fmt: skip


def group_label(dimension: Dimension, value: str, titles: Mapping[str, str]) -> str:
    """A value of a dimension as people read it."""
    match dimension:
        case "channel":
            return CHANNELS.get(value, value)
        case "language":
            return LANGUAGES.get(value, value)
        case "brand":
            return titles.get(value, value) or "No brand"
        case "mood":
            return value or "not read"
        case "team":
            return "Bot alone" if value == "bot" else code_label(value)
        case _:
            return "no known matter" if value in ("none", "") else code_label(value)


def grouped(
    material: ReportMaterial, dimension: Dimension, measure: str
) -> list[tuple[str, Figure]]:
    """The measure of each group, the biggest groups first, without those that have no cases."""
    groups = material.measured.by.get(dimension, {})
    order = sorted(groups, key=lambda name: -groups[name].totals.conversations)
    found = [
        (group_label(dimension, name, material.titles), groups[name].figures[measure])
        for name in order
        if measure in groups[name].figures
    ]
    return [(label, figure) for label, figure in found if figure.value is not None]


def plot_groups(
    material: ReportMaterial, dimension: Dimension, measure: str, title: str
) -> IntervalPlot | None:
    """The measure of each group, ranked; those with too few cases below, unranked. None when there
    is nothing to compare."""
    rows = grouped(material, dimension, measure)[:MOST_ROWS]
    if len(rows) < 2:
        return None
    ranked = ranked_rows(rows, highest_first=material.info(measure).better != "lower")
    return IntervalPlot(
        title=title,
        unit=material.info(measure).unit,
        rows=tuple(IntervalRow(label=label, figure=figure) for label, figure in ranked),
        reference=material.figure(measure).value,
    )


def ranked_rows(
    rows: Sequence[tuple[str, Figure]], *, highest_first: bool = True
) -> list[tuple[str, Figure]]:
    """``rows`` ranked by their figures; those with too few cases below, in the order in which they
    came."""
    enough = [row for row in rows if row[1].enough]
    enough.sort(key=lambda row: row[1].value or 0, reverse=highest_first)
    return [*enough, *(row for row in rows if not row[1].enough)]


def plot_trend(material: ReportMaterial, measure: str, title: str) -> TrendPlot | None:
    """The measure over time; None with fewer than two points."""
    points = tuple(
        PlotPoint(since=point.since, figure=point.figures[measure])
        for point in material.trend
        if measure in point.figures
    )
    if sum(point.figure.value is not None for point in points) < 2:
        return None
    return TrendPlot(title=title, unit=material.info(measure).unit, points=points)


def plot_shares(
    title: str, shares: Mapping[str, Figure], labels: Mapping[str, str] | None = None
) -> IntervalPlot | None:
    """Parts of a whole, the biggest first; None when there are none."""
    return plot_values(title, "share", shares, labels)


def plot_values(
    title: str,
    unit: ShownUnit,
    figures: Mapping[str, Figure],
    labels: Mapping[str, str] | None = None,
) -> IntervalPlot | None:
    """Figures by code, the biggest first and those with too few cases below; None when there are
    none."""
    rows = [
        IntervalRow(label=(labels or {}).get(code, code_label(code)), figure=figure)
        for code, figure in _by_size(figures)
        if figure.value is not None
    ]
    return IntervalPlot(title=title, unit=unit, rows=tuple(rows[:MOST_ROWS])) if rows else None


def some(*plots: IntervalPlot | TrendPlot | None) -> tuple[IntervalPlot | TrendPlot, ...]:
    """Those that there are."""
    return tuple(plot for plot in plots if plot is not None)


def group_table(
    material: ReportMaterial, dimension: Dimension, measures: Sequence[str], name: str, title: str
) -> Table:
    """The measures of each group, the biggest first."""
    groups = material.measured.by.get(dimension, {})
    known = [m for m in measures if m in material.infos]
    rows: list[tuple[CellValue, ...]] = [
        (
            group_label(dimension, value, material.titles),
            group.totals.conversations,
            *(group.figures.get(measure) for measure in known),
        )
        for value, group in sorted(groups.items(), key=lambda g: -g[1].totals.conversations)
    ]
    columns = (
        Column(key=dimension, label=GROUPS[dimension]),
        Column(key="conversations", label="Conversations", unit="whole"),
        *(measure_column(material, measure) for measure in known),
    )
    return Table(name=name, title=title, columns=columns, rows=tuple(rows))


def measure_column(material: ReportMaterial, measure: str) -> Column:
    info = material.info(measure)
    return Column(key=measure, label=info.title, unit=info.unit, figures=True)


def share_table(
    name: str,
    title: str,
    what: str,
    shares: Mapping[str, Figure],
    labels: Mapping[str, str] | None = None,
    *,
    ranked: bool = True,
) -> Table:
    """Parts of a whole; ``ranked``: the biggest first, those with too few cases below."""
    rows = _by_size(shares) if ranked else list(shares.items())
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="what", label=what),
            Column(key="share", label="Share", unit="share", figures=True),
        ),
        rows=tuple(((labels or {}).get(code, code_label(code)), f) for code, f in rows),
    )


def score_table(name: str, title: str, scores: Mapping[str, Figure]) -> Table:
    """The mean score of each kind of question."""
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="question", label="Question"),
            Column(key="score", label="Mean of 5", unit="score", figures=True),
        ),
        rows=tuple((kind.replace(":", ": ").replace("_", " "), f) for kind, f in scores.items()),
    )


def trend_table(material: ReportMaterial, measures: Sequence[str], name: str, title: str) -> Table:
    """The measures over time."""
    known = [m for m in measures if m in material.infos]
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="from", label="From"),
            Column(key="to", label="To"),
            *(measure_column(material, measure) for measure in known),
        ),
        rows=tuple(
            (
                point.since.isoformat(),
                point.until.isoformat(),
                *(point.figures.get(measure) for measure in known),
            )
            for point in material.trend
        ),
    )


def _by_size(figures: Mapping[str, Figure]) -> list[tuple[str, Figure]]:
    """Figures by code, ranked. Parts of one whole, of which all or none are enough, are in order
    of size either way."""
    if len({figure.n for figure in figures.values()}) < 2:
        return sorted(figures.items(), key=lambda item: -(item[1].value or 0))
    most_cases = sorted(figures.items(), key=lambda item: -item[1].n)
    return ranked_rows(most_cases)
