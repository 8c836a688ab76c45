"""An audit as pages: ``index.html``, whose first sheet is for a manager, and a list behind each
figure. They load nothing from anywhere and have no scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from textwrap import shorten

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway import counted, reason_label
from plugins.history.audit import words
from plugins.history.audit.failures import Failure
from plugins.history.audit.model import AuditedMatter
from plugins.history.audit.report import AuditReport, Listed

MOST_ROWS = 200
"""Matters on one list: so many nobody reads, and each holds what people wrote."""
MOST_TOPICS = 25
SHORT_TEMPLATE = 80
"""Characters of a template on the first sheet."""
LABELS = {
    "answer": "The bot would answer", "clarify": "It would ask back",
    "hand_over": "It would call a person",
}  # fmt: skip


def pages(report: AuditReport) -> Iterator[tuple[str, str]]:
    """The name and the contents of each page, ``index.html`` last: it links the others."""
    for listed in report.lists.values():
        yield f"list-{listed.key}.html", _list(report, listed)
    yield "index.html", _index(report)


def headline(report: AuditReport) -> str:
    """What a manager must know, in one sentence."""
    would = words.part(report.verdicts["answer"], "matters")
    if not report.agreement["agree"].n:
        return f"The bot would answer {would} by itself today"
    told = report.wrong
    if not told.n:
        return f"The bot would answer {would} by itself; how rightly cannot be told yet"
    if told.enough:
        return (
            f"The bot would answer {would} by itself today, and {words.percent(told.value)} of "
            "these wrongly"
        )
    few = words.part(told).replace(" of ", " of the ")
    return f"The bot would answer {would} by itself today; {few} that can be told would be wrong"


def _index(report: AuditReport) -> str:
    split = [(name, LABELS[name], report.verdicts[name]) for name in LABELS]
    widths = "".join(
        f".part.{name} {{ --w: {max(1, round(1000 * each.value))}; }}\n" for name, _, each in split
    )
    style, digest = _style(widths)
    topics = report.topics
    return _templates().get_template("index.html").render(
        report=report,
        words=words,
        style=style,
        style_hash=digest,
        period=_period(report),
        headline=headline(report),
        split=split,
        split_words="; ".join(f"{label} {words.percent(each.value)}" for _, label, each in split),
        automate=[topic for topic in topics if topic.fitness == "automatable"],
        never=[topic for topic in topics if topic.fitness == "never"],
        example=lambda topic: words.example(report, topic),
        answer=lambda topic: words.typical_answer(report, topic),
        fwords=words.failure_words,
        fshort=lambda failure: shorten(
            words.failure_words(failure), SHORT_TEMPLATE, placeholder=" …"
        ),
        told_failures=_told_failures(report.failures),
        most=MOST_TOPICS,
    )  # fmt: skip


def _list(report: AuditReport, listed: Listed) -> str:
    style, digest = _style("")
    heading = listed.title
    if listed.key.startswith("topic-"):
        topic = report.topics[int(listed.key.removeprefix("topic-")) - 1]
        heading = f"“{words.example(report, topic)}”"
    return _templates().get_template("list.html").render(
        listed=listed,
        heading=heading,
        words=words,
        style=style,
        style_hash=digest,
        rows=[report.matters[at] for at in listed.matters[:MOST_ROWS]],
        reasons=_reasons,
    )  # fmt: skip


def _told_failures(failures: Sequence[Failure]) -> list[Failure]:
    """The failures on the first sheet: of each kind the worst, and of templates one more."""
    templates = [each for each in failures if each.words]
    others = [each for each in failures if not each.words]
    return [*templates[:2], *others][:3] if others else templates[:3]


def _reasons(matter: AuditedMatter) -> str:
    return ", ".join(reason_label(code) for code in matter.reasons)


def _period(report: AuditReport) -> str:
    first, last = report.since, report.until
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("plugins.history.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["counted"] = counted
    return environment


def _style(more: str) -> tuple[Markup, str]:
    """Our style sheet with ``more``, and its digest for the content security policy."""
    text = _sheet() + more
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"  # noqa: S704  (our own style sheet)


@cache
def _sheet() -> str:
    folder = resources.files("plugins.history.audit").joinpath("static")
    return folder.joinpath("audit.css").read_text(encoding="utf-8")
