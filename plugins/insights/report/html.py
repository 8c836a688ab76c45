"""A report as HTML: the page ``index.html``, and the part that the desk shows in its frame."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway import Json
from plugins.insights.model import Discovery, Figure
from plugins.insights.report import words
from plugins.insights.report.values import Plot, Report

STYLES = ("page.css", "report.css")


@cache
def templates() -> Environment:
    """The templates of the report. A misspelt name in one is an error."""
    environment = Environment(
        loader=PackageLoader("plugins.insights.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=words, svg=plot_html, evidence=evidence, versions=versions)
    return environment


def index_page(report: Report) -> str:
    """The whole report as one file without scripts, which loads nothing from anywhere."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return templates().get_template("index.html").render(
        report=report,
        desk=False,
        query="",
        style=Markup(style),  # noqa: S704  (our own style sheets)
        style_hash=f"sha256-{digest}",
    )  # fmt: skip


def desk_part(report: Report, *, query: str) -> str:
    """The report below the desk's header. ``query`` is that of the page's address, for links."""
    template = templates().get_template("report.html")
    return template.render(report=report, desk=True, query=query)


def plot_html(plot: Plot) -> Markup:
    """One plot as inline SVG."""
    # leather loads a test framework; a server draws nothing before somebody opens the report.
    from plugins.insights.report.plots import plot_svg  # noqa: PLC0415

    return plot_svg(plot)


INTERNAL = frozenset(
    {
        "cohesion", "compared_messages", "language", "log_odds", "nearest_known", "p", "phrase",
        "score", "share_compared", "share_expected", "shared_words", "z",
    }
)  # fmt: skip
"""Evidence that report.json has and the page leaves out: the title has it, or it is for experts."""


def evidence(found: Discovery) -> str:
    """The evidence of a finding in a line."""
    shown = (
        (name.replace("_", " "), _evidence_value(name, value))
        for name, value in found.evidence.items()
        if name not in INTERNAL
    )
    return " · ".join(f"{label}: {value}" for label, value in shown if value)


def versions(found: Discovery) -> list[tuple[str, str]]:
    """A draft and what an agent made of it, for each version that the evidence has."""
    value = found.evidence.get("versions")
    parts = value if isinstance(value, list | tuple) else ()
    return [
        (str(part["draft"]), str(part["sent"]))
        for part in parts
        if isinstance(part, dict) and "draft" in part and "sent" in part
    ]


def _evidence_value(name: str, value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return words.percent(value) if name.startswith("share") else f"{value:.3g}"
    if isinstance(value, dict):
        return _evidence_dict(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value[:6] if isinstance(part, str | int))
    return words.count(value) if isinstance(value, int) else str(value or "")


def _evidence_dict(value: dict[str, Any]) -> str:
    """A share with its interval, or counts by code."""
    if {"value", "low", "high", "n"} <= value.keys():
        return words.figure(msgspec.convert({"enough": True, **value}, Figure), "share")
    return ", ".join(f"{code} {n}" for code, n in value.items() if isinstance(n, int))


@cache
def _style() -> str:
    folder = resources.files("plugins.insights.report").joinpath("static")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in STYLES)
