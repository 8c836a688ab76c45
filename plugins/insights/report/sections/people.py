"""How customers felt, whether they came back, and how well we worked with one another."""

from __future__ import annotations

from collections.abc import Mapping

from gateway import LOAD_LIMIT
from plugins.insights.model import Figure
from plugins.insights.report import telling, words
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.sections.common import (
    CHANNELS,
    group_table,
    plot_groups,
    plot_shares,
    plot_trend,
    plot_values,
    score_table,
    share_table,
    some,
    trend_table,
)
from plugins.insights.report.sections.service import channels_apart
from plugins.insights.report.values import (
    Column,
    Section,
    Table,
)

ASPECT = "heard_aspect:"
OUTCOMES = {"sent": "sent as it was", "edited": "edited, then sent", "ignored": "not used"}


def felt_heard(material: ReportMaterial) -> Section:
    """Did customers feel heard, and who answered at all?"""
    heard, rate = material.figure("felt_heard"), material.figure("response_rate")
    before = words.time_before(material.query)
    info = material.info("felt_heard")
    if heard.value is None:
        answer = "Nobody can tell: no customer has answered the question yet."
    else:
        answer = (
            f"{telling.of_five(heard, 'Customers say')} "
            f"{telling.change_sentence(material.measured.changes.get('felt_heard'), info, before)}"
        )
    by_mood = material.measured.shares.get("response_rate_by_mood", {})
    notes = []
    if rate.value is not None:
        answer += f" {words.in_hundred(rate, 'of those we asked answered')}{telling.few(rate)}."
        below, above = telling.stand_out(material.contrasts.get("mood", {}), "response_rate")
        said = [
            f"customers who began {words.listed([_mood(m) for m in moods])} answered {how} often"
            for how, moods in (("less", below), ("more", above))
            if moods
        ]
        if said:
            notes.append(
                f"Beyond chance, {' and '.join(said)} than the others. What those who did not "
                "answer felt, nobody knows: read the figure with the answers by mood beside it."
            )
    score = material.figure("csat")
    if score.value is not None:
        answer += f" {telling.of_five(score, 'Satisfaction (CSAT):')}"
    measures = ("felt_heard", "response_rate", "csat", "ces")
    sides = {
        kind.removeprefix(ASPECT): score
        for kind, score in material.measured.scores.items()
        if kind.startswith(ASPECT)
    }
    return Section(
        id="heard",
        title="Felt heard",
        question="Did customers feel heard?",
        answer=answer,
        plots=some(
            plot_values("The sides of feeling heard, of 5", "score", sides),
            plot_groups(material, "channel", "felt_heard", "Felt heard, by channel"),
            plot_groups(material, "mood", "felt_heard", "Felt heard, by mood at the beginning"),
            plot_shares(
                "How many answered, by mood at the end",
                by_mood,
                {mood: _mood(mood) for mood in by_mood},
            ),
        ),
        tables=(
            group_table(material, "mood", measures, "heard-by-mood", "Surveys, by mood"),
            group_table(material, "channel", measures, "heard-by-channel", "Surveys, by channel"),
            trend_table(material, measures, "heard-trend", "Surveys over time"),
            score_table("questions", "Each question", material.measured.scores),
        ),
        notes=tuple(notes),
    )


def mood(material: ReportMaterial) -> Section:
    """Moods from the beginning of a conversation to its end."""
    change = material.figure("mood_change")
    info = material.info("mood_change")
    before = words.time_before(material.query)
    if change.value is None:
        answer = "This cannot be told: in too few conversations the mood was read twice."
    else:
        way = {
            "up": "Yes: moods rose",
            "down": "No: moods fell",
            "unclear": "It cannot be told: moods neither rose nor fell beyond chance"
            if change.enough
            else "It cannot be told from so few cases",
        }
        answer = (
            f"{way[telling.direction(change)]}; the change is {words.figure(change, 'steps')} "
            "steps on average. "
        )
        answer += telling.change_sentence(
            material.measured.changes.get("mood_change"), info, before
        )
        answer += channels_apart(material, "mood_change")
    measures = ("mood_change", "mood_change_next")
    return Section(
        id="mood",
        title="Mood",
        question="Did people leave in a better mood than they came?",
        answer=answer,
        plots=some(
            plot_trend(material, "mood_change", "Mood change over time"),
            plot_groups(material, "language", "mood_change", "Mood change, by language"),
        ),
        tables=(
            group_table(material, "language", measures, "mood-by-language", "Mood, by language"),
            group_table(material, "mood", measures, "mood-by-mood", "Mood change, by first mood"),
        ),
        notes=(
            (
                "Who begins angry can only become calmer, and who begins pleased only less so. "
                "Compare groups that began alike."
            ),
        ),
    )


def repeats(material: ReportMaterial) -> Section:
    """Who came back about the same matter."""
    week, month = material.figure("repeat_contact_7d"), material.figure("repeat_contact_30d")
    first = material.figure("first_contact_resolution")
    answer = telling.of_hundred(week, "came back about the same matter within 7 days")
    if month.value is not None:
        answer += f" Within 30 days: {words.in_hundred(month)}{telling.few(month)}."
    if first.value is not None:
        settled = words.in_hundred(first, "had their matter settled at the first contact")
        answer += f" {settled}{telling.few(first)}."
    measures = ("repeat_contact_7d", "repeat_contact_30d", "first_contact_resolution")
    pending = material.measured.pending.get("repeat_contact_7d", 0)
    return Section(
        id="repeats",
        title="Repeat contacts",
        question="Did people have to come back?",
        answer=answer,
        plots=some(
            plot_groups(material, "intent", "repeat_contact_7d", "Back within 7 days, by matter")
        ),
        tables=(
            group_table(material, "intent", measures, "repeats-by-intent", "Repeats, by matter"),
        ),
        notes=(
            (f"{words.plural(pending, 'conversation')} cannot count yet: 7 days are not over.",)
            if pending
            else ()
        ),
    )


def handover(material: ReportMaterial) -> Section:
    """How well a conversation goes from the bot to a person."""
    again, moment = material.figure("repeated_themselves"), material.figure("human_moment")
    answer = telling.of_hundred(again, "had to tell a person what they had already told")
    if moment.value is not None:
        answer += (
            f" In {words.in_hundred(moment)} conversations with a person there was a human "
            f"moment: a name, their history, something only they had said{telling.few(moment)}."
        )
    overdue = material.figure("late_claims")
    if overdue.value is not None:
        late = words.in_hundred(overdue, "hand-overs waited past their time")
        answer += f" {late}{telling.few(overdue)}."
    measures = ("repeated_themselves", "human_moment", "felt_heard", "late_claims")
    return Section(
        id="handover",
        title="Hand-over quality",
        question="Did the person know what the customer had already said?",
        answer=answer,
        plots=some(
            plot_groups(material, "team", "human_moment", "Human moments, by team"),
            plot_groups(material, "team", "felt_heard", "Felt heard, by team"),
            plot_groups(material, "channel", "repeated_themselves", "Said it again, by channel"),
        ),
        tables=(
            group_table(material, "team", measures, "handover-by-team", "Hand-over, by team"),
            group_table(
                material, "channel", measures, "handover-by-channel", "Hand-over, by channel"
            ),
        ),
        notes=("Per team, never per agent: this is about how we work, not about who is good.",),
    )


def suggestions(material: ReportMaterial) -> Section:
    """What agents made of the drafts."""
    sent, edited = material.figure("suggestion_sent"), material.figure("suggestion_edited")
    ignored = material.figure("suggestion_ignored")
    if sent.value is None:
        answer = "There were no suggestions, so there is nothing to tell."
    else:
        answer = (
            f"Of 100 suggestions agents sent {_whole(sent)} as they were, edited "
            f"{_whole(edited)} and left {_whole(ignored)}{telling.few(sent)}."
        )
    shares = material.measured.shares
    tables, plots = [], []
    edits = shares.get("edit", {})
    if edits:
        top = max(edits, key=lambda kind: edits[kind].value or 0)
        if edits[top].enough:
            answer += f" What they changed most often: {top}."
        plots.append(plot_shares("What agents changed", edits))
        tables.append(share_table("edits", "Kinds of edit", "Kind", edits))
    for name, outcome in sorted(shares.items()):
        if name.startswith("suggestion:"):
            source = name.partition(":")[2]
            title = f"Suggestions by {source.replace('_', ' ')}"
            plots.append(plot_shares(title, outcome, OUTCOMES))
            tables.append(share_table(f"suggestions-{source}", title, "Outcome", outcome, OUTCOMES))
    experience = shares.get("edited_by_experience", {})
    if experience:
        title = "Edited, by how long the agent has been here"
        plots.append(plot_shares(title, experience))
        tables.append(share_table("edited-by-experience", title, "Experience", experience))
    return Section(
        id="suggestions",
        title="Suggestions",
        question="Were the drafts any good?",
        answer=answer,
        plots=some(*plots),
        tables=tuple(tables),
    )


def voice(material: ReportMaterial) -> Section:
    """Which rules of the voice had to change our texts."""
    hits = material.figure("voice_hits")
    rules: Mapping[str, Mapping[str, int]] = material.measured.voice_rules
    counts: dict[str, int] = {}
    for per_rule in rules.values():
        for rule, count in per_rule.items():
            counts[rule] = counts.get(rule, 0) + count
    if hits.value is None:
        answer = "The bot said nothing that the voice could judge."
    else:
        times = f"{words.figure(hits, 'count')} times a conversation{telling.few(hits)}"
        answer = f"The guide changed something {times}"
        if counts:
            top = max(counts, key=lambda rule: counts[rule])
            answer += f"; most often for “{top.replace('_', ' ')}”"
        answer += "."
    drifting = tuple(f for f in material.findings if f.kind == "channel_drift")
    if not drifting and material.found_until:
        answer += " No channel was found to drift from the others."
    table = Table(
        name="voice-rules",
        title="How often each rule changed a text",
        columns=(
            Column(key="rule", label="Rule"),
            Column(key="channel", label="Channel"),
            Column(key="times", label="Times", unit="whole"),
        ),
        rows=tuple(
            (rule.replace("_", " "), CHANNELS.get(channel, channel), count)
            for channel, per_rule in sorted(rules.items())
            for rule, count in sorted(per_rule.items(), key=lambda item: -item[1])
        ),
    )
    return Section(
        id="voice",
        title="Voice",
        question="Did we sound like ourselves on every channel?",
        answer=answer,
        plots=some(plot_groups(material, "channel", "voice_hits", "Rule hits, by channel")),
        tables=(table,),
    )


def load(material: ReportMaterial) -> Section | None:
    """The team's emotional load, never a person's; None where it is not measured."""
    team, before = material.load, material.load_before
    if team is None and not material.load_pending:
        return None
    if team is None:
        answer = "The team's load is still being added up. Open the page again in a moment."
    elif not team.agents:
        answer = "Nobody worked with a customer in these days."
    elif team.over is None or team.peak is None:
        answer = (
            f"{words.plural(team.agents, 'person', 'people')} worked with customers. That is too "
            "few to show the team without showing a person, so nothing is shown."
        )
    else:
        answer = (
            f"{words.plural(team.agents, 'person', 'people')} worked "
            f"{words.plural(team.person_days, 'day')} in all. On {words.in_hundred(team.over)} of "
            f"these days a person carried more than is good for anybody{telling.few(team.over)}"
        )
        again = team.people_over or 0
        answer += (
            f"; for {words.plural(again, 'person', 'people')} it happened more than once. Talk "
            "with your team."
            if again
            else "; for nobody it happened twice."
        )
        if before is not None and before.over is not None and before.over.value is not None:
            answer += (
                f" {words.time_before(material.query).capitalize()}: "
                f"{words.in_hundred(before.over)}."
            )
    rows = [
        (label, load.agents, load.person_days, load.over, load.peak, load.people_over)
        for label, load in (("now", team), (words.time_before(material.query), before))
        if load is not None and load.over is not None
    ]
    table = Table(
        name="load",
        title="The team's emotional load",
        columns=(
            Column(key="when", label="When"),
            Column(key="people", label="People", unit="whole"),
            Column(key="days", label="Days worked", unit="whole"),
            Column(key="over", label="Days with too much", unit="share", figures=True),
            Column(key="peak", label="Highest load of a day", unit="minutes", figures=True),
            Column(key="people_over", label="People with two such days", unit="whole"),
        ),
        rows=tuple(rows),
    )
    return Section(
        id="load",
        title="Load",
        question="How much did the team carry?",
        answer=answer,
        tables=(table,) if team is not None and team.over is not None else (),
        notes=(
            (
                "Load is the time spent with upset customers, with what the days before have left "
                f"of it; a day is too much above {LOAD_LIMIT:.0f} such minutes at a time. Only the "
                "team is shown here: each person sees their own load on their own page, and nobody "
                "else's."
            ),
        ),
    )


def _mood(label: str) -> str:
    return label or "unread"


def _whole(share: Figure) -> str:
    return "–" if share.value is None else str(round(share.value * 100))
