"""A report as HTML: the page ``index.html``, and the part that the desk shows in its frame."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from plugins.insights.model import Discovery
from plugins.insights.report import words
from plugins.insights.report.plots import plot_svg
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
    environment.globals.update(words=words, svg=plot_svg, evidence=evidence)
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
    return plot_svg(plot)


def evidence(found: Discovery) -> str:
    """The evidence of a finding in a line: its figures by name."""
    parts = []
    for name, value in found.evidence.items():
        label = name.replace("_", " ")
        if isinstance(value, bool):
            parts.append(f"{label}: {'yes' if value else 'no'}")
        elif isinstance(value, int):
            parts.append(f"{label}: {words.count(value)}")
        elif isinstance(value, float):
            parts.append(f"{label}: {value:.3g}")
        elif isinstance(value, str):
            parts.append(f"{label}: {value}")
        elif isinstance(value, list | tuple) and value and not isinstance(value[0], dict | list):
            parts.append(f"{label}: {', '.join(str(item) for item in value[:6])}")
    return " · ".join(parts)


@cache
def _style() -> str:
    folder = resources.files("plugins.insights.report").joinpath("static")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in STYLES)
