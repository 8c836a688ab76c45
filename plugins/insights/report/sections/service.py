"""How much there was, how fast we were, and how much the bot could do alone."""

from __future__ import annotations

from gateway import reason_label
from plugins.insights.measures.values import Dimension, PilotMeasure
from plugins.insights.report import telling, words
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.sections.common import (
    GROUPS,
    MOST_ROWS,
    group_label,
    group_table,
    plot_groups,
    plot_shares,
    plot_trend,
    share_table,
    some,
    trend_table,
)
from plugins.insights.report.values import (
    Bar,
    BarPlot,
    Column,
    IntervalPlot,
    IntervalRow,
    Pilot,
    Plot,
    ReportQuery,
    Section,
    Table,
)

WAITS = ("seconds_to_person", "seconds_to_person_p90")
UPSET_WAITS = ("seconds_to_person_upset", "seconds_to_person_upset_p90")


def volume(material: ReportMaterial) -> Section:
    """How much there was, where and when."""
    measured = material.measured
    answer = (
        f"{words.plural(measured.totals.conversations, 'conversation')} began, with "
        f"{words.plural(measured.totals.messages, 'message')}"
    )
    channels = measured.by.get("channel", {})
    if channels:
        top = max(channels, key=lambda name: channels[name].totals.conversations)
        label = group_label("channel", top, material.titles)
        answer += f"; {words.in_hundred(channels[top].share)} came by {label}"
    busiest = max(measured.shares.get("hour", {}).items(), key=_share, default=None)
    if busiest is not None and busiest[1].enough:
        hour = int(busiest[0])
        answer += f". The busiest hour is {hour}:00 to {hour + 1}:00"
    plots: list[Plot] = []
    points = [(point.since, point.figures.get("containment")) for point in material.daily]
    counted = [(since, figure.n) for since, figure in points if figure is not None]
    if len(counted) > 1:
        plots.append(
            BarPlot(
                title="Conversations day by day",
                unit="whole",
                bars=tuple(Bar(label=words.short_day(since), value=n) for since, n in counted),
            )
        )
    hours = measured.shares.get("hour", {})
    if any(figure.value for figure in hours.values()):
        totals = measured.totals.conversations
        by_hour = {int(hour): figure.value or 0 for hour, figure in hours.items()}
        plots.append(
            BarPlot(
                title="Conversations by the hour in which they began",
                unit="whole",
                bars=tuple(
                    Bar(label=f"{hour}", value=round(by_hour.get(hour, 0) * totals))
                    for hour in range(24)
                ),
            )
        )
    measures = ("felt_heard", "containment_honest", "seconds_to_person")
    dimensions: tuple[Dimension, ...] = ("channel", "language", "brand", "team")
    tables = [
        group_table(material, d, measures, f"by-{d}", f"By {GROUPS[d].lower()}")
        for d in dimensions
        if len(measured.by.get(d, {})) > (1 if d == "brand" else 0)
    ]
    labels = {hour: f"{int(hour):02}:00" for hour in hours}
    ordered = dict(sorted(hours.items(), key=lambda item: int(item[0])))
    tables.append(share_table("hours", "By hour", "Hour", ordered, labels, ranked=False))
    return Section(
        id="volume",
        title="Volume",
        question="How much was there, and when?",
        answer=f"{answer}.",
        plots=tuple(plots),
        tables=tuple(tables),
    )


def speed(material: ReportMaterial) -> Section:
    """How long people waited, by mood at the beginning."""
    wait, upset = material.figure("seconds_to_person"), material.figure("seconds_to_person_upset")
    if wait.value is None:
        answer = "Nobody who was handed over has got a person yet, so nothing can be told."
    else:
        answer = (
            f"Half of those who got a person had one within {words.figure(wait, 'seconds')}"
            f"{telling.few(wait)}"
        )
        if upset.value is not None:
            answer += (
                f"; of those who were upset, within {words.figure(upset, 'seconds')}"
                f"{telling.few(upset)}"
            )
            if telling.apart(wait, upset):
                answer += ". Upset people wait longer"
            elif telling.apart(upset, wait):
                answer += ". Upset people are served first, as they should be"
        answer += "."
    first = material.figure("first_answer_seconds")
    if first.value is not None:
        answer += (
            " Half of those who were answered had a first answer, by the bot or a person, within "
            f"{words.figure(first, 'seconds')}{telling.few(first)}."
        )
    measures = (
        *WAITS, *UPSET_WAITS, "first_answer_seconds", "first_answer_seconds_p90",
        "resolution_seconds", "resolution_seconds_p90",
    )  # fmt: skip
    return Section(
        id="speed",
        title="Speed",
        question="How long did people wait?",
        answer=answer,
        plots=some(
            plot_trend(material, "seconds_to_person", f"Time to a person {_steps(material.step)}"),
            plot_groups(
                material, "mood", "seconds_to_person", "Time to a person, by mood at the beginning"
            ),
        ),
        tables=(
            group_table(material, "mood", measures, "speed-by-mood", "Speed, by mood"),
            group_table(material, "channel", measures, "speed-by-channel", "Speed, by channel"),
        ),
        notes=(
            (
                "These are medians: half of the people waited less. Who still waits for a person "
                "or an answer is not in them."
            ),
        ),
    )


def containment(material: ReportMaterial) -> Section:
    """How much the bot did alone, and how much of that was real help."""
    plain, honest = material.figure("containment"), material.figure("containment_honest")
    answer = telling.of_hundred(plain, "were answered by the bot alone")
    if honest.value is not None and plain.value is not None:
        answer += (
            f" Counted honestly, without those who came back about the same matter within 7 days "
            f"or were unhappy, it is {words.in_hundred(honest)}{telling.few(honest)}."
        )
    pending = material.measured.pending.get("containment_honest", 0)
    if honest.value is None and pending:
        answer += " Whether it really helped cannot be known before 7 days are over."
    notes = []
    if pending:
        notes.append(
            f"{words.plural(pending, 'conversation')} of these days cannot count in the honest "
            "figure yet: their customers may still come back."
        )
    reasons = material.measured.shares.get("reason", {})
    labels = {code: reason_label(code) for code in reasons}
    if reasons:
        top, share = max(reasons.items(), key=_share)
        if share.enough:
            answer += f" The most frequent reason to hand over: “{labels[top]}”."
    measures = ("containment", "containment_honest", "repeat_contact_7d")
    return Section(
        id="containment",
        title="Containment",
        question="How many did the bot help alone, and did it really help?",
        answer=answer,
        plots=some(
            plot_trend(
                material, "containment_honest", f"Honest containment {_steps(material.step)}"
            ),
            plot_groups(material, "intent", "containment_honest", "Honest containment, by matter"),
            plot_shares("Why conversations were handed over", reasons, labels),
        ),
        tables=(
            group_table(
                material, "intent", measures, "containment-by-intent", "Containment, by matter"
            ),
            share_table("reasons", "Reasons to hand over", "Reason", reasons, labels),
            trend_table(material, measures, "containment-trend", "Containment over time"),
        ),
        notes=tuple(notes),
    )


def cost(material: ReportMaterial) -> Section:
    """Agents' minutes, SMS segments and tokens for each conversation that was resolved."""
    minutes = material.figure("agent_minutes_per_resolution")
    segments = material.figure("sms_segments")
    tokens = material.figure("tokens")
    if minutes.value is None:
        answer = "No conversation has been resolved, so the work cannot be told."
    else:
        answer = (
            "A conversation that a person resolved or the bot answered alone took "
            f"{words.figure(minutes, 'minutes')} of agents' time on average{telling.few(minutes)}."
        )
        if segments.value:
            answer += (
                f" One by SMS took {words.figure(segments, 'count')} segments"
                f"{telling.few(segments)}."
            )
        if tokens.value:
            answer += (
                f" Language models took {words.figure(tokens, 'count')} tokens"
                f"{telling.few(tokens)}."
            )
    names = ("agent_minutes_per_resolution", "agent_minutes", "sms_segments", "tokens")
    return Section(
        id="cost",
        title="Cost",
        question="What did a resolved conversation cost us?",
        answer=answer,
        plots=some(
            plot_groups(
                material, "intent", "agent_minutes_per_resolution", "Agents' time, by matter"
            )
        ),
        tables=(group_table(material, "intent", names, "cost-by-intent", "Cost, by matter"),),
    )


def pilots(material: ReportMaterial) -> Section | None:
    """Pilots against the rest; None without one."""
    if not material.pilots:
        return None
    return Section(
        id="pilots",
        title="Pilots",
        question="Do the pilots do better than the rest?",
        answer=f"{'. '.join(_pilot_sentence(material, pilot) for pilot in material.pilots)}.",
        plots=some(*(_pilot_plot(material, pilot) for pilot in material.pilots)),
        tables=tuple(_pilot_table(material, *one) for one in enumerate(material.pilots, 1)),
        notes=(
            *(_pilot_days(pilot) for pilot in material.pilots),
            (
                "An effect is how much more a pilot is apart from the rest than it was before. Who "
                "is in a pilot was not drawn by lot, so a difference without an effect may come "
                "from the kind of conversation."
            ),
        ),
    )


def _pilot_sentence(material: ReportMaterial, pilot: Pilot) -> str:
    known = {name: found for name, found in pilot.measures.items() if name in material.infos}
    if not any(found.now.figure.n for found in known.values()):
        return f"{pilot.title}: no conversation of this report is in it"
    if not any(found.now.other.n for found in known.values()):
        return f"{pilot.title}: every conversation of this report is in it, so there is no rest"
    apart = [name for name, found in known.items() if found.judged.notable]
    if not apart:
        return f"{pilot.title}: no difference beyond chance can be told"
    told = "; ".join(_pilot_change(material, name, known[name]) for name in apart)
    return f"{pilot.title}, beyond chance: {told}"


def _pilot_change(material: ReportMaterial, name: str, found: PilotMeasure) -> str:
    info, judged = material.info(name), found.judged
    change = words.change(judged.difference, info.unit)
    said = telling.verdict(judged, info)
    good = f", which is {said}" if said in ("better", "worse") else ""
    if judged is found.now:
        return f"“{info.title}” differs from the rest by {change}{good}"
    return f"“{info.title}” moved by {change} against the rest{good}"


def _pilot_plot(material: ReportMaterial, pilot: Pilot) -> IntervalPlot | None:
    """The shares, all by their effects or all by their differences from the rest; None when there
    is nothing to compare."""
    moved = any(found.judged is found.effect for found in pilot.measures.values())
    rows = []
    for name, found in pilot.measures.items():
        compared = found.effect if moved else found.now
        if name not in material.infos or material.info(name).unit != "share" or compared is None:
            continue
        if compared.difference.value is not None:
            label = material.info(name).title
            rows.append(IntervalRow(label=label, figure=compared.difference))
    against = "Moved against the rest" if moved else "Apart from the rest"
    return (
        IntervalPlot(
            title=f"{pilot.title}: {against.lower()}, in points",
            unit="points",
            rows=tuple(rows[:MOST_ROWS]),
            reference=0.0,
        )
        if rows
        else None
    )


_PILOT_VERDICTS = {
    "better": "better, beyond chance",
    "worse": "worse, beyond chance",
    "changed": "apart, beyond chance",
    "chance": "may be chance",
    "untold": "too few cases to compare",
}


def _pilot_table(material: ReportMaterial, number: int, pilot: Pilot) -> Table:
    rows = []
    for name, found in pilot.measures.items():
        if name not in material.infos:
            continue
        info = material.info(name)
        compared = (found.now, found.before, found.effect)
        rows.append(
            (
                info.title,
                words.figure(found.now.figure, info.unit),
                words.figure(found.now.other, info.unit),
                *(words.change(c.difference, info.unit) if c else words.NONE for c in compared),
                _PILOT_VERDICTS[telling.verdict(found.judged, info)],
            )
        )
    return Table(
        name=f"pilot-{number}",
        title=pilot.title,
        columns=(
            Column(key="measure", label="Measure"),
            Column(key="pilot", label="Pilot"),
            Column(key="rest", label="The rest"),
            Column(key="difference", label="Difference"),
            Column(key="difference_before", label="Difference before"),
            Column(key="effect", label="Effect"),
            Column(key="verdict", label="What it says"),
        ),
        rows=tuple(rows),
    )


def _pilot_days(pilot: Pilot) -> str:
    """Which days are compared with which."""
    now = words.period(ReportQuery(since=pilot.since, until=pilot.until))
    told = f"{pilot.title}: {now}, against all others of these days"
    if pilot.before_since is None or pilot.before_until is None:
        return f"{told}, without the days before."
    before = words.period(ReportQuery(since=pilot.before_since, until=pilot.before_until))
    return f"{told}, and against {before}."


def channels_apart(material: ReportMaterial, measure: str) -> str:
    """A sentence on the channels that are clearly apart in a measure; empty when none are."""
    below, above = telling.stand_out(material.contrasts.get("channel", {}), measure)
    parts = [
        f"{what} than elsewhere by "
        + words.listed([group_label("channel", group, material.titles) for group in groups])
        for what, groups in (("lower", below), ("higher", above))
        if groups
    ]
    return f" It is {' and '.join(parts)}, beyond chance." if parts else ""


def _share(item: tuple[str, object]) -> float:
    return getattr(item[1], "value", None) or 0.0


def _steps(step: int) -> str:
    return {1: "day by day", 7: "week by week"}.get(step, f"every {step} days")
