"""The HTML of the pages of proposals: templates that escape everything, and their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    EvaluatedShare,
    ExampleEvaluation,
    StaticAssets,
)
from plugins.insights.learning.effects import told_on
from plugins.insights.learning.evaluation import VERDICTS
from plugins.insights.learning.model import (
    EffectMeasure,
    PairedComparison,
    Proposal,
    ProposalEvaluation,
    ProposalKind,
    ProposalState,
)
from plugins.insights.model import Figure

STATIC = "/desk/proposals/static"
KINDS: Mapping[ProposalKind, str] = {
    "examples": "Sentences",
    "new_intent": "New intent",
    "answer": "Answer",
    "voice_rule": "Voice",
    "threshold": "Routing",
    "customer_phrase": "Customers' phrase",
}
STATES: Mapping[ProposalState, str] = {
    "open": "Open",
    "adopting": "Being adopted",
    "adopted": "Adopted",
    "declined": "Declined",
    "rolled_back": "Rolled back",
}
CHANNELS = {"rest": "REST", "sms": "SMS", "email": "E-mail", "webchat": "Web chat"}
GROUPS = {"all": "All other messages", "new": "The proposal's own messages"}
EVIDENCE = {
    "n": "Messages",
    "messages": "Messages",
    "read_as": "Read as",
    "wrong_costs": "A wrong answer counts as so many questions back",
}


class ProposalTemplates:
    """Renders the templates, and serves the styles."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [self._assets.route(STATIC)]

    def page(
        self,
        name: str,
        *,
        title: str,
        request: DeskPageRequest,
        status: int = 200,
        **values: object,
    ) -> DeskPageResult:
        """The template ``name`` as a page of the desk."""
        html = self._templates.get_template(name).render(title=title, request=request, **values)
        style = f"{STATIC}/{self._assets.version}/proposals.css"
        return DeskPageResult(title=title, html=html, status=status, styles=(style,))

    @cached_property
    def _assets(self) -> StaticAssets:
        return StaticAssets("plugins.insights.learning")

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("plugins.insights.learning"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals.update(
            kinds=KINDS,
            states=STATES,
            verdicts=VERDICTS,
            day=lambda at: f"{at:%-d %B %Y}",
            share=share_text,
            group=group_text,
            change=change_text,
            effect=effect_text,
            difference=difference_text,
            effect_words=effect_words,
            told_on=told_on,
            who=who_text,
            channel=lambda name: CHANNELS.get(name, name.capitalize()),
            evidence=evidence_lines,
        )
        return templates


def shown_evaluation(evaluation: ProposalEvaluation) -> ExampleEvaluation:
    """An evaluation as people read it."""
    shares = tuple(
        EvaluatedShare(
            group="The new sentences" if each.group == "new" else group_text(each),
            measure=each.measure,
            before=share_text(each.before),
            after=share_text(each.after),
            change=change_text(each),
            messages=each.after.n,
            enough=each.after.enough,
        )
        for each in evaluation.comparisons
    )
    return ExampleEvaluation(
        verdict=VERDICTS[evaluation.verdict],
        sentence=evaluation.sentence,
        shares=shares,
        notes=evaluation.notes,
    )


def share_text(figure: Figure) -> str:
    """``94 % (88 to 97)``; a dash without a value."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    digits = 0 if figure.n < 1000 else 1
    value, low, high = (100 * each for each in (figure.value, figure.low, figure.high))
    return f"{value:.{digits}f} % ({low:.{digits}f} to {high:.{digits}f})"


def group_text(comparison: PairedComparison) -> str:
    """What a comparison is of: ``Language de``."""
    known = GROUPS.get(comparison.group)
    return known or comparison.group[:1].upper() + comparison.group[1:].replace("_", " ")


def who_text(agent: str) -> str:
    """``ana`` of ``desk:ana``."""
    return agent.partition(":")[2] or agent


def change_text(comparison: PairedComparison) -> str:
    """How many rows changed, and whether chance explains it."""
    if not comparison.gained and not comparison.lost:
        return "no change"
    text = f"+{comparison.gained} −{comparison.lost}"
    if comparison.p_value is None:
        return text
    if comparison.p_value < 0.001:
        return f"{text}, p < 0.001"
    return f"{text}, p = {comparison.p_value:.2g}"


def effect_words(proposal: Proposal, now: datetime) -> str:
    """What the effect of an adopted proposal is, in a line."""
    if proposal.state == "rolled_back":
        return "rolled back"
    if proposal.decision is None or proposal.state != "adopted":
        return ""
    if proposal.effect is None:
        due = told_on(proposal.decision.at)
        return "not told yet" if now >= due else f"told on {due:%-d %B}"
    told = [each for each in proposal.effect.measures if each.better is not None]
    if not told:
        return "cannot be told"
    first = told[0]
    return f"{'better' if first.better else 'worse'}: {first.title}, {effect_text(first)}"


def effect_text(measure: EffectMeasure) -> str:
    """The difference with its interval, in the measure's unit."""
    return difference_text(measure.measure, measure.change.difference)


def difference_text(name: str, figure: Figure) -> str:
    """``+4 points (1 to 7)`` for shares, else numbers in the unit of the measure."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    from plugins.insights.measures.catalogue import MEASURES  # noqa: PLC0415  (loads numpy)

    unit = MEASURES[name].info.unit if name in MEASURES else "share"
    factor, digits, word = (100, 0, "points") if unit == "share" else (1, 2, unit)
    if unit == "seconds":
        digits = 0
    value, low, high = (factor * each for each in (figure.value, figure.low, figure.high))
    text = f"{value:+.{digits}f} {word} ({low:+.{digits}f} to {high:+.{digits}f})"
    return text.replace("-", "−")


def evidence_lines(proposal: Proposal) -> list[tuple[str, str]]:
    """The figures of the evidence: a name and a value each."""
    found: list[tuple[str, str]] = []
    for key, value in proposal.evidence.items():
        if isinstance(value, dict):
            continue
        name = EVIDENCE.get(key, key[:1].upper() + key[1:].replace("_", " "))
        if key == "reviewer":
            found.append((name, who_text(str(value))))
        elif key == "channel":
            found.append((name, CHANNELS.get(str(value), str(value))))
        elif isinstance(value, float):
            found.append((name, f"{value:.3g}"))
        elif isinstance(value, list):
            found.append((name, ", ".join(map(str, value[:8]))))
        else:
            found.append((name, str(value)))
    return found
