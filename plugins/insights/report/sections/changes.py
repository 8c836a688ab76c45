"""The sections that open the report: what changed, what hurt, what nobody could answer, and what
to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from plugins.insights.measures.values import Comparison, Dimension
from plugins.insights.model import Discovery
from plugins.insights.report import telling, words
from plugins.insights.report.material import DecisionEffect, ReportMaterial
from plugins.insights.report.sections.common import (
    group_label,
    group_table,
    plot_groups,
    plot_trend,
    some,
)
from plugins.insights.report.values import CellValue, Column, Headline, Section, Table

HEADLINES = {
    "felt_heard": "Felt heard",
    "containment_honest": "Helped by the bot, honestly",
    "seconds_to_person_upset": "Upset people wait for a person",
    "repeat_contact_7d": "Back within 7 days, same matter",
    "repeated_themselves": "Had to say it again",
    "mood_change": "Mood, from beginning to end",
}
"""The figures that open the report, and what they are called there."""
UNANSWERED = ("unanswered_question", "new_words")
HURTING = ("phrase_hurts", "channel_drift", "overload", "mood_misread")
KIND_LABELS = {
    "phrase_hurts": "phrase that hurts",
    "phrase_helps": "phrase that helps",
    "unanswered_question": "unanswered question",
    "rewritten_answer": "answer that agents rewrite",
    "channel_drift": "channel that drifts",
    "new_words": "new words",
    "overload": "overload",
    "mood_misread": "language read badly",
    "agents_notes": "what agents note",
}


def headlines(material: ReportMaterial) -> tuple[Headline, ...]:
    """The figures that open the report."""
    found = []
    for name, label in HEADLINES.items():
        if name not in material.infos:
            continue
        info, change = material.info(name), material.measured.changes.get(name)
        found.append(
            Headline(
                measure=name,
                label=label,
                unit=info.unit,
                figure=material.figure(name),
                verdict=telling.verdict(change, info),
                sentence=_tile_sentence(material, name, change),
            )
        )
    return tuple(found)


def opening(material: ReportMaterial) -> str:
    """The most important of it in three sentences."""
    totals = material.measured.totals
    if not totals.conversations:
        return NOBODY_WROTE
    conversations = words.plural(totals.conversations, "conversation")
    said = [f"{conversations}, {words.plural(totals.messages, 'message')}."]
    said.append(telling.of_five(material.figure("felt_heard"), "Customers felt heard:"))
    changed = _notable(material)
    if changed:
        titles = [_lowered(material.info(name).title) for name, _ in changed[:3]]
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        said.append(
            f"{words.plural(len(changed), 'figure')} changed beyond chance: "
            f"{words.listed(titles)}{more}."
        )
    elif _compared(material):
        said.append(f"No figure changed beyond chance since {words.time_before(material.query)}.")
    else:
        said.append(f"There is too little to compare with {words.time_before(material.query)}.")
    count = len(material.findings)
    if count:
        of = "" if _same_conversations(material) else ", of all conversations,"
        said.append(
            f"{words.plural(count, 'finding')}{of} {'waits' if count == 1 else 'wait'} below."
        )
    return " ".join(said)


def what_changed(material: ReportMaterial) -> Section:
    """Every measure now and before; those that changed beyond chance are named."""
    before = words.time_before(material.query)
    changed = _notable(material)
    if changed:
        sentences = [
            f"{info.title}: {words.figure(change.figure, info.unit)}, "
            f"{before} {words.figure(change.other, info.unit)}"
            + {"better": ", better", "worse": ", worse"}.get(telling.verdict(change, info), "")
            for name, change in changed
            for info in (material.info(name),)
        ]
        answer = (
            f"Beyond chance, {words.plural(len(changed), 'figure')} of "
            f"{len(_compared(material))} changed. {'. '.join(sentences)}."
        )
    elif _compared(material):
        answer = (
            f"Nothing that stands out from chance: "
            f"{words.plural(len(_compared(material)), 'figure was', 'figures were')} "
            f"compared with {before}, and each difference is one that luck alone may bring."
        )
    else:
        answer = f"This cannot be told: there are too few conversations, or none {before}."
    rows: list[tuple[CellValue, ...]] = []
    for name, info in material.infos.items():
        if name not in material.measured.figures:
            continue
        change = material.measured.changes.get(name)
        verdict = telling.verdict(change, info)
        rows.append(
            (
                info.title,
                words.figure(material.figure(name), info.unit),
                material.figure(name).n,
                words.figure(change.other, info.unit) if change else words.NONE,
                _difference(change, info.unit),
                VERDICTS[verdict],
            )
        )
    table = Table(
        name="measures",
        title="All measures, and what they were before",
        columns=(
            Column(key="measure", label="Measure"),
            Column(key="now", label="Now"),
            Column(key="cases", label="Cases", unit="whole"),
            Column(key="before", label=before[:1].upper() + before[1:]),
            Column(key="difference", label="Difference"),
            Column(key="verdict", label="What may be said"),
        ),
        rows=tuple(rows),
    )
    return Section(
        id="changes",
        title="What changed",
        question=f"What is different from {before}?",
        answer=answer,
        tables=(table, _measure_table(material)),
        plots=some(*(plot_trend(material, n, _trend_title(material, n)) for n in ("felt_heard",))),
        notes=(
            (
                "So many comparisons find something by luck alone. We keep the share of false "
                "alarms among the changes that we name below 5 % (Benjamini and Hochberg 1995)."
            ),
        ),
    )


def what_hurt(material: ReportMaterial) -> Section:
    """Where moods fell, and our own part in it."""
    found = _of_kinds(material, HURTING)
    worst = []
    for dimension in WITH:
        below, _ = telling.stand_out(material.contrasts.get(dimension, {}), "mood_change")
        if below:
            labels = [group_label(dimension, group, material.titles) for group in below[:2]]
            worst.append(f"{WITH[dimension]} {words.listed(labels)}")
    parts = []
    change = material.figure("mood_change")
    if change.value is None:
        parts.append("How moods went cannot be told: too few customers wrote twice.")
    else:
        way = {"up": "rose", "down": "fell", "unclear": "neither rose nor fell beyond chance"}
        size, ends = words.number(change.value, "steps"), words.between(change, "steps")
        parts.append(
            f"Over a conversation moods {way[telling.direction(change)]}: {size} steps on average "
            f"({ends})."
            if change.enough
            else "How moods went cannot be told from so few cases: "
            f"{size} steps on average ({ends})."
        )
    if worst:
        parts.append(f"Beyond chance, moods fared worse than elsewhere {'; '.join(worst)}.")
    parts.append(
        f"{words.plural(len(found), 'finding')} {'names' if len(found) == 1 else 'name'} what we "
        "can change."
        if found
        else "Nothing of ours was found that hurts beyond chance."
        if material.found_until
        else _not_looked(material)
    )
    return Section(
        id="hurt",
        title="What hurt",
        question="Where did customers leave in a worse mood, and was it us?",
        answer=" ".join(parts),
        findings=found,
        plots=some(
            plot_groups(material, "intent", "mood_change", "Mood change, by matter"),
            plot_groups(material, "channel", "mood_change", "Mood change, by channel"),
        ),
        tables=(
            group_table(
                material,
                "intent",
                ("mood_change", "felt_heard", "csat", "repeat_contact_7d", "containment_honest"),
                "by-intent",
                "How each matter went",
            ),
        ),
        notes=(
            *_looked_at(material),
            (
                "One step is the distance between two moods on our scale: pleased, calm, confused "
                "or in a hurry, anxious or frustrated, angry. Moods are read by a model; the page "
                "“Understanding” of the documentation says how often it errs."
            ),
        ),
    )


def what_nobody_could_answer(material: ReportMaterial) -> Section:
    """Questions without an answer of ours, and words that the model does not know."""
    found = _of_kinds(material, UNANSWERED)
    questions = [f for f in found if f.kind == "unanswered_question"]
    if questions:
        answer = (
            f"{words.plural(len(questions), 'question')} came again and again and no answer of "
            f"ours fits. The biggest: {questions[0].title}"
        )
        answer = answer.rstrip(".") + "."
    elif material.found_until:
        answer = "No question came so often without an answer that it stands out."
    else:
        answer = _not_looked(material)
    return Section(
        id="unanswered",
        title="What nobody could answer",
        question="Which questions have no answer of ours yet?",
        answer=answer,
        findings=found,
        notes=_looked_at(material),
    )


def what_to_do(material: ReportMaterial) -> Section:
    """The findings that suggest a change, and what past decisions did."""
    found = tuple(f for f in material.findings if f.kind not in (*UNANSWERED, *HURTING))
    waiting = [f for f in material.findings if f.proposal]
    parts = []
    if waiting:
        parts.append(
            f"{words.plural(len(waiting), 'proposal')} {'waits' if len(waiting) == 1 else 'wait'} "
            "for your word: adopt, edit or decline."
        )
    elif material.findings:
        parts.append("The findings above are yours to judge; none has become a proposal yet.")
    else:
        parts.append("Nothing is proposed.")
    adopted = {d.proposal for d in material.decisions if d.adopted or d.effect}
    told = {d.proposal for d in material.decisions if d.effect and d.effect.p is not None}
    if told:
        parts.append(
            f"Of {words.plural(len(adopted), 'adopted proposal')}, {len(told)} "
            "can be judged by now."
        )
    elif adopted:
        parts.append("What adopted proposals did cannot be told yet.")
    rows = tuple(
        (d.title, d.decision, _effect(d, material), _measure_title(d.measure, material))
        for d in material.decisions
    )
    tables = [_findings_table(material)]
    if rows:
        columns = ("Proposal", "Decision", "Effect after four weeks", "Measured by")
        tables.append(
            Table(
                name="decisions",
                title="What past decisions did",
                columns=tuple(Column(key=c.lower(), label=c) for c in columns),
                rows=rows,
            )
        )
    return Section(
        id="todo",
        title="What to do about it",
        question="What should we change, and did the last changes help?",
        answer=" ".join(parts),
        findings=found,
        tables=tuple(tables),
        notes=("Nothing changes by itself: a person decides each proposal, with a word why.",),
    )


WITH: Mapping[Dimension, str] = {"intent": "about", "channel": "by", "language": "in"}
NOBODY_WROTE = "Nobody wrote in these days. Choose other days or fewer filters."
NOT_LOOKED = (
    "Nobody has looked for causes in these days yet: the weekly report does, and so does the "
    "command warmline report."
)
OF_ALL_BRANDS = (
    "Causes are looked for in the conversations of all brands, so those who may see only some "
    "brands see none."
)
VERDICTS = {
    "better": "better",
    "worse": "worse",
    "changed": "changed",
    "chance": "may be chance",
    "untold": "cannot be told",
}


def _tile_sentence(material: ReportMaterial, name: str, change: Comparison | None) -> str:
    if material.figure(name).value is None and material.measured.pending.get(name):
        return "not known yet: the days in which customers may come back are not over"
    return telling.tile_sentence(change, material.info(name), words.time_before(material.query))


def _not_looked(material: ReportMaterial) -> str:
    return OF_ALL_BRANDS if material.findings_hidden else NOT_LOOKED


def _notable(material: ReportMaterial) -> list[tuple[str, Comparison]]:
    """The changes beyond chance, the most certain first."""
    found = [
        (name, change)
        for name, change in material.measured.changes.items()
        if change.notable and name in material.infos
    ]
    return sorted(found, key=lambda item: item[1].p if item[1].p is not None else 1.0)


def _compared(material: ReportMaterial) -> list[str]:
    return [name for name, change in material.measured.changes.items() if change.p is not None]


def _of_kinds(material: ReportMaterial, kinds: Iterable[str]) -> tuple[Discovery, ...]:
    return tuple(found for found in material.findings if found.kind in kinds)


def _difference(change: Comparison | None, unit: str) -> str:
    if change is None or change.difference.value is None:
        return words.NONE
    shown = words.difference(change.difference.value, unit)  # type: ignore[arg-type]
    low, high = change.difference.low, change.difference.high
    if low is None or high is None:
        return shown
    ends = [words.difference(end, unit) for end in (low, high)]  # type: ignore[arg-type]
    return f"{shown} ({ends[0].removesuffix(f'{words.NARROW}points')} to {ends[1]})"


def _effect(decided: DecisionEffect, material: ReportMaterial) -> str:
    effect = decided.effect
    if effect is None:
        return "four weeks are not over" if decided.adopted else "none: it is not in force"
    if effect.p is None or effect.difference.low is None or effect.difference.high is None:
        return "cannot be told: too few cases"
    info = material.infos.get(decided.measure)
    shown = _difference(effect, info.unit if info else "count")
    if effect.difference.low <= 0 <= effect.difference.high:
        return f"cannot be told: {shown}"
    return shown


def _measure_title(name: str, material: ReportMaterial) -> str:
    info = material.infos.get(name)
    return info.title if info else name.replace("_", " ")


def _measure_table(material: ReportMaterial) -> Table:
    """Every measure as numbers, for spreadsheets."""
    return Table(
        name="figures",
        title="All measures as numbers",
        columns=(
            Column(key="name", label="Name"),
            Column(key="unit", label="Unit"),
            Column(key="figure", label="Figure", unit="count", figures=True),
        ),
        rows=tuple(
            (name, material.infos[name].unit if name in material.infos else "", figure)
            for name, figure in material.measured.figures.items()
        ),
    )


def _findings_table(material: ReportMaterial) -> Table:
    return Table(
        name="findings",
        title="All findings",
        columns=(
            Column(key="kind", label="Kind"),
            Column(key="title", label="Finding"),
            Column(key="examples", label="Conversations"),
            Column(key="proposal", label="Proposal"),
        ),
        rows=tuple(
            (
                KIND_LABELS.get(found.kind, found.kind),
                found.title,
                ", ".join(str(example.conversation) for example in found.examples),
                found.proposal or "",
            )
            for found in material.findings
        ),
    )


def _looked_at(material: ReportMaterial) -> tuple[str, ...]:
    if material.found_since is None or material.found_until is None:
        return ()
    days = f"{words.short_day(material.found_since)} to {words.day(material.found_until)}"
    if _same_conversations(material):
        return (f"The conversations of {days} were searched. Customers' words are masked.",)
    all_of_them = f"All conversations of {days} were searched, not only those chosen here."
    return (f"{all_of_them} Customers' words are masked.",)


def _same_conversations(material: ReportMaterial) -> bool:
    """Whether what was found rests on the same conversations as the figures."""
    return material.found_filters == material.query.filters


def _trend_title(material: ReportMaterial, measure: str) -> str:
    step = {1: "day by day", 7: "week by week"}.get(material.step, f"every {material.step} days")
    return f"{material.info(measure).title}, {step}"


def _lowered(title: str) -> str:
    """A title within a sentence; abbreviations stay."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
