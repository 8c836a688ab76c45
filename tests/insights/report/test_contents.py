"""What the report says: sections, the page, report.json and tables."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
from datetime import date

import jsonschema

from plugins.insights.measures.values import (
    Comparison,
    Filters,
    MeasuredPeriod,
    PilotMeasure,
    TeamLoad,
    Totals,
)
from plugins.insights.model import Figure
from plugins.insights.report import words
from plugins.insights.report.compose import compose
from plugins.insights.report.data import report_json, table_csv
from plugins.insights.report.digest import digest_of
from plugins.insights.report.html import desk_part, index_page
from plugins.insights.report.material import DecisionEffect, ReportMaterial
from plugins.insights.report.values import Column, IntervalPlot, Pilot, Report, Section, Table
from tests.insights.report.conftest import SINCE, UNTIL

SHARE = Figure(value=0.5, low=0.4, high=0.6, n=90, enough=True)
_NOTHING = Figure(value=None, low=None, high=None, n=0, enough=False)
MEASURES = (
    "containment", "containment_honest", "seconds_to_person", "seconds_to_person_upset",
    "first_answer_seconds", "resolution_seconds", "csat", "ces", "felt_heard", "response_rate",
    "mood_change", "repeat_contact_7d", "repeat_contact_30d", "first_contact_resolution",
    "repeated_themselves", "human_moment", "suggestion_sent", "suggestion_edited",
    "suggestion_ignored", "voice_hits", "agent_minutes", "sms_segments",
)  # fmt: skip
"""The contract's names."""
FIGURE = {
    "type": "object",
    "required": ["value", "low", "high", "n", "enough"],
    "properties": {
        "value": {"type": ["number", "null"]},
        "low": {"type": ["number", "null"]},
        "high": {"type": ["number", "null"]},
        "n": {"type": "integer"},
        "enough": {"type": "boolean"},
    },
}
CONTRACT = {
    "type": "object",
    "required": ["from", "to", "totals", "measures", "by", "findings"],
    "properties": {
        "totals": {"type": "object", "required": ["conversations", "messages"]},
        "measures": {
            "type": "object",
            "required": list(MEASURES),
            "additionalProperties": FIGURE,
        },
        "by": {"type": "object", "required": ["channel", "language", "intent"]},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kind", "title", "evidence", "examples", "proposal"],
            },
        },
    },
}


def section(report: Report, id: str) -> Section:
    return next(section for section in report.sections if section.id == id)


def plain(page: str) -> str:
    """The page's text."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_report_json_has_what_the_contract_says(report: Report) -> None:
    data = json.loads(report_json(report))
    jsonschema.validate(data, CONTRACT)
    assert (data["from"], data["to"]) == ("2026-04-01", "2026-04-30")
    assert data["by"]["channel"]["sms"]["containment"]["n"] > 0
    assert data["by"]["channel"]["sms"]["conversations"] > 0
    assert data["findings"][0]["proposal"] == "P7"
    parts = [group["conversations"] for group in data["by"]["channel"].values()]
    assert sum(parts) == data["totals"]["conversations"] > 0


def test_each_section_answers_a_question_before_it_shows_a_plot(report: Report) -> None:
    page = index_page(report)
    for part in report.sections:
        assert part.question.endswith("?")
        assert part.answer.endswith((".", "!")), part.answer
        shown = page[page.index(f'<section class="part" id="{part.id}"') :]
        shown = shown[: shown.index("</section>")]
        answer = shown.index('<p class="answer">')
        assert "<svg" not in shown[:answer]
        assert ("<svg" in shown[answer:]) == bool(part.plots)


def test_the_sections_stand_in_the_order_in_which_a_lead_asks(report: Report) -> None:
    assert [part.id for part in report.sections] == [
        "changes", "hurt", "unanswered", "todo", "volume", "speed", "containment", "heard", "mood",
        "repeats", "handover", "suggestions", "voice", "load", "cost",
    ]  # fmt: skip


def test_index_html_is_one_file_that_loads_nothing(report: Report) -> None:
    """Its policy allows its own style sheet and nothing else."""
    page = index_page(report)
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html.unescape(page)
    assert not re.search(r"<(script|link|img|iframe|object)\b", page)
    assert not re.search(r"\s(style|on\w+)=", page)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_what_others_wrote_is_escaped(report: Report) -> None:
    page = index_page(report)
    assert "&lt;b&gt;Policy?&lt;/b&gt; My parcel is gone." in page


def test_the_desk_links_to_conversations_proposals_and_tables(report: Report) -> None:
    part = desk_part(report, query="?from=2026-04-01&to=2026-04-30&channel=sms")
    assert '<a href="/desk/c/3">' in part
    assert '<a href="/desk/proposals/P7">' in part
    table = "/desk/report/by-intent.csv?from=2026-04-01&amp;to=2026-04-30&amp;channel=sms"
    assert f'<a href="{table}" download>' in part
    assert "/desk/" not in index_page(report)


def test_findings_stand_where_a_lead_looks_for_them(report: Report) -> None:
    assert [found.kind for found in section(report, "hurt").findings] == ["phrase_hurts"]
    assert [f.kind for f in section(report, "unanswered").findings] == ["unanswered_question"]
    assert [found.kind for found in section(report, "todo").findings] == ["rewritten_answer"]
    assert "1 proposal waits for your word" in section(report, "todo").answer


def test_without_a_search_the_report_says_so(material: ReportMaterial) -> None:
    """It does not claim that there is nothing."""
    report = compose(material.replace(findings=(), found_since=None, found_until=None))
    assert "Nobody has looked" in section(report, "unanswered").answer
    assert "Nobody has looked" in section(report, "hurt").answer


def test_without_conversations_it_says_what_to_do(material: ReportMaterial) -> None:
    empty = MeasuredPeriod(since=SINCE, until=UNTIL)
    report = compose(material.replace(measured=empty, findings=(), trend=(), daily=()))
    assert report.sections == ()
    assert "Choose other days or fewer filters" in plain(index_page(report))
    jsonschema.validate(json.loads(report_json(report))["totals"], {"type": "object"})


def test_without_anything_but_conversations_nothing_is_invented(material: ReportMaterial) -> None:
    """A shop's first day: every section still answers, and says that it cannot be told."""
    bare = MeasuredPeriod(since=SINCE, until=UNTIL, totals=Totals(conversations=1, messages=1))
    report = compose(material.replace(measured=bare, findings=(), trend=(), daily=(), contrasts={}))
    assert section(report, "changes").answer.startswith("This cannot be told")
    assert section(report, "heard").answer.startswith("Nobody can tell")
    assert not any(part.plots for part in report.sections)
    index_page(report)


def test_only_changes_beyond_chance_are_named(material: ReportMaterial) -> None:
    changes = {
        "felt_heard": _change(0.3, notable=True),
        "csat": _change(0.3, notable=False),
    }
    report = compose(material.replace(measured=material.measured.replace(changes=changes)))
    answer = section(report, "changes").answer
    assert answer.startswith("Beyond chance, 1 figure of 2 changed. Felt heard:")
    assert "better" in answer
    assert "Satisfaction" not in answer


def test_decisions_whose_effect_is_unclear_are_told_so(material: ReportMaterial) -> None:
    effects = (
        DecisionEffect(proposal="P1", title="A new answer", decision="adopted by Ana"),
        DecisionEffect(
            proposal="P2",
            title="Another",
            decision="adopted by Ana",
            measure="felt_heard",
            effect=_change(0.05, notable=False, half=0.2),
        ),
    )
    report = compose(material.replace(decisions=effects))
    rows = report.tables()["decisions"].rows
    assert rows[0][2] == "four weeks are not over"
    assert str(rows[1][2]).startswith("cannot be told")
    assert "Of 2 adopted proposals, 1 can be judged by now." in section(report, "todo").answer


def test_an_effect_is_told_in_the_unit_of_its_measure(material: ReportMaterial) -> None:
    effects = tuple(
        DecisionEffect(
            proposal="P1",
            title="A new answer",
            decision="adopted by Ana",
            measure=measure,
            effect=_change(difference, notable=True),
        )
        for measure, difference in (
            ("felt_heard", 0.3),
            ("containment", 0.3),
            ("seconds_to_person_upset", -90.0),
        )
    )
    answer = section(compose(material.replace(decisions=effects)), "todo").answer
    assert "Of 1 adopted proposal, 1 can be judged by now." in answer
    rows = compose(material.replace(decisions=effects)).tables()["decisions"].rows
    assert [row[3] for row in rows] == [
        "Felt heard",
        "Contained by the bot",
        "Time to a person, upset at the beginning",
    ]
    shown = [str(row[2]).replace(words.NARROW, " ") for row in rows]
    assert shown[0] == "+0.30 (+0.20 to +0.40)"
    assert shown[1] == "+30 points (+20 to +40 points)"
    assert shown[2].startswith("−1 min 30 s")


def test_what_is_not_in_force_has_no_effect_to_wait_for(material: ReportMaterial) -> None:
    declined = DecisionEffect(
        proposal="P3", title="A new answer", decision="declined by Ana: no", adopted=False
    )
    report = compose(material.replace(decisions=(declined,)))
    assert report.tables()["decisions"].rows[0][2] == "none: it is not in force"
    assert "adopted" not in section(report, "todo").answer


def test_grey_figures_lead_to_no_claim(material: ReportMaterial) -> None:
    """Whatever their intervals say, too few cases make nothing better, faster or most frequent."""

    def grey(name: str, figure: Figure) -> Figure:
        if figure.value is None:
            return figure
        low, high = (9e6, 9e7) if name.startswith("seconds_to_person_upset") else (0.2, 0.6)
        return figure.replace(n=8, low=low, high=high, enough=False)

    measured = material.measured
    few = measured.replace(
        figures={name: grey(name, figure) for name, figure in measured.figures.items()},
        shares={
            kind: {code: grey(code, figure) for code, figure in figures.items()}
            for kind, figures in measured.shares.items()
        },
        changes={},
    )
    team = TeamLoad(agents=3, person_days=3, over=grey("", SHARE), people_over=0, peak=SHARE)
    report = compose(material.replace(measured=few, contrasts={}, findings=(), load=team))
    claims = r"\bmoods (rose|fell|held)|longer|served first|[Mm]ost (often|frequent)|busiest"
    for part in report.sections:
        answer = part.answer.replace("The guide changed something", "").partition("; most often")[0]
        assert not re.search(claims, answer), answer
    for id in ("speed", "containment", "repeats", "handover", "suggestions", "load", "cost"):
        assert "so few cases tell little" in section(report, id).answer, id
    assert "cannot be told from so few cases" in section(report, "hurt").answer


def test_enough_cases_do_lead_to_claims(material: ReportMaterial) -> None:
    def with_figures(**figures: Figure) -> Report:
        known = {**material.measured.figures, **figures}
        return compose(material.replace(measured=material.measured.replace(figures=known)))

    up = Figure(value=0.4, low=0.2, high=0.6, n=90, enough=True)
    slow = Figure(value=9e6, low=8e6, high=1e7, n=90, enough=True)
    report = with_figures(mood_change=up, seconds_to_person_upset=slow)
    assert "moods rose" in section(report, "hurt").answer
    assert section(report, "mood").answer.startswith("Yes: moods rose")
    assert "Upset people wait longer." in section(report, "speed").answer
    unclear = with_figures(mood_change=up.replace(low=-0.2))
    assert "neither rose nor fell beyond chance" in section(unclear, "hurt").answer


def test_findings_of_other_conversations_are_called_so(material: ReportMaterial) -> None:
    """The desk shows the findings of the stored weeks, which know no filters."""
    filters = Filters(channel=("sms",))
    query = material.query.replace(filters=filters)
    report = compose(material.replace(query=query))
    assert "3 findings, of all conversations, wait below." in report.opening
    for id in ("hurt", "unanswered"):
        assert any("not only those chosen here" in note for note in section(report, id).notes), id
    own = compose(material.replace(query=query, found_filters=filters))
    assert "3 findings wait below." in own.opening
    assert not any("not only" in note for part in own.sections for note in part.notes)


def test_who_sees_no_findings_is_told_why(material: ReportMaterial) -> None:
    hidden = material.replace(findings=(), found_since=None, found_until=None, findings_hidden=True)
    answer = section(compose(hidden), "unanswered").answer
    assert answer.startswith("Causes are looked for in the conversations of all brands")


def test_figures_with_too_few_cases_are_not_ranked(material: ReportMaterial) -> None:
    """Also where they are the highest: they stand below."""
    rates = {
        "angry": SHARE.replace(value=1.0, n=2, enough=False),
        "calm": SHARE.replace(value=0.4),
        "pleased": SHARE.replace(value=0.6, n=80),
    }
    shares = {**material.measured.shares, "response_rate_by_mood": rates}
    report = compose(material.replace(measured=material.measured.replace(shares=shares)))
    plot = next(p for p in section(report, "heard").plots if p.title.startswith("How many"))
    assert isinstance(plot, IntervalPlot)
    assert [row.label for row in plot.rows] == ["pleased", "calm", "angry"]


def test_hours_stand_in_their_order(report: Report) -> None:
    hours = [str(row[0]) for row in report.tables()["hours"].rows]
    assert hours == sorted(hours)


def test_what_cannot_be_known_yet_is_said(material: ReportMaterial) -> None:
    """As on the Monday after: nobody knows yet who comes back within 7 days."""
    nothing = Figure(value=None, low=None, high=None, n=0, enough=False)
    late = dict.fromkeys(("containment_honest", "repeat_contact_7d"), nothing)
    measured = material.measured.replace(
        figures={**material.measured.figures, **late}, pending=dict.fromkeys(late, 80)
    )
    report = compose(material.replace(measured=measured))
    tiles = {tile.measure: tile.sentence for tile in report.headlines}
    assert all(tiles[name].startswith("not known yet:") for name in late)
    assert not tiles["felt_heard"].startswith("not known yet:")
    assert "cannot be known before 7 days are over" in section(report, "containment").answer
    lines = digest_of(report).lines
    assert [line.partition(":")[0] for line in lines[1:5]] == [
        "Felt heard",
        "Upset people wait for a person",
        "Had to say it again",
        "Mood, from beginning to end",
    ]


def test_an_opening_without_answers_reads_well(material: ReportMaterial) -> None:
    figures = {name: f for name, f in material.measured.figures.items() if name != "felt_heard"}
    report = compose(material.replace(measured=material.measured.replace(figures=figures)))
    assert " Customers felt heard: nobody has answered yet. " in report.opening


def test_a_small_team_shows_nothing_of_its_load(material: ReportMaterial) -> None:
    """And a larger one only its aggregate."""
    small = compose(material.replace(load=TeamLoad(agents=2)))
    assert "too few to show the team" in section(small, "load").answer
    assert section(small, "load").tables == ()
    team = TeamLoad(agents=5, person_days=90, over=SHARE, people_over=1, peak=SHARE)
    large = section(compose(material.replace(load=team)), "load")
    assert "for 1 person it happened more than once" in large.answer


def _pilot(**measures: PilotMeasure) -> Pilot:
    return Pilot(
        title="Short answers",
        since=SINCE,
        until=UNTIL,
        before_since=date(2026, 3, 4),
        before_until=date(2026, 3, 31),
        measures=measures,
    )


def test_a_pilot_without_a_difference_is_told_so(material: ReportMaterial) -> None:
    pilot = _pilot(felt_heard=PilotMeasure(now=_change(0.1, notable=False)))
    report = compose(material.replace(pilots=(pilot,)))
    assert section(report, "pilots").answer == (
        "Short answers: no difference beyond chance can be told."
    )


def test_a_pilot_is_judged_by_what_it_was_before(material: ReportMaterial) -> None:
    """Its effect is told where there is one; else its difference from the rest."""
    apart = _change(0.2, notable=True)
    moved = PilotMeasure(now=apart, before=apart, effect=_change(0.1, notable=True))
    still = PilotMeasure(now=apart, before=apart, effect=_change(0.0, notable=False))
    new = PilotMeasure(now=apart)
    pilot = _pilot(containment_honest=moved, repeat_contact_7d=still, late_claims=new)
    report = compose(material.replace(pilots=(pilot,)))
    told = section(report, "pilots")
    assert told.answer == (
        "Short answers, beyond chance: “Contained, not back, not rated low” moved by "
        "+10\u202fpoints (+0 to +20) against the rest, which is better; “Not claimed in time” "
        "differs from the rest by +20\u202fpoints (+10 to +30), which is worse."
    )
    assert (
        "1 to 30 April 2026, against all others of these days, and against 4 to 31 March"
        in (told.notes[0])
    )
    table = report.tables()["pilot-1"]
    assert [row[-1] for row in table.rows] == [
        "better, beyond chance",
        "may be chance",
        "worse, beyond chance",
    ]
    assert table.rows[2][4:6] == ("–", "–")
    page = " ".join(plain(index_page(report)).split())
    assert "Short answers: moved against the rest, in points (dashed: no difference)" in page
    assert "Back within 7 days: +0 points (−10 to +10)" in page
    data = json.loads(report_json(report))["pilots"][0]
    assert data["before_since"] == "2026-03-04"
    assert data["measures"]["containment_honest"]["effect"]["difference"]["value"] == 0.1


def test_a_pilot_that_nothing_is_in_is_told_so(material: ReportMaterial) -> None:
    """A filter may leave out the pilot, or all but the pilot."""
    none = Comparison(figure=_NOTHING, other=SHARE, difference=_NOTHING)
    report = compose(material.replace(pilots=(_pilot(containment=PilotMeasure(now=none)),)))
    assert "Short answers: no conversation of this report is in it." in (
        section(report, "pilots").answer
    )
    every = Comparison(figure=SHARE, other=_NOTHING, difference=_NOTHING)
    report = compose(material.replace(pilots=(_pilot(containment=PilotMeasure(now=every)),)))
    assert "every conversation of this report is in it" in section(report, "pilots").answer
    assert index_page(report)


def test_a_csv_table_is_for_spreadsheets_and_runs_nothing() -> None:
    """RFC 4180; a text that would be a formula begins with an apostrophe; numbers are in full."""
    table = Table(
        name="t",
        title="T",
        columns=(
            Column(key="word", label="Word"),
            Column(key="times", label="Times", unit="whole"),
            Column(key="share", label="Share", unit="share", figures=True),
        ),
        rows=(
            ('=HYPERLINK("x")', 3, SHARE.replace(value=1 / 3)),
            ("+1", -2, None),
            ("-a", 0, None),
            ("@b", 0, None),
            ('a "quoted",\nline', 1, None),
            ("plain − text", 1, None),
        ),
    )
    data = table_csv(table)
    assert data.count(b"\r\n") == 7
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == [
        "word", "times", "share", "share_low", "share_high", "share_n", "share_enough",
    ]  # fmt: skip
    assert rows[1] == [
        '\'=HYPERLINK("x")', "3", "0.3333333333333333", "0.4", "0.6", "90", "yes",
    ]  # fmt: skip
    assert [row[0] for row in rows[2:]] == [
        "'+1", "'-a", "'@b", 'a "quoted",\nline', "plain − text",
    ]  # fmt: skip
    assert rows[2][1:] == ["-2", "", "", "", "0", "no"]


def test_every_table_has_a_name_of_its_own_and_becomes_csv(report: Report) -> None:
    tables = [table for part in report.sections for table in part.tables]
    assert len({table.name for table in tables}) == len(tables)
    for table in tables:
        rows = list(csv.reader(io.StringIO(table_csv(table).decode(), newline="")))
        assert len(rows) == len(table.rows) + 1
        assert len({len(row) for row in rows}) == 1


def _change(difference: float, *, notable: bool, half: float = 0.1) -> Comparison:
    return Comparison(
        figure=SHARE,
        other=SHARE,
        difference=SHARE.replace(value=difference, low=difference - half, high=difference + half),
        p=0.001 if notable else 0.4,
        notable=notable,
    )
